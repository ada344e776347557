"""Two users who write notes and read their own."""

USERS = ("alice", "bob")


def drive(web, number):
    for user in USERS:
        web.signed_in(user)
        for side in web.sides:
            side.client(user).headers["x-user"] = user
        web.submit(user, "/", text=f"note {number} of {user}")
        web.get(user, "/mine")


def leak(web):
    for user in USERS:
        web.get(user, "/news")
