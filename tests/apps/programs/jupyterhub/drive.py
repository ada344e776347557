"""A hub: an administrator and two users who log in, ask for tokens, look at their homes, and administer."""

from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in reversed(USERS):  # the administrator last: the hub has read her record at its start
        if number == 0:
            web.submit(user, "/hub/login", username=user, password=PASSWORD)
            web.signed_in(user)
        web.get(user, "/hub/home")
        web.get(user, "/hub/token")
        token(web, user, f"token {number} of {user}")
    for user in USERS:
        web.get(user, "/hub/home")
        web.get(user, "/hub/token")
        by_token(web, user, "/hub/api/user")
        by_token(web, user, f"/hub/api/users/{user}")
        by_token(web, user, f"/hub/api/users/{user}/tokens")
        by_token(web, user, "/hub/api/users")
        web.get(user, "/hub/admin")
    by_token(web, USERS[0], "/hub/api/users?state=ready")
    by_token(web, USERS[0], f"/hub/api/users/{USERS[1]}")
    by_token(web, USERS[0], "/hub/api/groups")


def token(web, user, note):
    def ask(side):
        client = side.client(user)
        headers = {"X-XSRFToken": client.cookies.get("_xsrf", path="/hub/") or "", "referer": side.base + "/hub/token"}
        made = client.post(f"/hub/api/users/{user}/tokens", json={"note": note}, headers=headers)
        side.kept[user] = made.json()["token"]
        made = answer(made)
        made.body = made.body.replace(side.kept[user], "TOKEN")
        return made

    web.do(user, "POST tokens", ask)


def by_token(web, user, path):
    def ask(side):
        headers = {"authorization": f"token {side.kept[user]}"}
        return answer(side.client(f"program of {user}").get(path, headers=headers))

    web.do(user, f"GET {path}", ask)


def leak(web):
    assert USERS[2] in web.get(USERS[1], "/hub/home").body
    web.get(USERS[1], "/hub/token")
    assert USERS[1] in web.get(USERS[2], "/hub/token").body
