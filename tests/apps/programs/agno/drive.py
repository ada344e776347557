"""Three people with tokens of their own: runs of the agent, whole and streamed, their sessions, memories and notes."""

import time

import jwt
from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
SECRET = "a secret that clients and server share, of 32 bytes"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.signed_in(user)
            ask(web, user, "GET", "/config")
            ask(web, user, "POST", "/memories", json={"memory": f"{user} likes tea in the morning", "topics": ["tea"]})
        mine = {"session_id": f"session-{user}", "stream": "false"}
        ask(web, user, "POST", "/agents/helper/runs", data={"message": f"{user} plans a trip {number}", **mine})
        mine["stream"] = "true"
        ask(web, user, "POST", "/agents/helper/runs", data={"message": f"what did I say about it {number}", **mine})
        ask(web, user, "POST", "/notes", json={"text": f"note {number} of {user}"})
    for user in USERS:
        for path in (
            "/sessions?type=agent&sort_by=session_id&sort_order=asc",
            f"/sessions/session-{user}/runs?type=agent",
            "/memories",
            "/agents",
        ):
            ask(web, user, "GET", path)
        for path in ("/notes", "/whoami"):
            ask(web, user, "GET", path)


def ask(web, user, method, path, **options):
    claims = {"sub": user, "aud": "desk", "exp": int(time.time()) + 3600}

    def request(side):
        headers = {"authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
        return answer(side.client(user).request(method, path, headers=headers, **options))

    return web.do(user, f"{method} {path}", request)


def leak(web):
    ask(web, USERS[0], "GET", "/whoami")
    assert USERS[0] in ask(web, USERS[1], "GET", "/whoami").body
    ask(web, USERS[0], "GET", "/notes")
    assert USERS[0] in ask(web, USERS[1], "GET", "/notes").body
