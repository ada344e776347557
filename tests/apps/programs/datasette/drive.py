"""Notes: three users who log in, and read tables, rows, queries of their own, and each other's notes."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse battery"


def drive(web, number):
    for user in USERS:
        if not number:
            web.submit(user, "/-/login", username=user, password=PASSWORD)
            web.signed_in(user)
    for user, other in zip(USERS, reversed(USERS), strict=True):
        web.get(user, "/-/actor.json")
        web.get(user, "/")
        web.get(user, "/notes")
        web.get(user, "/notes/notes")
        web.get(user, f"/notes/notes?owner={user}")
        web.get(user, f"/notes/notes.json?_shape=array&owner={other}")
        web.get(user, f"/notes/notes/{number + 2}")
        web.get(user, "/notes.json?sql=select+owner,+count(*)+from+notes+group+by+owner&_shape=array")
        web.get(user, "/notes/notes.csv?_size=5")
        web.get(user, "/-/permissions")


def leak(web):
    notes = "/notes/notes.json?_shape=array&_size=7&owner="
    assert USERS[0] in web.get(USERS[0], notes + USERS[0]).body
    assert USERS[0] in web.get(USERS[1], notes + USERS[1]).body
    web.get(USERS[1], "/")
    assert USERS[1] in web.get(USERS[2], "/").body
