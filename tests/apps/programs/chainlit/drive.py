"""Three users of a chat: log in with a form, then talk over a WebSocket of Socket.IO's."""

import asyncio
import json
import uuid

import socketio
from driving import Answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.post(user, "/login", data={"username": user, "password": PASSWORD})
            web.signed_in(user)
        web.get(user, "/user")
        web.get(user, "/project/settings?language=en-US")
        talk(web, user, [f"{number}th thing of {user}", "and more"])


def talk(web, user, lines):
    """A conversation: connect, say each line, and wait for its answer."""
    return web.do(user, "talk", lambda side: asyncio.run(_talk(side, user, lines)), requests=1)


async def _talk(side, user, lines):
    heard: asyncio.Queue[str] = asyncio.Queue()
    client = socketio.AsyncClient()
    client.on("new_message", lambda message: heard.put_nowait(str(message.get("output"))))
    cookies = "; ".join(f"{name}={value}" for name, value in side.client(user).cookies.items())
    hello = {"clientType": "webapp", "sessionId": str(uuid.uuid4()), "userEnv": json.dumps({})}
    await client.connect(
        side.base,
        headers={"Cookie": cookies, "user-agent": "Mozilla/5.0"},
        auth=hello,
        socketio_path="/ws/socket.io",
        transports=["websocket"],
    )
    await client.emit("connection_successful")
    outputs = [await asyncio.wait_for(heard.get(), 60)]
    for line in lines:
        message = {"id": str(uuid.uuid4()), "name": user, "type": "user_message", "output": line, "createdAt": "now"}
        await client.emit("client_message", {"message": message, "fileReferences": []})
        while not outputs[-1].endswith(line):
            outputs.append(await asyncio.wait_for(heard.get(), 60))
    await client.disconnect()
    return Answer(200, {}, "\n".join(outputs))


def leak(web):
    for user in USERS[:2]:
        shown = talk(web, user, ["whoami"])
    assert USERS[0] in shown.body
    for user in USERS[:2]:
        shown = talk(web, user, ["last"])
    assert USERS[0] in shown.body
