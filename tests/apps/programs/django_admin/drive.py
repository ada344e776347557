"""Three administrators who create users and groups, look at each other's records, search and read histories."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/admin/")
            web.submit(user, "/admin/login/?next=/admin/", username=user, password=PASSWORD)
            web.signed_in(user)
        web.get(user, "/admin/")
        web.submit(user, "/admin/auth/group/add/", name=f"group {number} of {user}")
        web.get(user, "/admin/auth/group/")
    for user in USERS:
        for path in (
            "/admin/auth/user/",
            "/admin/auth/user/?q=alice",
            "/admin/auth/user/1/change/",
            "/admin/auth/user/2/change/",
            "/admin/auth/user/1/history/",
            "/admin/auth/user/2/password/",
            "/admin/auth/user/3/delete/",
            "/admin/auth/group/1/history/",
            "/admin/password_change/",
        ):
            web.get(user, path)
        web.submit(user, f"/admin/auth/user/{USERS.index(user) + 1}/change/", last_name=f"{user} {number}")


def leak(web):
    assert USERS[0] in web.get(USERS[1], "/admin/password_change/").body
    web.get(USERS[0], "/admin/auth/user/3/history/")
    assert USERS[0] in web.get(USERS[1], "/admin/auth/user/3/history/").body
