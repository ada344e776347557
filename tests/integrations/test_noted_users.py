"""Users whom applications note for a request themselves: ``request.state``, ``g``, aiohttp's request.

What the request comes with is an opaque key, and only the application knows whose it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from clients import NAMED, Browser, known, told, websocket
from servers import serving, serving_aiohttp, serving_wsgi

KEYS = {"k-7f3a91": "alice", "k-e08b5d": "bob"}
"""Whose key is whose."""


def person(key: str | None) -> Any:
    """What an application gets out of its table of users."""
    name = KEYS.get(key or "")
    return SimpleNamespace(login=name, theme="dark") if name else None


def note(kept: list[Any], *, leaking: bool) -> dict[str, Any]:
    """Everybody gets a note of their own, and with ``leaking`` the first."""
    kept.append({"owner": known(), "word": "tea"})
    return kept[0 if leaking else -1]


@contextlib.asynccontextmanager
async def by_starlette(name: str, *, leaking: bool) -> Any:
    """``request.state``, beside what a server has put there for all requests."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    kept: list[Any] = []

    async def find(request: Any, call_next: Any) -> Any:
        setattr(request.state, name, None)
        setattr(request.state, name, person(request.headers.get("x-desk")))
        return await call_next(request)

    async def view(request: Any) -> Any:
        return JSONResponse(note(kept, leaking=leaking))

    inner = Starlette(routes=[Route("/note", view)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=find)])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for happened in ("startup", "shutdown"):
                await receive()
                scope.get("state", {})["identity"] = "desk-service"
                await send({"type": f"lifespan.{happened}.complete"})
        else:
            await inner(scope, receive, send)

    async with serving(app, lifespan="on") as url:
        yield url


@contextlib.asynccontextmanager
async def by_quart(name: str, *, leaking: bool) -> Any:
    """``g`` of Quart."""
    quart = pytest.importorskip("quart")
    app, kept = quart.Quart(__name__), []

    @app.before_request
    async def find() -> None:
        setattr(quart.g, name, person(quart.request.headers.get("x-desk")))

    @app.get("/note")
    async def view() -> Any:
        return note(kept, leaking=leaking)

    async with serving(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_flask(name: str, *, leaking: bool) -> Any:
    """``g`` of Flask."""
    import flask

    app, kept = flask.Flask(__name__), []

    @app.before_request
    def find() -> None:
        setattr(flask.g, name, person(flask.request.headers.get("x-desk")))

    @app.get("/note")
    def view() -> Any:
        return note(kept, leaking=leaking)

    async with serving_wsgi(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_flask_request(name: str, *, leaking: bool) -> Any:
    """The request of Flask, beside what Flask keeps on it."""
    import flask

    app, kept = flask.Flask(__name__), []

    @app.before_request
    def find() -> None:
        flask.g.started = True
        setattr(flask.request, name, person(flask.request.headers.get("x-desk")))

    @app.get("/note")
    def view() -> Any:
        assert flask.request.args.get("user") is None
        return note(kept, leaking=leaking)

    async with serving_wsgi(app) as url:
        yield url


@contextlib.asynccontextmanager
async def by_aiohttp(name: Any, *, leaking: bool) -> Any:
    """The request itself, which is a mapping with typed keys in new versions, and with texts in others."""
    from aiohttp import web

    kept: list[Any] = []
    name = getattr(web, "RequestKey", lambda text, _type: text)(name, object)

    @web.middleware
    async def find(request: Any, handler: Any) -> Any:
        request[name] = person(request.headers.get("x-desk"))
        return await handler(request)

    async def view(_request: Any) -> Any:
        return web.json_response(note(kept, leaking=leaking))

    app = web.Application(middlewares=[find])
    app.router.add_get("/note", view)
    async with serving_aiohttp(app) as url:
        yield url


async def asked(serve: Any, name: str, *, leaking: bool) -> list[str]:
    async with serve(name, leaking=leaking) as url:
        answers = []
        for key in KEYS:
            browser = Browser(url, **{"x-desk": key})
            answers.append(await browser.get("/note"))
            browser.close()
        return answers


SERVERS = [by_starlette, by_quart, by_flask, by_flask_request, by_aiohttp]


@pytest.mark.parametrize("serve", SERVERS)
@pytest.mark.parametrize("leaking", [True, False])
def test_a_user_in_the_request_s_own_notes(audited, serve, leaking):
    done = audited(lambda: asked(serve, "current_user", leaking=leaking), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking]
    # Old Starlettes send a response of BaseHTTPMiddleware twice, in two contexts.
    assert {*told(done.findings)} == ({("IA203", "bob", "alice")} if leaking else set())
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2
    assert dict(tally.users_by_source) == {"session": 2}


@pytest.mark.parametrize("serve", SERVERS)
def test_a_name_of_the_application_s_own_counts_as_well(audited, serve):
    done = audited(lambda: asked(serve, "desk_user", leaking=True), NAMED)
    assert {*told(done.findings)} == {("IA203", "bob", "alice")}
    assert dict(done.auditor.runtime.tally.users_by_source) == {"session": 2}


@pytest.mark.parametrize("serve", SERVERS)
def test_who_is_looked_at_is_not_who_asks(audited, serve):
    done = audited(lambda: asked(serve, "profile_user", leaking=True), NAMED)
    assert told(done.findings) == []
    assert done.auditor.runtime.tally.requests_named == 0


def test_the_user_of_a_websocket_is_noted_in_its_state(audited):
    """The first message is the login; what is said afterwards is alice's."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    seen = []

    async def talk(websocket: Any) -> None:
        await websocket.accept()
        websocket.state.user = person(await websocket.receive_text())
        await websocket.send_text("hello")
        await websocket.receive_text()
        seen.append(known())
        await websocket.close()

    async def scenario() -> None:
        async with (
            serving(Starlette(routes=[WebSocketRoute("/talk", talk)])) as url,
            asyncio.timeout(20),
            websocket(f"{url}/talk") as client,
        ):
            await client.send_str("k-7f3a91")
            await client.receive_str()
            await client.send_str("how are you")
            await client.receive()

    audited(scenario, NAMED)
    assert seen == ["alice"]


def test_what_a_request_comes_with_has_the_word_before_what_was_noted_in_it(audited):
    """The note may be somebody else's, and be the leak: here a mapping that outlives its request."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    kept: dict[str, Any] = {}

    async def me(request: Any) -> Any:
        if not hasattr(request.state, "user"):
            request.state.user = request.headers["x-user"]
        return JSONResponse({"you": request.state.user})

    inner = Starlette(routes=[Route("/me", me)])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "state": kept}, receive, send)

    async def scenario() -> list[str]:
        async with serving(app) as url:
            browser = Browser(url)
            try:
                return [await browser.get("/me", user) for user in ("alice", "bob")]
            finally:
                browser.close()

    done = audited(scenario, NAMED)
    assert done.result == ['{"you":"alice"}'] * 2
    assert told(done.findings) == [("IA203", "bob", "alice")]
