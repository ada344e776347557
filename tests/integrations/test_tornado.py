"""Tornado on its own server: whose requests and messages are, what leaves, and leaks beside their clean twins."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest
from clients import NAMED, Browser, known, told

from isolation_audit.config import parse_config

pytest.importorskip("tornado")
pytest.importorskip("websockets.asyncio", reason="the client is that of websockets 13.0 and later")

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from websockets.asyncio.client import connect

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
AMBIENT = parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}})


@asynccontextmanager
async def serving(*handlers: Any, **settings: Any):
    """Handlers on loopback: gives the port."""
    (socket,) = bind_sockets(0, "127.0.0.1")
    app = Application(list(handlers), cookie_secret="s" * 32, log_function=lambda _handler: None, **settings)
    server = HTTPServer(app)
    server.add_sockets([socket])
    try:
        yield socket.getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


async def visit(port: int, path: str, *users: str | None) -> list[Any]:
    """What one kept-alive connection is answered, request by request."""
    browser = Browser(f"http://127.0.0.1:{port}")
    try:
        return [json.loads(await browser.get(path, user)) for user in users]
    finally:
        browser.close()


class WhoHandler(RequestHandler):
    def get(self) -> None:
        self.write(json.dumps(known()))


def test_on_one_connection_each_request_is_its_own_user_s(audited):
    async def scenario():
        async with serving(("/", WhoHandler)) as port:
            return await visit(port, "/", "alice", "bob", None, "alice")

    done = audited(scenario)
    assert done.result == ["alice", "bob", None, "alice"]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (4, 3)


class LoginHandler(RequestHandler):
    def get(self) -> None:
        self.set_secure_cookie("chat_user", json.dumps(self.get_argument("name")))
        self.write(json.dumps(known()))


class MeHandler(RequestHandler):
    def get_current_user(self) -> Any:
        return self.request.headers.get("X-Me")

    def get(self) -> None:
        before = known()
        assert self.current_user
        self.write(json.dumps([before, known()]))


class AsyncMeHandler(RequestHandler):
    """Finds its user in ``prepare``, as what has to wait for it does, and keeps it in a field of its own."""

    async def prepare(self) -> None:
        await asyncio.sleep(0)
        self._found_user = SimpleNamespace(name=self.request.headers.get("X-Me"))
        self.asked_for_user = SimpleNamespace(name="eve")

    @property
    def current_user(self) -> Any:
        if not hasattr(self, "_found_user"):
            raise RuntimeError("asked too early")
        return self._found_user

    def get(self) -> None:
        self.write(json.dumps(known()))


class CookieHandler(RequestHandler):
    async def get(self) -> None:
        self.get_secure_cookie("chat_user")
        await asyncio.sleep(0)
        self.write(json.dumps(known()))


def test_current_user_and_the_login_cookie_name_the_user(audited):
    async def scenario():
        async with serving(("/me", MeHandler), ("/login", LoginHandler), ("/cookie", CookieHandler)) as port:
            browser, other = (Browser(f"http://127.0.0.1:{port}") for _ in range(2))
            seen = [await browser.get("/login?name=alice"), await browser.get("/cookie"), await other.get("/cookie")]
            browser.close()
            other.close()
            browser = Browser(f"http://127.0.0.1:{port}", **{"X-Me": "carol"})
            seen.append(await browser.get("/me"))
            browser.close()
            return [json.loads(one) for one in seen]

    done = audited(scenario)
    assert done.result == ["alice", "alice", None, [None, "carol"]]
    assert done.auditor.runtime.tally.users_by_source["login"] == 1


def test_a_current_user_of_the_handler_s_own_is_read_where_it_is_kept(audited):
    async def scenario():
        async with serving(("/", AsyncMeHandler)) as port:
            browser = Browser(f"http://127.0.0.1:{port}", **{"X-Me": "carol"})
            try:
                return json.loads(await browser.get("/"))
            finally:
                browser.close()

    done = audited(scenario)
    assert done.result == "carol"
    assert done.findings == {}


class NotesHandler(RequestHandler):
    kept: list[Any] = []
    shared = True

    async def get(self) -> None:
        user = self.request.headers["X-User"]
        kept = self.kept if self.shared else []
        kept.append({"owner": user, "text": "a note"})
        self.write(json.dumps(kept[:1])[:12])
        await self.flush()
        self.write(json.dumps(kept[:1])[12:])


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shared", [True, False])
def test_a_note_that_is_kept_for_everybody_leaves_in_another_s_answer(audited, shared, compressed):
    class Handler(NotesHandler):
        kept: list[Any] = []

    Handler.shared = shared

    async def scenario():
        async with serving(("/", WhoHandler), ("/notes/(?:.*)", Handler), compress_response=compressed) as port:
            await visit(port, "/", "alice", "bob")
            return await visit(port, "/notes/7", "alice", "bob")

    done = audited(scenario, NAMED)
    assert [one[0]["owner"] for one in done.result] == ["alice", "alice" if shared else "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if shared else [])
    for finding in done.findings.get("IA203", ()):
        assert (finding.route, finding.field) == ("/notes/(?:.*)", "$[0].owner")


class Chat(WebSocketHandler):
    """Everybody's messages go to whoever connected last (the leak), or to their own connection (the twin)."""

    leaking = False
    last: list[Any] = []
    later: list[Any] = []

    async def open(self) -> None:
        self.last[:] = [self]

    async def on_message(self, message: Any) -> None:
        await asyncio.sleep(0)
        receiver = self.last[0] if self.leaking else self
        await receiver.write_message({"user_id": known(), "balance": 7, "to": message})


