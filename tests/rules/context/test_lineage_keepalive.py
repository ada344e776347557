"""Kept-alive connections of real servers, on which the next request comes before the last one is done."""

from __future__ import annotations

import tomllib
from itertools import product

import pytest
from auditing import HEAD
from test_lineage_requests import BLEEDS

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

SERVER = """
import socket, time
import hypercorn.asyncio, hypercorn.config, uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

begun, seen = [], []
TWO = {"content-length": "2"}

def look():
    return current_user.get()

def sign_in(request):
    begun.append(len(begun))
    name = request.headers.get("x-user")
    {sign_in}

async def two_pieces():
    yield b"ok"
    await asyncio.sleep(0.02)

async def streaming(request):
    sign_in(request)
    {page}
    return StreamingResponse(two_pieces(), headers=TWO)

async def background(request):
    sign_in(request)
    {page}
    return PlainTextResponse("ok", background=BackgroundTask(asyncio.sleep, 0.02))

def threaded(request):
    sign_in(request)
    {page_in_a_thread}
    return StreamingResponse(two_pieces(), headers=TWO)

PAGES = {"streaming": streaming, "background": background, "threaded": threaded}
application = Starlette(routes=[Route("/" + name, page) for name, page in PAGES.items()])

def ask(port, path, users, pipelined):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        asked = [f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nX-User: {user}\\r\\n\\r\\n".encode() for user in users]
        for one in [b"".join(asked)] if pipelined else asked:
            connection.sendall(one)
            answers = b""
            while answers.count(b"ok") < (len(asked) if pipelined else 1):
                answers += connection.recv(1000)

async def on_uvicorn(asking, http):
    config = uvicorn.Config(application, port=0, log_config=None, loop="asyncio", http=http, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    await asking(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await task

async def on_hypercorn(asking, _http):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config, stop = hypercorn.config.Config(), asyncio.Event()
    config.bind, config.errorlog = [f"127.0.0.1:{port}"], None
    task = asyncio.create_task(hypercorn.asyncio.serve(application, config, shutdown_trigger=stop.wait))
    for _ in range(500):
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            break
        except OSError:
            await asyncio.sleep(0.01)
    await asking(port)
    stop.set()
    await task

async def serve(serving, http, path, users, pipelined):
    await serving(lambda port: asyncio.to_thread(ask, port, path, users, pipelined), http)

def main(serving, http, path, users, pipelined):
    asyncio.run(serve(globals()[serving], http, path, users, pipelined))
    return len(begun), seen
"""

SETS = "current_user.set(name)"
READS = "seen.append(look())"
ONE, TWO = ["alice.liddell"] * 5, ["alice.liddell", "bob.builder"] * 3
SERVERS = [("on_uvicorn", "h11"), ("on_uvicorn", "httptools"), ("on_uvicorn", "zttp"), ("on_hypercorn", "")]
PAGES = ["/streaming", "/background", "/threaded"]
CASES = [*product(SERVERS, PAGES, [True]), *product(SERVERS, PAGES[:1], [False])]
AMBIENT = '[ambient]\ncontextvar = "{app}:current_user"\n'
UNNAMED = "[identity]\ndetect = []\n"


@pytest.fixture
def asked(load_app):
    """``asked(config, sign_in, page, *how)``: what the pages have seen, and what was found of contexts."""

    def run(config: str, sign_in: str, page: str, *how):
        if how[1] in ("httptools", "zttp"):
            pytest.importorskip(how[1])
            pytest.importorskip(f"uvicorn.protocols.http.{how[1]}_impl")
        app = load_app(
            HEAD
            + SERVER.replace("{sign_in}", sign_in)
            .replace("{page}", page)
            .replace("{page_in_a_thread}", page if "await" not in page else "pass")
        )
        text = config.replace("{app}", app.__name__) + "[report]\nraw_ids = true\n"
        with Auditor(parse_config(tomllib.loads(text))) as auditor:
            count, seen = app.main(*how)
        assert auditor.runtime.barrier.counts == {}
        assert count == len(how[3])
        every = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule in ("IA503", "IA504")]
        return seen, [(one.rule, one.witnesses.ambient, one.witnesses.owner) for one in every]

    return run


@pytest.mark.parametrize(("server", "path", "pipelined"), CASES)
@pytest.mark.parametrize("users", [ONE, TWO], ids=["one", "two"])
def test_an_application_that_keeps_nobody_in_its_context(asked, server, path, users, pipelined) -> None:
    """What the auditor has found out of one request is no user of the next one's context."""
    assert asked("", "pass", "pass", *server, path, users, pipelined) == ([], [])


