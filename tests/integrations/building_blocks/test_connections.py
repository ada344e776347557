"""Whose WebSocket is written to, and by whose work: Starlette on a real uvicorn, the websockets package, aiohttp."""

from __future__ import annotations

import asyncio
import contextvars
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from aiohttp import web
from servers import line_of, serving
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from isolation_audit import canary
from isolation_audit.config import parse_config

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

current_user: contextvars.ContextVar[str | None] = contextvars.ContextVar("current_user", default=None)
USERS = [f"guest-{number:02}" for number in range(10)]


def config(**tables: Any) -> Any:
    return parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}, **tables})


class ThroughStarlette:
    """Clients by name on a Starlette application; ``answer(room, send, user)`` runs for each question."""

    send = staticmethod(WebSocket.send_text)

    def __init__(self, answer: Any) -> None:
        self.room: dict[str, Any] = {}
        self.answer = answer

    async def chat(self, websocket: WebSocket) -> None:
        user = websocket.path_params["user"]
        current_user.set(user)
        await websocket.accept()
        self.room[user] = websocket
        try:
            while True:
                await websocket.receive_text()
                await self.answer(self.room, type(self).send, user)
        except WebSocketDisconnect:
            self.room.pop(user, None)

    def serving(self) -> Any:
        return serving(Starlette(routes=[WebSocketRoute("/{user}", self.chat)]))


