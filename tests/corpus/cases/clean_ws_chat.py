# requires: fastapi==0.115.0 uvicorn==0.30.6 websockets==12.0
# A chat room on WebSockets: a greeting for each, the same line to all, who comes and who goes.
import asyncio
import contextvars
import socket

import uvicorn
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

current_user = contextvars.ContextVar("current_user", default=None)
app = FastAPI()


class Room:
    def __init__(self):
        self.active = []

    async def broadcast(self, text):
        for websocket in list(self.active):
            await websocket.send_text(text)


room = Room()


@app.websocket("/chat/{user}")
async def chat(websocket: WebSocket, user: str):
    current_user.set(user)
    await websocket.accept()
    room.active.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"You, {user}, wrote: {text}")
            await room.broadcast(f"Client #{user} says: {text}")
            await room.broadcast("maintenance at five")
    except WebSocketDisconnect:
        room.active.remove(websocket)
        await room.broadcast(f"{user} left the chat")


async def client(port, user):
    async with websockets.connect(f"ws://127.0.0.1:{port}/chat/{user}") as connection:
        await asyncio.sleep(0.1)
        await connection.send("good morning")
        await asyncio.sleep(0.1 if user == "alice" else 0.2)


async def main():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    while not running.started:
        await asyncio.sleep(0.01)
    port = listening.getsockname()[1]
    await asyncio.gather(*(client(port, user) for user in ("alice", "bob", "carol")))
    running.should_exit = True
    await serving
    print("OK")


asyncio.run(main())
