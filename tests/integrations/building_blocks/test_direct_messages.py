"""What one user addresses to another by name, through one connection to the other's, and what goes there by mistake."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from starlette.requests import Request

clients = pytest.importorskip("websockets.asyncio.client", reason="it came with websockets 13.0")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ALICE, BOB = "alice.liddell", "bob.builder"


def application() -> Any:
    here: dict[str, WebSocket] = {}

    async def deliver(user: str, to: str, text: str) -> None:
        await here[to].send_text(json.dumps({"user": user, "text": text, "number": 7}))

    async def connected(websocket: WebSocket) -> None:
        await websocket.accept()
        user = websocket.headers["x-user"]
        here[user] = websocket
        await websocket.send_text("ready")
        try:
            while True:
                said = json.loads(await websocket.receive_text())
                # Without an addressee it was meant for whoever asked.
                await deliver(user, said.get("to", BOB), said["text"])
        except WebSocketDisconnect:
            return

    async def post(request: Request) -> JSONResponse:
        await deliver(request.headers["x-user"], request.path_params["to"], "hello")
        return JSONResponse({"sent": True})

    return Starlette(routes=[WebSocketRoute("/chat", connected), Route("/to/{to}", post, methods=["POST"])])


def talking(*said: dict[str, str], post: str = "") -> Any:
    """What bob is sent when alice has said this, and has posted to a path."""

    async def run() -> list[str]:
        async with serving(application()) as url:
            connected = [
                await clients.connect(f"{url}/chat", additional_headers={"x-user": user}) for user in (ALICE, BOB)
            ]
            for client in connected:
                assert await client.recv() == "ready"
            for one in said:
                await connected[0].send(json.dumps(one))
            if post:
                async with httpx.AsyncClient() as client:
                    await client.post(f"http{url.removeprefix('ws')}{post}", headers={"x-user": ALICE})
            got = [str(await asyncio.wait_for(connected[1].recv(), 60)) for _ in (*said, *filter(None, [post]))]
            for client in connected:
                await client.close()
        return got

    return run


def test_a_message_that_names_its_addressee_is_a_letter(audited) -> None:
    done = audited(talking({"to": BOB, "text": "see you at noon"}, {"text": "or not", "to": BOB}), parse_config({}))
    assert [json.loads(one)["user"] for one in done.result] == [ALICE, ALICE]
    assert done.findings == {}


def test_so_is_one_whose_path_does(audited) -> None:
    done = audited(talking(post=f"/to/{BOB}"), parse_config({}))
    assert json.loads(done.result[0])["user"] == ALICE
    assert done.findings == {}


def test_one_that_names_nobody_is_none(audited) -> None:
    done = audited(talking({"text": "what is my balance?"}), parse_config({}))
    assert json.loads(done.result[0])["user"] == ALICE
    assert set(done.findings) == {"IA202"}