@pytest.mark.parametrize(("server", "path", "pipelined"), CASES)
@pytest.mark.parametrize("users", [ONE, TWO], ids=["one", "two"])
def test_an_application_that_signs_in_each_request(asked, server, path, users, pipelined) -> None:
    seen, found = asked(AMBIENT, SETS, READS, *server, path, users, pipelined)
    assert (seen, found) == (users, [])


@pytest.mark.skipif(not BLEEDS, reason="this uvicorn gives each request a context of its own")
def test_one_user_whose_requests_find_her_own_name_there(asked) -> None:
    """The first request signs in, and the next ones on its connection go by what they find: it is hers."""
    sign_in = "current_user.get() or current_user.set(name)"
    seen, found = asked(AMBIENT, sign_in, READS, "on_uvicorn", "h11", "/streaming", ONE, True)
    assert (seen, found) == (ONE, [])


@pytest.mark.skipif(not BLEEDS, reason="this uvicorn gives each request a context of its own")
@pytest.mark.parametrize(("config", "owner"), [(AMBIENT, "bob.builder"), (AMBIENT + UNNAMED, None)])
@pytest.mark.parametrize("path", ["/streaming", "/background"])
@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_another_user_who_finds_her_name_there(asked, http: str, path: str, config: str, owner: str | None) -> None:
    sign_in = "current_user.get() or current_user.set(name)"
    seen, found = asked(config, sign_in, READS, "on_uvicorn", http, path, TWO[:2], True)
    assert seen == ["alice.liddell"] * 2
    assert found == [("IA503", "alice.liddell", owner)]


@pytest.mark.skipif(not BLEEDS, reason="this uvicorn gives each request a context of its own")
@pytest.mark.parametrize("thread", ["run_in_threadpool", "asyncio.to_thread"])
def test_another_user_who_finds_her_name_on_a_worker_thread(asked, thread: str) -> None:
    sign_in, page = "len(begun) == 1 and current_user.set(name)", f"seen.append(await {thread}(look))"
    seen, found = asked(AMBIENT, sign_in, page, "on_uvicorn", "h11", "/streaming", TWO[:2], True)
    assert (seen, found) == (["alice.liddell"] * 2, [("IA503", "alice.liddell", "bob.builder")])
    sign_in = "current_user.set(name)"
    assert asked(AMBIENT, sign_in, page, "on_uvicorn", "h11", "/streaming", TWO[:2], True) == (TWO[:2], [])


AIOHTTP = """
from aiohttp import web

begun, seen = [], []

async def streaming(request):
    begun.append(len(begun))
    name = request.headers.get("X-User")
    {sign_in}
    seen.append(current_user.get())
    response = web.StreamResponse(headers={"Content-Length": "2"})
    await response.prepare(request)
    await response.write(b"ok")
    await asyncio.sleep(0.02)
    return response

async def chat(request):
    begun.append(len(begun))
    name = request.headers.get("X-User")
    {sign_in}
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        seen.append(current_user.get())
        await socket.send_str("ok")
    return socket

async def serve(path, users):
    from aiohttp import ClientSession
    app = web.Application()
    app.add_routes([web.get("/streaming", streaming), web.get("/chat", chat)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    if path == "/chat":
        async with ClientSession() as session:
            for user in users:
                async with session.ws_connect(f"ws://127.0.0.1:{port}/chat", headers={"X-User": user}) as socket:
                    await socket.send_str("hello")
                    await socket.receive_str()
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for user in users:
            writer.write(f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nX-User: {user}\\r\\n\\r\\n".encode())
        for _ in users:
            await reader.readuntil(b"\\r\\n\\r\\nok")
        writer.close()
    await runner.cleanup()

def main(path, users):
    asyncio.run(serve(path, users))
    return len(begun), seen
"""


@pytest.mark.parametrize("path", ["/streaming", "/chat"])
@pytest.mark.parametrize("users", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize(("config", "sign_in"), [("", "pass"), (AMBIENT, SETS)])
def test_connections_of_aiohttp(load_app, path: str, users: list[str], config: str, sign_in: str) -> None:
    pytest.importorskip("aiohttp")
    app = load_app(HEAD + AIOHTTP.replace("{sign_in}", sign_in))
    with Auditor(parse_config(tomllib.loads(config.replace("{app}", app.__name__)))) as auditor:
        count, seen = app.main(path, users)
    assert auditor.runtime.barrier.counts == {}
    assert (count, seen) == (len(users), users if config else [None] * len(users))
    assert [entry.finding.rule for entry in auditor.recorder.entries() if entry.finding.rule == "IA503"] == []