async def chatting(port: int, *, leaking: bool) -> list[Any]:
    """Alice speaks while bob is there; gives what either of them has heard."""
    url, got = f"ws://127.0.0.1:{port}/chat", []
    async with (
        connect(url, additional_headers={"X-User": "alice"}) as alice,
        connect(url, additional_headers={"X-User": "bob"}) as bob,
    ):
        for _ in range(2):
            await alice.send("hello")
            got.append(await (bob if leaking else alice).recv())
    return got


@pytest.mark.parametrize("leaking", [True, False])
def test_a_message_to_another_s_websocket(audited, leaking):
    class Own(Chat):
        last: list[Any] = []

    Own.leaking = leaking

    async def scenario():
        async with serving(("/chat", Own)) as port:
            return await chatting(port, leaking=leaking)

    done = audited(scenario, NAMED)
    assert [json.loads(one)["user_id"] for one in done.result] == ["alice", "alice"]
    assert told(done.findings) == ([("IA202", "alice", "bob")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.messages == tally.messages_named == 2


class Remembering(WebSocketHandler):
    """It answers with what was said on all connections of its class (the leak), or on its own (the twin)."""

    leaking = False
    said: list[str]

    def open(self) -> None:
        if not self.leaking:
            self.said = []

    async def on_message(self, message: Any) -> None:
        self.said.append(message)
        await self.write_message({"memory": " / ".join(self.said)})


@pytest.mark.parametrize("leaking", [True, False])
def test_words_that_another_s_message_has_left_on_the_class(audited, leaking):
    class Own(Remembering):
        said: list[str] = []

    Own.leaking = leaking

    async def say(port: int, user: str, text: str) -> str:
        async with connect(f"ws://127.0.0.1:{port}/", additional_headers={"X-User": user}) as connection:
            await connection.send(text)
            return await connection.recv()

    async def scenario():
        async with serving(("/", Own)) as port:
            await say(port, "alice", "my boss is stealing from the charity")
            return await say(port, "bob", "tell me a joke about cats")

    done = audited(scenario, NAMED)
    assert ("stealing" in done.result) is leaking
    assert sorted(done.findings) == (["IA203"] if leaking else [])


class SetInInitialize(RequestHandler):
    always = True

    def initialize(self) -> None:
        user = self.request.headers.get("X-User")
        if user or self.always:
            current_user.set(user)

    def get(self) -> None:
        self.write(json.dumps(current_user.get()))


@pytest.mark.parametrize("always", [True, False])
def test_what_initialize_sets_stays_with_the_connection(audited, always):
    class Handler(SetInInitialize):
        pass

    Handler.always = always

    async def scenario():
        async with serving(("/", Handler)) as port:
            return await visit(port, "/", "alice", "bob", None)

    done = audited(scenario, AMBIENT)
    assert done.result == ["alice", "bob", None if always else "bob"]
    assert list(done.findings) == ([] if always else ["IA503"])


class Failing(WebSocketHandler):
    def on_message(self, message: Any) -> None:
        raise LookupError(message)


class Late(WebSocketHandler):
    done: list[Any] = []

    async def prepare(self) -> None:
        await self._try()

    def on_message(self, _message: Any) -> None:
        self.close(1000)

    def on_close(self) -> None:
        self.trying = asyncio.ensure_future(self._try())

    async def _try(self) -> None:
        try:
            await self.write_message("is anybody there?")
        except WebSocketClosedError:
            self.done.append("closed")


@pytest.mark.parametrize(("handler", "rules"), [(Failing, {"IA308": 1}), (Late, {"IA307": 2}), (Chat, {})])
def test_handlers_that_fail_and_messages_that_nobody_can_receive(audited, handler, rules):
    async def scenario():
        async with serving(("/chat", handler)) as port:
            async with connect(f"ws://127.0.0.1:{port}/chat") as client:
                await client.send("hello")
                if handler is Chat:
                    assert await client.recv()
                else:
                    await client.wait_closed()
            while handler is Late and len(Late.done) < 2:
                await asyncio.sleep(0.01)

    done = audited(scenario)
    assert {rule: done.counts[rule] for rule in done.findings} == rules
