"""Three users of a chat: log in, load the page, ask through the queue, and read the stream of its events."""

import json

from driving import Answer, answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.post(user, "/login", data={"username": user, "password": PASSWORD})
            web.signed_in(user)
            web.get(user, "/config")
        web.get(user, "/user")
        ask(web, user, 0, f"{number}th thing of {user}")
    for user in USERS:
        ask(web, user, 1)
        ask(web, user, 0, f"again {number}")


def ask(web, user, function, *data):
    """Put into the queue, and read the stream until it is done."""
    session = f"session{USERS.index(user)}"

    def join(side):
        body = {"data": list(data), "fn_index": function, "session_hash": session, "trigger_id": 1}
        return answer(side.client(user).post("/gradio_api/queue/join", json=body))

    def read(side):
        done = []
        with side.client(user).stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    event = json.loads(line[5:])
                    if event["msg"] == "process_completed":
                        done.append(json.dumps(event["output"].get("data")))
                        break
        return Answer(stream.status_code, {}, "\n".join(done))

    web.do(user, f"join {function}", join)
    return web.do(user, f"data {function}", read)


def leak(web):
    assert USERS[0] in ask(web, USERS[1], 1).body
    ask(web, USERS[0], 0, "once more")
    assert USERS[0] in ask(web, USERS[1], 0, "once more").body
