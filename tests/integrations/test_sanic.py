"""Sanic on its own server, and on uvicorn: whose requests and messages are, what leaves, leaks and clean twins."""

from __future__ import annotations

import itertools
import json
import socket
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving as on_uvicorn

from isolation_audit import auditor
from isolation_audit.config import parse_config

pytest.importorskip("sanic")
pytest.importorskip("websockets.asyncio", reason="the client is that of websockets 13.0 and later")

from sanic import Sanic
from sanic import response as answers
from websockets.asyncio.client import connect

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
AMBIENT = parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}})

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _one_application_after_the_other(monkeypatch):
    """Sanic makes its methods anew for each."""
    monkeypatch.setattr(Sanic, "test_mode", True)


def application(**handlers: Any) -> Sanic:
    app = Sanic(f"App{next(_numbers)}", configure_logging=False)
    for name, handler in handlers.items():
        if name == "chat":
            app.add_websocket_route(handler, "/chat", name=name)
        else:
            app.add_route(handler, f"/{name}/<rest:path>" if name == "notes" else f"/{name}", name=name)
    return app


@asynccontextmanager
async def serving(app: Sanic):
    """An application on its own server: gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
    await server.startup()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        for connection in list(server.connections or ()):
            connection.close_if_idle()
        Sanic.unregister_app(app)


@asynccontextmanager
async def serving_asgi(app: Sanic):
    """The same on uvicorn."""
    async with on_uvicorn(app, lifespan="on") as url:
        yield url
    Sanic.unregister_app(app)


async def visit(url: str, path: str, *users: str | None) -> list[Any]:
    """What one kept-alive connection is answered, request by request."""
    browser = Browser(url)
    try:
        return [json.loads(await browser.get(path, user)) for user in users]
    finally:
        browser.close()


async def who(request: Any) -> Any:
    return answers.json(known())


async def me(request: Any) -> Any:
    before = known()
    request.ctx.user = {"id": 7, "username": request.args.get("name")}
    return answers.json([before, known()])


@pytest.mark.parametrize("server", [serving, serving_asgi])
def test_on_one_connection_each_request_is_its_own_user_s(audited, server):
    async def scenario():
        async with server(application(who=who)) as url:
            return await visit(url, "/who", "alice", "bob", None, "alice")

    done = audited(scenario)
    assert done.result == ["alice", "bob", None, "alice"]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (4, 3)


def test_methods_that_sanic_makes_anew_are_watched_and_no_reload(audited):
    async def scenario():
        got = []
        for _ in range(2):
            async with serving(application(who=who)) as url:
                auditor.current().instrumentation.refresh()
                got += await visit(url, "/who", "alice", "bob")
        return got

    done = audited(scenario)
    assert done.result == ["alice", "bob"] * 2
    assert done.findings == {}
    assert done.auditor.runtime.tally.requests_named == 4


@pytest.mark.parametrize("server", [serving, serving_asgi])
def test_what_the_context_of_a_request_has_for_its_user(audited, server):
    async def scenario():
        async with server(application(me=me)) as url:
            return await visit(url, "/me?name=carol", None)

    done = audited(scenario)
    assert done.result == [[None, "carol"]]
    assert done.auditor.runtime.tally.users_by_source["login"] == 1


@pytest.mark.parametrize("server", [serving, serving_asgi])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("shared", [True, False])
def test_a_note_that_is_kept_for_everybody_leaves_in_another_s_answer(audited, shared, streamed, server):
    kept: list[Any] = []

    async def notes(request: Any, rest: str) -> Any:
        mine = {"owner": request.headers["x-user"], "text": "a note"}
        kept.append(mine)
        body = [kept[0] if shared else mine]
        if not streamed:
            return answers.json(body)
        response = await request.respond(content_type="application/json")
        text = json.dumps(body)
        await response.send(text[:12])
        await response.send(text[12:])
        return await response.eof()

    async def scenario():
        async with server(application(who=who, notes=notes)) as url:
            await visit(url, "/who", "alice", "bob")
            return await visit(url, "/notes/7", "alice", "bob")

    done = audited(scenario, NAMED)
    assert [one[0]["owner"] for one in done.result] == ["alice", "alice" if shared else "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if shared else [])
    for finding in done.findings.get("IA203", ()):
        assert finding.route == "/notes/<rest:path>"


@pytest.mark.parametrize("server", [serving, serving_asgi])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_message_to_another_s_websocket(audited, leaking, server):
    last: list[Any] = []

    async def chat(request: Any, ws: Any) -> None:
        last[:] = [ws]
        await ws.send("welcome")
        while (message := await ws.recv()) is not None:
            await (last[0] if leaking else ws).send(json.dumps({"user_id": known(), "balance": 7, "to": message}))

    async def scenario():
        async with (
            server(application(chat=chat)) as url,
            connect(f"{url}/chat", additional_headers={"X-User": "alice"}) as alice,
        ):
            await alice.recv()
            async with connect(f"{url}/chat", additional_headers={"X-User": "bob"}) as bob:
                await bob.recv()
                await alice.send("hello")
                return json.loads(await (bob if leaking else alice).recv())["user_id"]

    done = audited(scenario, NAMED)
    assert done.result == "alice"
    assert told(done.findings) == ([("IA202", "alice", "bob")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.messages == tally.messages_named == 1


@pytest.mark.parametrize("always", [True, False])
def test_what_a_handler_sets_stays_with_the_connection(audited, always):
    async def handler(request: Any) -> Any:
        user = request.headers.get("x-user")
        if user or always:
            current_user.set(user)
        return answers.json(current_user.get())

    async def scenario():
        async with serving(application(who=handler)) as url:
            return await visit(url, "/who", "alice", "bob", None)

    done = audited(scenario, AMBIENT)
    assert done.result == ["alice", "bob", None if always else "bob"]
    assert list(done.findings) == ([] if always else ["IA503"])


@pytest.mark.parametrize("late", [True, False])
def test_what_is_sent_after_the_end(audited, late):
    async def chat(request: Any, ws: Any) -> None:
        await ws.send(await ws.recv())
        await ws.close()
        if late:
            await ws.send("good bye")

    async def scenario():
        async with serving(application(chat=chat)) as url, connect(f"{url}/chat") as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            await client.wait_closed()

    assert list(audited(scenario).findings) == (["IA307"] if late else [])
