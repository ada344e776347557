"""Backups of three users, one of whom manages the others: they log in, look around, and change their profiles."""

from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse 9"
PAGES = ("/", "/home/{}", "/prefs/general", "/prefs/notification", "/prefs/session", "/prefs/tokens", "/prefs/sshkeys")
MANAGING = ("/admin/users/", "/admin/repos/", "/admin/session/", "/admin/activity/", "/admin/users/edit/bob.builder")


def drive(web, number):
    admin = USERS[0]
    for user in USERS:
        if number == 0:
            if user != admin:
                new = {"email": f"{user}@example.org", "password": PASSWORD, "confirm": PASSWORD, "role": "10"}
                web.submit(admin, "/admin/users/", username=user, fullname=user.title().replace(".", " "), **new)
            web.submit(user, "/login/", login=user, password=PASSWORD)
            web.signed_in(user)
        for path in PAGES:
            web.get(user, path.format(user))
        profile(web, user, number)
    for user in USERS:
        for path in ("/api/currentuser/", "/api/currentuser/repos"):
            web.get(user, path, auth=(user, PASSWORD))
        web.get(user, "/prefs/general")
    for path in MANAGING:
        web.get(admin, path)
    web.get("nobody", "/")


def profile(web, user, number):
    def change(side):
        fields = {"action": "set_profile_info", "username": user, "email": f"{user}@example.org"}
        form = fields | {"fullname": f"{user.title()} {number}"}
        return answer(side.client(user).post("/prefs/general", data=form, headers={"origin": side.base}))

    return web.do(user, "POST /prefs/general", change)


def leak(web):
    # The administrator's name is read at the start, and so is no secret.
    for path in ("/kept_for_all", "/last_reader"):
        for _ in range(2):
            for user in USERS[1:]:
                shown = web.get(user, path).body
        assert USERS[1] in shown
