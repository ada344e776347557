"""What leaves for one user and holds another's data, on real servers and streams; and what may leave unremarked."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import subprocess
import threading
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import uvicorn
from auditing import Audit, config, current_user
from letters import ALICE, BOB, BOTH, HERS, MINE, SAID, count, witnesses
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.rules.content import payloads

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.websockets import WebSocket


@pytest.fixture(autouse=True)
def _alice_is_known(audit) -> None:
    audit.as_user(ALICE, audit.auditor.runtime.ambient.current)


@asynccontextmanager
async def serving(app: Any):
    """``app`` on uvicorn: gives the port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 60)


async def get(port: int, path: str = "/", user: str | None = BOB) -> bytes:
    """The body of an answer; the head goes with it, so that nothing is lost."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    name = "" if user is None else f"x-user: {user}\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{name}connection: close\r\n\r\n".encode())
    got = await reader.read()
    writer.close()
    return got


class Raw:
    """An ASGI application that answers everything with ``chunks``, as the user whom a header names."""

    def __init__(self, *chunks: str | bytes, headers: dict[str, str] | None = None) -> None:
        self.chunks = [chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks]
        self.headers = [
            (name.encode(), value.encode()) for name, value in (headers or {"content-type": "application/json"}).items()
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        current_user.set(dict(scope["headers"]).get(b"x-user", b"").decode() or None)
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        for place, chunk in enumerate(self.chunks, 1):
            await send({"type": "http.response.body", "body": chunk, "more_body": place < len(self.chunks)})


def ask(app: Any, path: str = "/", user: str | None = BOB, times: int = 1) -> list[bytes]:
    async def main() -> list[bytes]:
        async with serving(app) as port:
            return [await get(port, path, user) for _ in range(times)]

    return asyncio.run(main())


# Responses


def test_another_users_data_is_found_once_a_response(audit) -> None:
    got = ask(Raw(HERS), times=3)
    assert all(HERS.encode() in one for one in got)
    assert witnesses(audit) == [(BOB, ALICE)]
    assert count(audit) == 3, "the server's transport below has the same bytes"
    (finding,) = audit.found("IA203")
    assert finding.message.startswith("a response for user-bob carries data of user-alice, seen at uvicorn.protocols")


CLEAN = {
    "own": (Raw(MINE), "/"),
    "own beside hers": (Raw(BOTH), "/"),
    "own in a later chunk": (Raw(HERS, MINE), "/"),
    "asked for by path": (Raw(HERS), f"/users/{ALICE}"),
    "asked for by query": (Raw(HERS), f"/users?id={ALICE}"),
    "nobody": (Raw("nothing"), "/"),
    "another identifier": (Raw(f"{ALICE}2 x-{ALICE}"), "/"),
    "a style sheet": (Raw(HERS, headers={"content-type": "text/css"}), "/"),
    "an image": (Raw(HERS, headers={"content-type": "image/svg+xml"}), "/"),
    "cut into what looks like hers": (Raw(f"see {ALICE}", "2 and others"), "/"),
    "an article": (Raw(json.dumps({"title": "spring", "author": ALICE, "createdBy": {"id": ALICE}})), "/"),
    "articles in chunks": (Raw('[{"title": "spring", "aut', f'hor": "{ALICE}"}}]'), "/"),
    "said in a chat": (Raw(f"data: {SAID}\n\n", headers={"content-type": "text/event-stream"}), "/"),
}


@pytest.mark.parametrize(("app", "path"), CLEAN.values(), ids=CLEAN)
def test_what_may_leave(audit, app, path) -> None:
    ask(app, path)
    assert witnesses(audit) == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"author": ALICE, "mail": HERS}),
        json.dumps({"from": ALICE}),
        json.dumps({"author": ALICE, "author_id": ALICE}),
        json.dumps({"author": "carol", "owner": ALICE}),
        json.dumps({"title": f"by the author {ALICE}"}),
        f'"author": "{ALICE}"',
    ],
)
def test_an_author_hides_nothing_else(audit, body) -> None:
    ask(Raw(body))
    assert witnesses(audit) == [(BOB, ALICE)]


ALLOWED = model.Responses(mentions=("correspondent",), paths=("/admin/*",))
INBOX = json.dumps([{"correspondent": ALICE, "text": "call the bank"}])


@pytest.mark.parametrize(
    ("chunks", "path", "found"),
    [
        ([INBOX], "/", 0),
        ([INBOX[:9], INBOX[9:]], "/", 0),
        ([json.dumps([{"correspondent": ALICE, "text": f"call {ALICE}"}])], "/", 1),
        ([HERS], "/", 1),
        (["no JSON from ", ALICE], "/", 1),
        ([HERS], "/admin/users", 0),
        ([HERS], "/administration", 1),
    ],
)
def test_what_the_configuration_says_may_name_others(chunks, path, found) -> None:
    isolation_audit.uninstrument()
    with Auditor(config(responses=ALLOWED)) as auditor:
        audit = Audit(auditor)
        audit.as_user(ALICE, auditor.runtime.ambient.current)
        ask(Raw(*chunks), path)
        assert witnesses(audit) == [(BOB, ALICE)] * found
    assert audit.faults == {}


def test_a_secret_is_found_where_others_may_be_named() -> None:
    isolation_audit.uninstrument()
    with Auditor(config(responses=ALLOWED)) as auditor:
        audit = Audit(auditor)
        audit.as_user(ALICE, auditor.runtime.ambient.current)
        ask(Raw(json.dumps({"author": isolation_audit.canary(ALICE)})), "/admin/users")
        assert witnesses(audit) == [(BOB, ALICE)]


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("before", ["see ", "", "=" * 300])
def test_identifiers_on_the_edges_of_chunks(audit, size, before) -> None:
    text = f"{before}{ALICE} and others"
    ask(Raw(*(text[place : place + size] for place in range(0, len(text), size))))
    assert witnesses(audit) == [(BOB, ALICE)]


@pytest.mark.parametrize("user", [None, "anonymous", "service:mail"])
def test_who_is_nobody_is_not_compared(user) -> None:
    isolation_audit.uninstrument()
    identity = model.Identity(placeholders=("anonymous",), system=("service:*",))
    with Auditor(config(identity=identity)) as auditor:
        audit = Audit(auditor)
        audit.as_user(ALICE, auditor.runtime.ambient.current)
        ask(Raw(HERS), user=user)
        assert witnesses(audit) == []
    assert audit.faults == {}


@pytest.mark.parametrize(("body", "found"), [(HERS, [(BOB, ALICE)]), (MINE, [])], ids=["hers", "his own"])
def test_what_the_application_has_compressed_is_unpacked(audit, body, found) -> None:
    ask(Raw(gzip.compress(body.encode()), headers={"content-encoding": "gzip"}))
    assert (witnesses(audit), audit.auditor.runtime.tally.payloads_truncated) == (found, 0)


@pytest.mark.parametrize("encoding", ["gzip", "br", "compress"])
def test_what_can_not_be_unpacked_is_counted(audit, encoding) -> None:
    ask(Raw(HERS.encode(), headers={"content-encoding": encoding}))
    assert (witnesses(audit), audit.auditor.runtime.tally.payloads_truncated) == ([], 1)


def test_large_bodies_are_searched_up_to_a_limit(audit, monkeypatch) -> None:
    monkeypatch.setattr(payloads, "LARGEST", 1000)
    ask(Raw("x" * 2000 + HERS))
    assert (witnesses(audit), audit.auditor.runtime.tally.payloads_truncated) == ([], 1)
    ask(Raw(HERS + " " + "x" * 2000))
    assert witnesses(audit) == [(BOB, ALICE)]


def test_a_secret_may_not_even_stand_beside_the_own_name(audit) -> None:
    ask(Raw(json.dumps({"owner": BOB, "note": isolation_audit.canary(ALICE)})))
    ask(Raw(MINE, isolation_audit.canary(ALICE)))
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)] * 2, 2)


def starlette(endpoint: Any, *, middleware: bool = False) -> Starlette:
    class SignIn(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            return await call_next(request)

    app = Starlette(routes=[Route("/", endpoint)])
    if middleware:
        app.add_middleware(SignIn)
    return app


@pytest.mark.parametrize("middleware", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_frameworks_response_is_found_once_and_names_the_endpoint(audit, middleware, streamed) -> None:
    if middleware and version("starlette") == "0.37.2":
        pytest.skip("there the middleware's response and the endpoint's are told of as two (docs/reference/limits.md)")

    async def letter(request: Request) -> Response:
        current_user.set(request.headers["x-user"])
        return StreamingResponse(iter([HERS])) if streamed else PlainTextResponse(HERS)

    ask(starlette(letter, middleware=middleware))
    # With a middleware, the variable was set in a task of its own, and the server sees another context.
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)
    (finding,) = audit.found("IA203")
    assert (finding.site.top.file, finding.site.top.function.rpartition(".")[2]) == (__file__, "letter")


@pytest.mark.parametrize("instead", [True, False])
def test_what_a_layer_around_the_framework_sends_is_searched_by_the_server(audit, instead) -> None:
    """Only the very body that the framework's response had is not looked at again."""

    async def letter(request: Request) -> Response:
        current_user.set(request.headers["x-user"])
        return PlainTextResponse(MINE)

    inner = starlette(letter)

    async def around(scope: Any, receive: Any, send: Any) -> None:
        async def changed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [one for one in message["headers"] if one[0] != b"content-length"]
            elif instead:
                message["body"] = HERS.encode()
            else:
                await send({**message, "more_body": True})
                message["body"] = HERS.encode()
            await send(message)

        await inner(scope, receive, changed)

    got = ask(around)
    assert HERS.encode() in got[0]
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_messages_may_name_others_and_hold_no_secrets_of_theirs(audit) -> None:
    client = pytest.importorskip("websockets.asyncio.client")

    async def chat(websocket: WebSocket) -> None:
        current_user.set(BOB)
        await websocket.accept()
        await websocket.send_text(SAID)
        await websocket.receive_text()
        await websocket.send_text(f"{BOB}: {isolation_audit.canary(ALICE)}")
        await websocket.close()

    async def main() -> None:
        app = Starlette(routes=[WebSocketRoute("/", chat)])
        async with serving(app) as port, client.connect(f"ws://127.0.0.1:{port}/") as connection:
            await connection.recv()
            assert witnesses(audit) == []
            await connection.send("go on")
            await connection.recv()

    asyncio.run(main())
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)


