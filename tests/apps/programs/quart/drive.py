"""Three users: log in, write notes, read their own and each other's, and talk in a room."""

from driving import Answer
from websockets.sync.client import connect

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.submit(user, "/login", username=user, password=PASSWORD)
            web.signed_in(user)
        web.submit(user, "/", note=f"{number}th of {user}")
    for user, other in zip(USERS, reversed(USERS), strict=True):
        for path in ("/", f"/?of={other}", "/api/me", "/api/counts", "/api/notes.txt"):
            web.get(user, path)
        talk(web, user, other, f"hello {number}")
    web.get("nobody", "/api/me")


def talk(web, user, other, line):
    """Both come into a room; one speaks and both hear it."""

    def act(side):
        with entering(side, user) as mine, entering(side, other) as theirs:
            # Who comes in hears nothing of that; only what one says oneself tells that one is there.
            heard = []
            for socket in (theirs, mine):
                socket.send(line)
                heard.append(socket.recv(timeout=60))
            heard.append(theirs.recv(timeout=60))
        return Answer(200, {}, "\n".join(heard))

    return web.do(user, "talk", act, requests=2)


def entering(side, user):
    cookies = "; ".join(f"{name}={value}" for name, value in side.client(user).cookies.items())
    place = f"ws://127.0.0.1:{side.port}/chat/garden"
    return connect(place, additional_headers={"cookie": cookies}, proxy=None)


def leak(web):
    web.get(USERS[0], "/api/me")
    assert USERS[0] in web.get(USERS[1], "/api/me").body
    for user in (*USERS, *USERS):
        notes = web.get(user, "/api/notes.txt").body
    assert f"after {USERS[1]}" in notes
