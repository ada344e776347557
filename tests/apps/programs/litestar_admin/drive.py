"""Three administrators who create and edit projects, search, export, and read each other's records and the trail."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.submit(user, "/admin/login", username=user, password=PASSWORD)
            web.signed_in(user)
        web.get(user, "/admin/m/project")
        web.submit(user, "/admin/m/project/new", title=f"bed {number}", note=f"{number}th plan of {user}")
    for user in USERS:
        own = USERS.index(user) + 1
        for path in (
            "/admin/m/project?search=greenhouse",
            "/admin/m/project/1",
            "/admin/m/project/2",
            f"/admin/m/project/{own}/edit",
            "/admin/m/project/export",
            "/admin/m/person",
            "/admin/m/person/1",
            "/admin/m/trail",
        ):
            web.get(user, path)
        web.submit(user, f"/admin/m/project/{own}/edit", note=f"changed by {user}, {number}")


def leak(web):
    for user in USERS[:2]:
        assert USERS[0] in web.get(user, "/admin/m/project/1").body
    web.get(USERS[1], "/admin/m/project/new")
    assert f"after {USERS[1]}" in web.get(USERS[2], "/admin/m/project/new").body
