# requires: python-socketio==5.11.2 uvicorn==0.30.6 aiohttp>=3.11
# A chat: greetings, presence, rooms, whispers, rounds and answers, all of them meant for those who receive them.
import asyncio
import contextvars
import socket

import socketio
import uvicorn

current_user = contextvars.ContextVar("current_user", default=None)
server = socketio.AsyncServer(async_mode="asgi")
sids = {}


@server.event
async def connect(sid, environ, auth):
    user = auth["user"]
    current_user.set(user)
    sids[user] = sid
    await server.save_session(sid, {"username": user, "room": "lobby"})
    await server.enter_room(sid, "lobby")
    await server.enter_room(sid, f"user_{user}")
    await server.emit("presence", {"user": user, "online": True}, skip_sid=sid)
    await server.emit("presence", f"{user} joined")
    await server.emit("users", sorted(sids))


@server.event
async def say(sid, text):
    user = (await server.get_session(sid))["username"]
    current_user.set(user)
    await server.emit("news", "maintenance at five")
    await server.emit("message", {"from": user, "text": text})
    await server.emit("message", {"username": user, "text": text}, room="lobby")
    await server.emit("answer", f"the answer for {user}: {text.upper()}", to=sid)
    await server.emit("answer", f"the answer for {user}: {text.upper()}", room=f"user_{user}")
    for other in sids.values():
        await server.emit("message", f"in the words of {user}: {text}", to=other)
    for name, other in sids.items():
        if name != user:
            await server.emit("whisper", {"sender": user, "to": name, "text": text}, to=other)


async def main():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(server), log_level="error"))
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    while not running.started:
        await asyncio.sleep(0.01)
    clients = []
    for user in ("alice", "bob", "carol"):
        client = socketio.AsyncClient()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        await client.connect(address, auth={"user": user}, transports=["websocket"])
        clients.append(client)
    await asyncio.gather(*(client.emit("say", "good morning") for client in clients))
    await asyncio.sleep(0.3)
    for client in clients:
        await client.disconnect()
    running.should_exit = True
    await serving
    print("OK")


asyncio.run(main())
