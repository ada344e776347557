"""A chat of several workers: each answer goes through Redis pub/sub to all of them.

``CHAT_BUG=1`` delivers to the socket that connected last instead of to those of the event's user.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

CHANNEL = "chat"
_numbers = itertools.count()


@dataclass
class Context:
    user_id: str
    run_id: str


@dataclass(eq=False)
class Connection:
    user_id: str
    socket: WebSocket


connections: list[Connection] = []


def redis() -> Redis:
    return Redis.from_url(os.environ["CHAT_REDIS"])


async def answer(context: Context, text: str, bus: Redis) -> None:
    """One run: it takes a while, then everybody hears of it."""
    await asyncio.sleep(0.3)
    event = {"kind": "answered", "run_id": context.run_id, "user": context.user_id, "text": f"{text}? yes"}
    await bus.publish(CHANNEL, json.dumps(event))


async def deliver(connection: Connection, event: dict[str, Any]) -> None:
    await connection.socket.send_text(json.dumps({"run_id": event["run_id"], "text": event["text"]}))


async def listen(pubsub: Any) -> None:
    async for message in pubsub.listen():
        event = json.loads(message["data"])
        if os.environ.get("CHAT_BUG") == "1":
            right = connections[-1:]
        else:
            right = [one for one in connections if one.user_id == event["user"]]
        for connection in right:
            await deliver(connection, event)


async def chat(socket: WebSocket) -> None:
    connection = Connection(socket.query_params["user"], socket)
    await socket.accept()
    await socket.send_text(json.dumps({"pid": os.getpid()}))
    connections.append(connection)
    try:
        async for text in socket.iter_text():
            run_id = f"run-{os.getpid()}-{next(_numbers)}"
            await answer(Context(connection.user_id, run_id), text, socket.app.state.bus)
    except WebSocketDisconnect:
        pass
    finally:
        connections.remove(connection)


@asynccontextmanager
async def lifespan(app: Starlette):
    app.state.bus = redis()
    pubsub = app.state.bus.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(CHANNEL)
    task = asyncio.create_task(listen(pubsub))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pubsub.aclose()
        await app.state.bus.aclose()


app = Starlette(routes=[WebSocketRoute("/chat", chat)], lifespan=lifespan)
