"""Responses of frameworks, searched without a server around them: once each, streams part by part."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from functools import wraps
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from auditing import config, current_user
from letters import ALICE, BOB, HERS, MINE, SAID, count, witnesses
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import isolation_audit
from isolation_audit.auditor import Auditor

if TYPE_CHECKING:
    from starlette.requests import Request


@pytest.fixture(autouse=True)
def _alice_is_known(audit) -> None:
    audit.as_user(ALICE, audit.auditor.runtime.ambient.current)


def test_a_framework_without_a_server(audit) -> None:
    sent = []

    async def letter(request: Request) -> Response:
        current_user.set(BOB)
        return PlainTextResponse(HERS)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    for _ in range(3):
        asyncio.run(Starlette(routes=[Route("/", letter)])(scope.copy(), None, send))
    assert sent == ["http.response.start", "http.response.body"] * 3
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 3)


@pytest.mark.parametrize(
    ("parts", "kind", "path", "found"),
    [
        ([HERS], "text/csv", "/", 1),
        (["see user-a", "lice and others"], "text/plain", "/", 1),
        ([f'[{{"author": "{ALICE}"}}', ", 5]"], "application/json", "/", 0),
        ([HERS, MINE], "text/csv", "/", 0),
        ([HERS], "text/csv", f"/of/{ALICE}", 0),
        ([f"data: {SAID}\n\n"], "text/event-stream", "/", 0),
        ([f"data: {HERS}\n\n", f"data: {HERS}\n\n"], "text/event-stream", "/", 1),
        ([f"data: {HERS[:9]}", HERS[9:] + "\n\n"], "text/event-stream", "/", 1),
        ([HERS], "image/svg+xml", "/", 0),
        pytest.param(
            [memoryview(HERS.encode())],
            "text/csv",
            "/",
            1,
            marks=pytest.mark.skipif(
                tuple(map(int, version("starlette").split(".")[:2])) < (0, 38), reason="it sends none"
            ),
        ),
    ],
)
def test_a_stream_without_a_server(audit, parts, kind, path, found) -> None:
    sent = []

    async def letter(request: Request) -> Response:
        current_user.set(BOB)
        return StreamingResponse(iter(parts), media_type=kind)

    async def send(message: Any) -> None:
        sent.append(bytes(message.get("body", b"")))

    async def receive() -> Any:
        await asyncio.sleep(5)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    app = Starlette(routes=[Route("/", letter), Route("/of/{user}", letter)])
    asyncio.run(app(scope, receive, send))
    assert b"".join(sent) == b"".join(one.encode() if type(one) is str else bytes(one) for one in parts)
    assert witnesses(audit) == [(BOB, ALICE)] * found


def test_streams_are_what_they_were_when_the_audit_is_over() -> None:
    isolation_audit.uninstrument()
    original = StreamingResponse.stream_response
    with Auditor(config()):
        kept = StreamingResponse.stream_response
        assert kept is not original
        assert (kept.__qualname__, kept.__module__) == (original.__qualname__, original.__module__)
    assert StreamingResponse.stream_response is original


@pytest.mark.parametrize("own", [False, True])
def test_flask_without_a_server(audit, own) -> None:
    flask = pytest.importorskip("flask")
    app = flask.Flask(__name__)

    def decorated(view: Any) -> Any:
        return wraps(view)(lambda: view())

    @app.get("/letter")
    @decorated
    def letter() -> Any:
        current_user.set(BOB)
        return flask.Response(MINE if own else HERS, content_type="application/json")

    assert copy_context().run(app.test_client().get, "/letter").status_code == 200
    assert witnesses(audit) == ([] if own else [(BOB, ALICE)])
    if not own:
        (finding,) = audit.found("IA203")
        assert finding.site.top.function.endswith("letter"), "what is decorated, not the decorator"
