"""An administrator and two moderators who write pages, read each other's, search, and look at the site's history."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/admin/")
            web.submit(user, "/admin/login/", username=user, password=PASSWORD)
            web.signed_in(user)
        web.get(user, "/admin/")
        title = f"page {number} of {user}"
        web.submit(user, "/admin/pages/add/home/homepage/3/", title=title, slug=title.replace(" ", "-"))
        web.get(user, "/admin/pages/3/")
    for user in USERS:
        for path in (
            "/admin/pages/search/?q=page",
            "/admin/pages/4/edit/",
            "/admin/pages/5/edit/",
            "/admin/pages/4/history/",
            "/admin/pages/5/history/",
            "/admin/pages/3/",
            "/admin/images/",
            "/admin/documents/",
            "/admin/account/",
            "/admin/workflows/list/",
            "/admin/reports/site-history/",
            "/admin/users/",
            "/admin/users/2/",
            "/",
        ):
            web.get(user, path)


def leak(web):
    assert USERS[0] in web.get(USERS[1], "/admin/account/").body
    web.get(USERS[1], "/admin/images/")
    assert USERS[1] in web.get(USERS[2], "/admin/images/").body