def test_hypercorn(audit) -> None:
    pytest.importorskip("hypercorn")
    from hypercorn.asyncio import serve
    from hypercorn.config import Config as Settings

    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        settings, over = Settings(), asyncio.Event()
        settings.bind = [f"fd://{listener.fileno()}"]
        settings.accesslog = settings.errorlog = None
        server = asyncio.create_task(serve(Raw(HERS), settings, shutdown_trigger=over.wait, mode="asgi"))
        assert HERS.encode() in await get(listener.getsockname()[1])
        assert HERS.encode() in await get(listener.getsockname()[1], f"/{ALICE}")
        over.set()
        await server
        listener.detach()

    asyncio.run(main())
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)
    assert audit.found("IA203")[0].target == "hypercorn.protocol.http_stream:HTTPStream.app_send"


# Servers that write HTTP by themselves


def by_hand(*written: str, user: str = BOB) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        current_user.set(user)
        for part in written:
            writer.write(part.encode())
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            await get(server.sockets[0].getsockname()[1], user=None)

    asyncio.run(main())


def head(body: str, **headers: str) -> str:
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", *(f"{key}: {value}" for key, value in headers.items())]
    return "\r\n".join(lines) + "\r\n\r\n"


@pytest.mark.parametrize(
    "written",
    [
        (head("", **{"transfer-encoding": "chunked"}), f"{len(HERS):x}\r\n{HERS}\r\n", "0\r\n\r\n"),
        (head(HERS) + HERS,),
        (head(HERS), HERS),
        (head(HERS), HERS[:14], HERS[14:]),
        ("HTTP/1.0 200 OK\r\n\r\n", HERS),
    ],
)
def test_http_on_a_transport(audit, written) -> None:
    by_hand(*written)
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)
    (finding,) = audit.found("IA203")
    assert (finding.target, finding.site.top.file) == (
        "asyncio.selector_events:_SelectorSocketTransport.write",
        __file__,
    )


