"""Browsers send no headers with a WebSocket: the token is in the first message, or in what Socket.IO connects with."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest
from clients import NAMED, Browser, known, websocket
from servers import serving

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")


class Desk:
    """``POST /login`` hands out an opaque token; the connections that come with it later say who they are for."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def login(self, request: Any) -> Any:
        from starlette.responses import JSONResponse

        await request.json()
        return JSONResponse({"token": secrets.token_hex(16)})

    async def talk(self, websocket: Any) -> None:
        await websocket.accept()
        self.seen.append(known())
        await websocket.receive_text()
        self.seen.append(known())
        await websocket.send_text("welcome")
        await websocket.receive_text()
        self.seen.append(known())
        await websocket.close()

    def routes(self) -> list[Any]:
        from starlette.routing import Route, WebSocketRoute

        return [Route("/login", self.login, methods=["POST"]), WebSocketRoute("/talk", self.talk)]


async def token_of(url: str, user: str) -> str:
    browser = Browser(url)
    try:
        return json.loads(await browser.get("/login", body=json.dumps({"username": user, "password": "p"})))["token"]
    finally:
        browser.close()


@pytest.mark.parametrize("wrap", [lambda token: json.dumps({"type": "auth", "token": token}), lambda token: token])
def test_the_first_message_of_a_websocket(audited, wrap):
    from starlette.applications import Starlette

    desk = Desk()

    async def scenario() -> None:
        async with serving(Starlette(routes=desk.routes())) as url, asyncio.timeout(20):
            tokens = {user: await token_of(url, user) for user in ("alice", "bob")}
            for user in ("bob", "alice"):
                async with websocket(f"{url}/talk") as client:
                    await client.send_str(wrap(tokens[user]))
                    await client.receive_str()
                    await client.send_str("how are you")
                    await client.receive()

    audited(scenario, NAMED)
    assert desk.seen == [None, "bob", "bob", None, "alice", "alice"]


def test_a_conversation_is_nobody_s_login(audited):
    """Two people in one conversation send its id with each message."""
    from starlette.applications import Starlette

    desk = Desk()

    async def scenario() -> None:
        async with serving(Starlette(routes=desk.routes())) as url, asyncio.timeout(20):
            for user in ("bob", None):
                headers = {"X-User": user} if user else {}
                async with websocket(f"{url}/talk", **headers) as client:
                    for text in ("hello", "bye"):
                        await client.send_str(json.dumps({"session_id": "f81d4fae7dec11d0a765", "text": text}))
                    await client.receive()

    audited(scenario, NAMED)
    assert desk.seen == ["bob"] * 3 + [None] * 3


def test_what_socket_io_connects_with(audited):
    socketio = pytest.importorskip("socketio")
    from starlette.applications import Starlette

    server, seen = socketio.AsyncServer(async_mode="asgi"), []

    @server.event
    async def connect(_sid: str, _environ: Any, auth: Any) -> None:
        assert auth["token"]
        seen.append(known())

    @server.event
    async def ask(_sid: str) -> str | None:
        return known()

    async def scenario() -> str | None:
        app = socketio.ASGIApp(server, Starlette(routes=Desk().routes()))
        async with serving(app) as url:
            token = await token_of(url, "alice")
            client = socketio.AsyncClient()
            await client.connect(url.replace("ws", "http"), auth={"token": token}, transports=["websocket"])
            try:
                return await client.call("ask")
            finally:
                await client.disconnect()

    done = audited(scenario, NAMED)
    assert (seen, done.result) == (["alice"], "alice")
