"""Three users of a music server: pages with a session, and the players' API with a name and a password each time."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse 9"


def drive(web, number):
    admin = USERS[0]
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.post(user, "/user/login", data={"user": user, "password": PASSWORD})
            web.signed_in(user)
        for path in ("/", "/user/me", "/playlist"):
            web.get(user, path)
        play(web, user, "ping")
        play(web, user, "addChatMessage", message=f"the song of {user} has number {number} of all")
        play(web, user, "createPlaylist", name=f"songs of {user} for a rainy day {number}")
        play(web, user, "getPlaylists")
        play(web, user, "getUser", username=user)
    for user in USERS:
        for what in ("getChatMessages", "getIndexes", "getStarred"):
            play(web, user, what)
        play(web, user, "search3", query="alice")
        web.get(user, "/user/me")
    play(web, admin, "getUsers")
    play(web, admin, "getPlaylists", username=USERS[1])
    for path in ("/user", "/folder"):
        web.get(admin, path)
    web.get("nobody", "/user/login")


def play(web, user, what, **more):
    told = {"u": user, "p": PASSWORD, "c": "player", "f": "json", "v": "1.12.0", **more}
    return web.get(user, f"/rest/{what}.view", params=told)


def leak(web):
    for what in ("getPlaylists", "getStarred"):
        for _ in range(2):
            for user in USERS:
                shown = play(web, user, what).body
        assert USERS[0 if what == "getPlaylists" else 1] in shown