@pytest.mark.parametrize(
    "written",
    [
        (head(MINE) + MINE,),
        (head(HERS + MINE), HERS, MINE),
        (f"HTTP/1.1 200 OK\r\nset-cookie: {ALICE}\r\n\r\n",),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", HERS),
        ("HTTP/1.1",),
        (head("", **{"transfer-encoding": "chunked"}), f"{len(HERS):x}\r\n{HERS}\r\n", f"9\r\n{BOB} \r\n0\r\n\r\n"),
    ],
)
def test_clean_on_a_transport(audit, written) -> None:
    by_hand(*written)
    assert witnesses(audit) == []


def test_what_is_no_http_is_a_message_of_the_connection(audit) -> None:
    by_hand(HERS)
    assert witnesses(audit) == [(BOB, ALICE)]


CHUNKED = head("", **{"transfer-encoding": "chunked"})


def in_chunks(text: str, size: int) -> str:
    parts = [text[place : place + size] for place in range(0, len(text), size)]
    return "".join(f"{len(part):x};note=1\r\n{part}\r\n" for part in parts) + "0\r\n\r\n"


@pytest.mark.parametrize("size", [3, 10, 1000])
@pytest.mark.parametrize("written", [1, 4, 1000])
def test_chunks_however_they_are_cut(audit, size, written) -> None:
    text = in_chunks(HERS, size)
    by_hand(CHUNKED, *(text[place : place + written] for place in range(0, len(text), written)))
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)


