"""Three users of a printer: log in, upload, change their settings, ask for keys, and listen to what is pushed."""

import json
import time
from contextlib import suppress

from driving import Answer, answer
from httpx import TransportError
from websockets.sync.client import connect

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    if number == 0:
        for side in web.sides:
            wait(side)
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.get(user, "/login/")
            login(web, user)
            web.signed_in(user)
        for path in (
            "/",
            "/api/currentuser",
            "/api/files?recursive=true",
            "/api/settings",
            f"/api/access/users/{user}",
        ):
            web.get(user, path)
        gcode = (f"{user}-{number}.gcode", f"; by {user}\nG28\n", "text/plain")
        call(web, user, "POST", "/api/files/local", files={"file": gcode})
        call(web, user, "PATCH", f"/api/access/users/{user}/settings", json={"colour": f"{number} of {user}"})
        listen(web, user)
    for user in USERS:
        for path in (
            f"/api/access/users/{user}/settings",
            "/api/files/local/alice.liddell-0.gcode",
            "/api/plugin/appkeys",
        ):
            web.get(user, path)
        call(web, user, "POST", "/api/plugin/appkeys", json={"command": "generate", "app": f"app {number} of {user}"})
    for path in ("/api/access/users", "/api/access/groups", "/api/plugin/appkeys?all=true"):
        web.get(USERS[0], path)


def wait(side):
    """Until the application itself listens: another server says meanwhile that it is coming."""
    for _ in range(600):
        try:
            if "csrf_token" in str(side.client("nobody").get("/login/").cookies):
                return
        except TransportError:
            pass
        time.sleep(0.5)


def guard(client):
    return next((value for name, value in client.cookies.items() if name.startswith("csrf_token")), "")


def call(web, user, method, path, **options):
    def ask(side):
        client = side.client(user)
        return answer(client.request(method, path, headers={"x-csrf-token": guard(client)}, **options))

    return web.do(user, f"{method} {path}", ask)


def login(web, user):
    def ask(side):
        client = side.client(user)
        done = client.post("/api/login", json={"user": user, "pass": PASSWORD}, headers={"x-csrf-token": guard(client)})
        side.kept[user] = done.json()["session"]
        return answer(done)

    web.do(user, "POST /api/login", ask)


def listen(web, user):
    """Some messages of the socket; what they tell depends on the moment."""

    def hear(side):
        cookies = "; ".join(f"{name}={value}" for name, value in side.client(user).cookies.items())
        place = f"ws://127.0.0.1:{side.port}/sockjs/websocket"
        with connect(place, additional_headers={"cookie": cookies}, max_size=None, proxy=None) as socket:
            while "connected" not in json.loads(socket.recv(timeout=60)):
                pass
            socket.send(json.dumps({"auth": f"{user}:{side.kept[user]}"}))
            with suppress(TimeoutError):
                socket.recv(timeout=2)
        return Answer(200, {}, "")

    web.do(user, "the socket", hear)


def leak(web):
    for _ in range(2):
        for user in USERS:
            web.get(user, "/api/currentuser")
            web.get(user, f"/api/access/users/{user}/settings")
    assert USERS[0] in web.get(USERS[1], "/api/currentuser").body
