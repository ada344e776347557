"""A forum: an administrator, a moderator and two members who write, read and quote each other, search, and manage."""

USERS = ("alice.liddell", "bob.builder", "carol.kane", "dan.brown")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.submit(user, "/auth/login", login=user, password=PASSWORD)
            web.signed_in(user)
        web.get(user, "/")
        web.submit(user, "/1/topic/new", title=f"topic {number} of {user}", content=f"I am {user}")
        web.get(user, "/forum/1")
    for user in USERS:
        web.submit(user, "/topic/1/post/new", content=f"@{USERS[0]} wrote this, says {user}")
        for path in (
            "/topic/1",
            "/topic/2",
            "/topic/3",
            "/memberlist",
            "/search?search_query=topic",
            f"/user/{USERS[0]}",
            f"/user/{USERS[1]}/topics",
            f"/user/{USERS[2]}/posts",
            "/user/settings/general",
            "/topictracker",
            "/who-is-online",
            "/post/2/raw",
        ):
            web.get(user, path)
        web.submit(user, "/user/settings/user-details", location=f"at {user}'s", notes=f"{number}")
    for path in ("/admin/", "/admin/users", "/admin/users/3/edit", "/admin/groups", "/admin/unread_reports"):
        web.get(USERS[0], path)


def leak(web):
    web.get(USERS[2], "/user/settings/email")
    assert USERS[2] in web.get(USERS[3], "/user/settings/email").body
    web.get(USERS[2], "/user/settings/password")
    assert USERS[2] in web.get(USERS[3], "/user/settings/password").body
