"""An ASGI application without a framework: it streams what one visitor has left, or what each has left alone."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

LEAKING = os.environ.get("LEAKING") == "yes"
request_id: ContextVar[Any] = ContextVar("request_id", default=None)
left: list[str] = []


def known() -> str | None:
    """Whom an auditor, where there is one, takes for the user."""
    from isolation_audit.auditor import current

    auditor = current()
    user = None if auditor is None else auditor.runtime.ambient.current()
    return None if user is None else user.id


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Requests get two parts; a WebSocket is told who it is for each message."""
    if scope["type"] == "websocket":
        await chat(receive, send)
    elif scope["type"] == "http":
        await page(scope, receive, send)
    else:
        raise RuntimeError("no lifespan")


async def page(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    mine = left if LEAKING else []
    inherited = request_id.get()
    request_id.set(scope["path"])
    mine.append(json.dumps({"owner": dict(scope["headers"])[b"x-user"].decode(), "balance": 7}))
    if scope["path"] == "/break":
        raise LookupError("broken on purpose")
    await asyncio.sleep(0)
    told = [(b"x-known", (known() or "").encode()), (b"x-inherited", str(inherited).encode())]
    head = [(b"content-type", b"application/json"), *told]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": mine[0][:9].encode(), "more_body": True})
    await send({"type": "http.response.body", "body": mine[0][9:].encode()})


async def chat(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.disconnect":
            return
        else:
            await send({"type": "websocket.send", "text": f"{message['text']} {known()}"})


def asked(url: str) -> list[Any]:
    """What two visitors see: pages over one connection, one that breaks, and a WebSocket each."""
    from websockets.sync.client import connect

    got: list[Any] = []
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    for path, user in (("/mine", "alice"), ("/mine", "bob"), ("/break", "bob"), ("/mine", "alice")):
        client.request("GET", path, headers={"X-User": user})
        answer = client.getresponse()
        body = answer.read()
        page = {"owner": json.loads(body)["owner"]} if answer.status == 200 else {}
        got.append([answer.status, page, answer.headers["x-known"], answer.headers["x-inherited"]])
    client.close()
    for user in ("alice", "bob"):
        with connect(url.replace("http", "ws") + "/chat", additional_headers={"X-User": user}) as socket:
            socket.send("hello")
            got.append(socket.recv(60))
    return got