class ThroughWebsockets(ThroughStarlette):
    """The same without an application around it."""

    @staticmethod
    async def send(connection: Any, text: str) -> None:
        await connection.send(text)

    async def chat(self, connection: Any) -> None:
        user = connection.request.path.strip("/")
        current_user.set(user)
        self.room[user] = connection
        async for _question in connection:
            await self.answer(self.room, type(self).send, user)

    @asynccontextmanager
    async def serving(self) -> Any:
        async with websockets.serve(self.chat, "127.0.0.1", 0) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class ThroughAiohttp(ThroughStarlette):
    """The same on aiohttp's own server."""

    @staticmethod
    async def send(websocket: Any, text: str) -> None:
        await websocket.send_str(text)

    async def chat(self, request: Any) -> Any:
        user = request.match_info["user"]
        current_user.set(user)
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        self.room[user] = websocket
        async for _question in websocket:
            await self.answer(self.room, type(self).send, user)
        self.room.pop(user, None)
        return websocket

    @asynccontextmanager
    async def serving(self) -> Any:
        app = web.Application()
        app.router.add_get("/{user}", self.chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


EACH = pytest.mark.parametrize("kind", [ThroughStarlette, ThroughWebsockets, ThroughAiohttp])


def scenario(server: Any, asking: int = 1) -> Any:
    """Ten clients say hello, so that the server knows them; then some ask."""

    async def run() -> dict[str, list[str]]:
        async with server.serving() as url:
            answer, server.answer = server.answer, hello
            clients = [await websockets.connect(f"{url}/{user}") for user in USERS]
            for client in clients:
                await client.send("hello")
                await client.recv()
            server.answer = answer
            await asyncio.gather(*(client.send("question") for client in clients[:asking]))
            await asyncio.sleep(0.1)
            inbox = {}
            for user, client in zip(USERS, clients, strict=True):
                await client.close()
                inbox[user] = [message async for message in client]
            return inbox

    return run


async def hello(room: Any, send: Any, user: str) -> None:
    await send(room[user], "hello")


async def to_the_last_one(room: Any, send: Any, user: str) -> None:
    await asyncio.sleep(0.01)
    await send(room[USERS[-1]], json.dumps({"for": user, "answer": 42}))  # wrong socket


@EACH
def test_an_answer_on_another_users_connection(audited, kind) -> None:
    done = audited(scenario(kind(to_the_last_one), asking=10), config())
    assert len(done.result[USERS[-1]]) == 10
    assert done.counts == {"IA202": 9}
    label = done.auditor.pseudonyms.text
    assert {finding.witnesses.addressee for finding in done.findings["IA202"]} == {label(USERS[-1])}
    assert label(USERS[-1]) not in {finding.witnesses.content for finding in done.findings["IA202"]}
    (finding, *_others) = done.findings["IA202"]
    assert finding.site.top.file == __file__
    assert line_of(to_the_last_one, "# wrong socket") in [frame.line for frame in finding.site.stack]
    assert finding.message.startswith("data of user-")
    assert done.auditor.runtime.tally.crossings == 9


@pytest.mark.parametrize("leaking", [True, False])
def test_aiohttp_with_no_word_about_users_but_their_headers(audited, leaking) -> None:
    room: dict[str, Any] = {}

    async def chat(request: Any) -> Any:
        user, websocket = request.headers["X-User"], web.WebSocketResponse()
        await websocket.prepare(request)
        room[user] = websocket
        async for _question in websocket:
            await websocket.send_str("one moment")
            await room["guest-bob" if leaking else user].send_json({"for": user, "answer": 42})
        return websocket

    async def scenario() -> None:
        app = web.Application()
        app.router.add_get("/", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        async with (
            websockets.connect(url, additional_headers={"X-User": "guest-bob"}) as bob,
            websockets.connect(url, additional_headers={"X-User": "guest-alice"}) as alice,
        ):
            await alice.send("question")
            await alice.recv()
            await (bob if leaking else alice).recv()
        await runner.cleanup()

    done = audited(scenario)
    assert done.counts == ({"IA202": 1} if leaking else {})
    assert done.auditor.runtime.tally.requests_named == 2


@EACH
def test_a_canary_does_not_wait(audited, kind) -> None:
    async def answer(room: Any, send: Any, user: str) -> None:
        for connection in list(room.values()):
            await send(connection, canary(user))

    done = audited(scenario(kind(answer)), config())
    assert set(done.findings) == {"IA202"}
    assert done.counts["IA202"] == 9


async def same_for_all(room: Any, send: Any, user: str) -> None:
    for connection in list(room.values()):
        await send(connection, "maintenance at five")


async def round_with_the_sender(room: Any, send: Any, user: str) -> None:
    for connection in reversed(list(room.values())):
        await send(connection, f"Client #{user} says: hello")


async def round_of_new_texts(room: Any, send: Any, user: str) -> None:
    for connection in reversed(list(room.values())):
        await send(connection, json.dumps({"user": user, "text": "hello"}))


async def round_among_others(room: Any, send: Any, user: str) -> None:
    for name, connection in list(room.items()):
        if name != user:
            await send(connection, json.dumps({"user": user, "position": 5}))


async def between_two(room: Any, send: Any, user: str) -> None:
    await send(room[USERS[-1]], json.dumps({"from": user, "text": "psst"}))
    await send(room[USERS[-1]], f"{user} likes your photo")
    await send(room[USERS[-1]], f"{USERS[-1]}, this is from {user}")


async def own(room: Any, send: Any, user: str) -> None:
    await send(room[user], f"the answer for {user}")


async def logged_in_anew(room: Any, send: Any, user: str) -> None:
    current_user.set("guest-77")
    await send(room[user], "welcome guest-77")


async def from_a_task_of_nobody(room: Any, send: Any, user: str) -> None:
    task = asyncio.create_task(send(room[USERS[-1]], f"won by {user}"), context=contextvars.Context())
    await task


@EACH
@pytest.mark.parametrize(
    "answer",
    [
        same_for_all,
        round_with_the_sender,
        round_of_new_texts,
        round_among_others,
        between_two,
        own,
        logged_in_anew,
        from_a_task_of_nobody,
    ],
)
def test_what_is_silent_on_purpose(audited, kind, answer) -> None:
    done = audited(scenario(kind(answer), asking=1), config())
    assert any(done.result.values()), "it was sent"
    assert done.findings == {}


def broadcasting(text: str) -> ThroughWebsockets:
    async def answer(room: Any, _send: Any, user: str) -> None:
        from websockets.asyncio.server import broadcast

        broadcast(room.values(), text.format(user=user))

    return ThroughWebsockets(answer)


def test_a_private_answer_broadcast(audited) -> None:
    done = audited(scenario(broadcasting("the balance of {user} is 5")), config())
    assert all(done.result.values()), "everybody was sent it"
    assert done.counts == {"IA208": 1}
    (finding,) = done.findings["IA208"]
    assert finding.site.top.file == __file__
    secret = canary(USERS[0])
    assert audited(scenario(broadcasting(secret)), config()).counts == {"IA205": 1}


@pytest.mark.parametrize("text", ["maintenance at five", "{user}: hello", "{user} is typing", '{{"user": "{user}"}}'])
def test_broadcasts_that_are_silent_on_purpose(audited, text) -> None:
    done = audited(scenario(broadcasting(text)), config())
    assert all(done.result.values())
    assert done.findings == {}


@EACH
def test_a_public_event(audited, kind) -> None:
    async def answer(room: Any, send: Any, user: str) -> None:
        await send(room[USERS[-1]], json.dumps({"type": "auction", "bid": f"5 by {user}"}))

    assert set(audited(scenario(kind(answer)), config()).findings) == {"IA202"}
    assert audited(scenario(kind(answer)), config(addressees={"public": ["auction"]})).findings == {}


@EACH
def test_switched_off(audited, kind) -> None:
    assert audited(scenario(kind(to_the_last_one)), config(watch={"addressees": False})).findings == {}
