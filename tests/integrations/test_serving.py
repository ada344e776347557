"""Requests on a real uvicorn: where they begin and end, and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from aiohttp import web
from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute

from isolation_audit import Auditor, user_scope
from isolation_audit.auditor import current
from isolation_audit.config import Config, parse_config
from isolation_audit.exporters.terminal import Painter, render_summary
from isolation_audit.model.requests import Request
from isolation_audit.rules.content.responses import Response

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore:remove second argument of ws_handler:DeprecationWarning"),
]


def known() -> str | None:
    auditor = current()
    user = None if auditor is None else auditor.runtime.ambient.current()
    return None if user is None else user.id


class Client:
    """One connection that is kept alive."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=60)

    async def get(self, path: str, user: str | None = None) -> Any:
        return await asyncio.to_thread(self._get, path, {"X-User": user} if user else {})

    def _get(self, path: str, headers: dict[str, str]) -> Any:
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return json.loads(response.read())

    def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def asking(app: Any):
    async with serving(app) as url:
        client = Client(url)
        try:
            yield client
        finally:
            client.close()


async def bare(scope, receive, send):
    """An ASGI application without a framework."""
    body = json.dumps(known()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def whoever(request):
    return JSONResponse(known())


STARLETTE = Starlette(routes=[Route("/", whoever), Mount("/below", Starlette(routes=[Route("/", whoever)]))])


@pytest.mark.parametrize(("app", "path"), [(bare, "/"), (STARLETTE, "/"), (STARLETTE, "/below/")])
def test_on_one_connection_each_request_is_its_own_user_s(audited, app, path):
    async def scenario():
        async with asking(app) as client:
            return [await client.get(path, user) for user in ("alice", "bob", None, "alice")]

    done = audited(scenario)
    assert done.result == ["alice", "bob", None, "alice"]
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (4, 3)


def test_what_a_request_leaves_running_is_nobody_s(audited):
    jobs: asyncio.Queue[asyncio.Future[Any]] = asyncio.Queue()
    workers = []

    async def work():
        while True:
            done = await jobs.get()
            done.set_result(known())

    async def submit(request):
        if not workers:
            workers.append(asyncio.create_task(work()))
            await asyncio.sleep(0)
        done = asyncio.get_running_loop().create_future()
        await jobs.put(done)
        return JSONResponse([await done, known()])

    async def scenario():
        async with asking(Starlette(routes=[Route("/", submit)])) as client:
            seen = [await client.get("/", user) for user in ("alice", "bob")]
        workers[0].cancel()
        return seen

    assert audited(scenario).result == [["alice", "alice"], [None, "bob"]]


def test_a_middleware_s_copy_of_the_scope_is_read(audited):
    async def scenario():
        def signed_in(app):
            async def middleware(scope, receive, send):
                if scope["type"] == "http":
                    scope = {**scope, "user": "carol"}
                await app(scope, receive, send)

            return middleware

        async with asking(signed_in(STARLETTE)) as client:
            return await client.get("/", "alice")

    assert audited(scenario).result == "carol"


def test_a_user_scope_has_the_word(audited):
    async def handler(request):
        before = known()
        with user_scope("7"):
            inside = known()
        return JSONResponse([before, inside, known()])

    async def scenario():
        async with asking(Starlette(routes=[Route("/", handler)])) as client:
            return await client.get("/", "alice")

    done = audited(scenario)
    # Nobody else was ever called so: the header and the scope mean one person.
    assert done.result == ["alice", "7", "7"]
    summary = done.auditor.snapshot()["summary"]
    told = {
        "login": 0,
        "dependency": 0,
        "session": 0,
        "token": 0,
        "headers": 1,
        "parameters": 0,
        "credentials": 0,
        "scopes": 1,
        "variable": 0,
    }
    assert summary["users_by_source"] == told
    assert (summary["requests_named"], summary["users_disagreed"]) == (1, 0)


def test_work_for_somebody_else_than_the_login(audited):
    """An administrator's: within the scope it is the account's, outside of it nobody's, and no alarm."""

    async def handler(request):
        with user_scope(request.query_params["account"]):
            inside = known()
        return JSONResponse({"inside": inside, "outside": known(), "account": request.query_params["account"]})

    async def scenario():
        async with asking(Starlette(routes=[Route("/", handler)])) as client:
            for user in ("alice", "bob-1234"):
                await client.get(f"/?account={user}", user)
            return await client.get("/?account=bob-1234", "admin")

    done = audited(scenario)
    assert done.result == {"inside": "bob-1234", "outside": None, "account": "bob-1234"}
    assert done.auditor.runtime.tally.users_disagreed == 1
    assert not done.findings


def test_a_variable_that_is_never_set_leaves_the_word_to_the_other_sources(load_app):
    module = load_app("from contextvars import ContextVar\ncurrent = ContextVar('current', default=None)\n")
    config = parse_config({"ambient": {"contextvar": f"{module.__name__}:current"}})

    async def scenario():
        async with asking(STARLETTE) as client:
            return await client.get("/", "alice")

    with Auditor(config) as auditor:
        assert asyncio.run(scenario()) == "alice"
    summary = auditor.snapshot()["summary"]
    assert (summary["requests"], summary["requests_named"]) == (1, 1)
    assert (summary["users_by_source"]["ambient"], summary["users_by_source"]["headers"]) == (0, 1)
    assert "[ambient] named nobody; other sources told the users of requests: headers 1" in render_summary(
        auditor.snapshot(), Painter("never")
    )


def test_the_application_s_variable_has_the_word_over_the_other_sources(load_app):
    module = load_app("from contextvars import ContextVar\ncurrent = ContextVar('current', default=None)\n")
    config = parse_config({"ambient": {"contextvar": f"{module.__name__}:current"}})

    async def handler(_request):
        token = module.current.set("42")
        inside = known()
        module.current.reset(token)
        return JSONResponse([inside, known()])

    async def scenario():
        async with asking(Starlette(routes=[Route("/", handler)])) as client:
            return await client.get("/", "alice")

    with Auditor(config) as auditor:
        assert asyncio.run(scenario()) == ["42", "42"]
    assert auditor.snapshot()["summary"]["users_by_source"]["ambient"] == 1


def test_a_websocket_s_user_is_known_in_its_own_task_only(audited):
    pytest.importorskip("websockets.asyncio", reason="the client is that of websockets 13.0 and later")

    async def chat(websocket):
        await websocket.accept()
        async for _ in websocket.iter_text():
            await websocket.send_json([known(), await asyncio.create_task(aside())])

    async def aside():
        return known()

    async def scenario():
        async with serving(Starlette(routes=[WebSocketRoute("/", chat)])) as url:
            seen = []
            for user in ("alice", "bob"):
                async with websockets.connect(url, additional_headers={"X-User": user}) as connection:
                    await connection.send("?")
                    seen.append(json.loads(await connection.recv()))
            return seen

    assert audited(scenario).result == [["alice", None], ["bob", None]]


def test_a_thousand_requests_leave_nothing(audited):
    async def scenario():
        async with asking(STARLETTE) as client:
            await client.get("/", "alice")
            for number in range(1_000):
                assert await client.get("/", f"user-{number % 10}") == f"user-{number % 10}"
        gc.collect()
        return sum(type(one) is Request for one in gc.get_objects())

    done = audited(scenario)
    assert done.result < 10  # the contexts of the last tasks may not have been collected yet
    assert len(done.auditor.runtime.users) < 20  # other tests' canaries have users, too


def on_aiohttp(handler: Any) -> Any:
    """The same questions to aiohttp's own server."""

    @asynccontextmanager
    async def asking():
        app = web.Application()
        app.router.add_get("/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = Client(f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            yield client
        finally:
            client.close()
            await runner.cleanup()

    return asking()


def test_a_thousand_requests_to_aiohttp_leave_nothing(audited):
    async def handler(request):
        return web.json_response(known())

    async def scenario():
        async with on_aiohttp(handler) as client:
            for number in range(1_000):
                assert await client.get("/", f"user-{number % 10}") == f"user-{number % 10}"
        gc.collect()
        return sum(type(one) in (Request, Response) for one in gc.get_objects())

    done = audited(scenario)
    assert done.result < 10
    assert done.findings == {}
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (1_000, 1_000)


@pytest.mark.parametrize("method", ["user", "told", "end", "__init__"])
def test_faults_in_it_are_counted_and_aiohttp_goes_on(monkeypatch, method):
    def broken(*_arguments, **_keywords):
        raise RuntimeError("broken")

    async def handler(request):
        return web.json_response("fine")

    async def scenario():
        async with on_aiohttp(handler) as client:
            return [await client.get("/", "alice") for _ in range(3)]

    monkeypatch.setattr(Request, method, broken)
    with Auditor(Config()) as auditor:
        assert asyncio.run(scenario()) == ["fine"] * 3
        assert auditor.runtime.barrier.total > 0


@pytest.mark.parametrize("method", ["user", "told", "end", "serves", "__init__"])
def test_faults_in_it_are_counted_and_the_application_goes_on(monkeypatch, method):
    def broken(*_arguments, **_keywords):
        raise RuntimeError("broken")

    async def handler(request):
        # As a point of any mechanism would, behind the barrier of its probe.
        try:
            known()
        except RuntimeError:
            assert method in ("user", "told")
        return JSONResponse("fine")

    async def scenario():
        app = Starlette(routes=[Route("/", handler), Mount("/below", Starlette(routes=[Route("/", handler)]))])
        async with asking(app) as client:
            return [await client.get(path, "alice") for path in ("/", "/below/", "/")]

    monkeypatch.setattr(Request, method, broken)
    with Auditor(Config()) as auditor:
        assert asyncio.run(scenario()) == ["fine"] * 3
        assert auditor.runtime.barrier.total > 0 or method in ("told", "serves")  # of the same scope nobody asks


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        (None, None),
        ([], None),
        ([(b"x-user",)], None),
        (["x-user: alice"], None),
        (7, None),
        ([("x-user", "alice")], None),
        ([(b"x-user", b"m\xfcller")], "m\xfcller"),
    ],
)
def test_headers_that_are_none_name_nobody(headers, user):
    seen = []

    async def endpoint(scope, receive, send):
        seen.append(known())

    with Auditor(Config()):
        app = Starlette(routes=[Mount("/", endpoint)])
        scope = {"type": "http", "headers": headers, "method": "GET", "path": "/", "query_string": b""}
        asyncio.run(app(scope, None, None))
    assert seen == [user]
