# requires: python-socketio==5.11.2 uvicorn==0.30.6 aiohttp>=3.11
# A worker keeps the session id of whoever asked last, and answers an earlier question there.
import asyncio
import contextvars
import socket

import socketio
import uvicorn

current_user = contextvars.ContextVar("current_user", default=None)
server = socketio.AsyncServer(async_mode="asgi")
users = {}


class Worker:
    sid = None

    async def answer(self, sid, question):
        self.sid = sid
        await asyncio.sleep(0.1)
        await server.emit("answer", {"user": current_user.get(), "answer": question.upper()}, to=self.sid)


worker = Worker()


@server.event
async def connect(sid, environ, auth):
    users[sid] = auth["user"]
    current_user.set(auth["user"])


@server.event
async def ask(sid, question):
    current_user.set(users[sid])
    await worker.answer(sid, question)


async def main():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(server), log_level="error"))
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    while not running.started:
        await asyncio.sleep(0.01)
    inbox, clients = {"alice": [], "bob": []}, []
    for user, received in inbox.items():
        client = socketio.AsyncClient()
        client.on("answer", received.append)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        await client.connect(address, auth={"user": user}, transports=["websocket"])
        clients.append(client)
    for client in clients:
        await client.emit("ask", "what is my balance?")
        await asyncio.sleep(0.03)
    await asyncio.sleep(0.3)
    for client in clients:
        await client.disconnect()
    running.should_exit = True
    await serving
    print(inbox, "LEAK" if any(message["user"] == "alice" for message in inbox["bob"]) else "OK")


asyncio.run(main())