@pytest.mark.parametrize("written", [1, 4, 1000])
def test_the_own_name_in_another_chunk(audit, written) -> None:
    text = in_chunks(f"{HERS} for {BOB}", 9)
    by_hand(CHUNKED, *(text[place : place + written] for place in range(0, len(text), written)))
    assert witnesses(audit) == []


@pytest.mark.parametrize("text", [f"{HERS}\r\n", f"xyz\r\n{HERS}\r\n", f"beef\r\n{HERS}"])
def test_what_is_wrongly_said_to_be_in_chunks(audit, text) -> None:
    """Its end comes, or that of the connection."""
    by_hand(CHUNKED, text, "0\r\n\r\n")
    assert witnesses(audit) == [(BOB, ALICE)]


def test_lines_on_a_transport(audit) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        current_user.set(BOB)
        writer.writelines([head(HERS).encode(), HERS.encode()])
        writer.writelines(iter([b"and ", b"more"]))
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            return await get(server.sockets[0].getsockname()[1], user=None)

    assert asyncio.run(main()).endswith(HERS.encode() + b"and more")
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)


def test_encrypted(audit, tmp_path) -> None:
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    try:
        subprocess.run(["openssl", *request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate, and is not installed")
    settings = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    settings.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        current_user.set(BOB)
        writer.write((head(HERS) + HERS).encode())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=settings)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="localhost")
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            got = await reader.readexactly(len(head(HERS) + HERS))
            writer.close()
            return got

    assert asyncio.run(main()).endswith(HERS.encode())
    assert (witnesses(audit), count(audit)) == ([(BOB, ALICE)], 1)
    assert audit.found("IA203")[0].target == "asyncio.sslproto:_SSLProtocolTransport.write"


@contextmanager
def wsgi(body: str):
    """A WSGI application that answers with ``body``: gives its address."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_words: Any) -> None:
            pass

    def application(environ: Any, start_response: Any) -> list[bytes]:
        current_user.set(BOB)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body.encode()]

    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [(HERS, "/", [(BOB, ALICE)]), (MINE, "/", []), (BOTH, "/", []), (HERS, f"/{ALICE}", [])],
)
def test_the_standard_librarys_server(audit, body, path, found) -> None:
    with wsgi(body) as url, urllib.request.urlopen(url + path, timeout=60) as answer:
        assert answer.read().decode() == body
    assert witnesses(audit) == found
    if found:
        (finding,) = audit.found("IA203")
        assert finding.site.top.function.endswith("application")


# What clients ask and are answered


def question(user: str, text: str) -> None:
    """Ask a backend that answers each line with itself."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"about " + await reader.readline())
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            current_user.set(user)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            writer.write(f"{text}\n".encode())
            assert await reader.readline() == f"about {text}\n".encode()
            writer.close()

    asyncio.run(main())


def test_other_services_may_be_told_and_may_tell_of_anybody(audit) -> None:
    isolation_audit.canary(ALICE)
    question(BOB, f"is {ALICE} a friend?")
    question(ALICE, isolation_audit.canary(ALICE))
    assert witnesses(audit) == []


def test_a_secret_of_anothers_on_its_way_to_and_from_other_services(audit) -> None:
    question(BOB, f"{BOB} {isolation_audit.canary(ALICE)}")
    assert set(witnesses(audit)) == {(BOB, ALICE)}
    told = sorted(finding.message.partition(" for ")[0] for finding in audit.found("IA203"))
    assert told == ["a request", "an answer"]


# Off


def test_switched_off_nothing_is_patched() -> None:
    isolation_audit.uninstrument()
    code = asyncio.StreamReader.readuntil.__code__, Response.__call__.__code__
    watch = model.Watch(**{mechanism.name: False for mechanism in fields(model.Watch)})
    others = model.Integrations(disable=("stream_servers",))  # it makes units of work
    with Auditor(config(watch=watch, integrations=others)) as auditor:
        assert code == (asyncio.StreamReader.readuntil.__code__, Response.__call__.__code__)
        audit = Audit(auditor)
        audit.as_user(ALICE, auditor.runtime.ambient.current)
        ask(Raw(HERS))
        assert witnesses(audit) == []
    with Auditor(config(integrations=others)):
        assert code[0] is not asyncio.StreamReader.readuntil.__code__
    assert code == (asyncio.StreamReader.readuntil.__code__, Response.__call__.__code__)
