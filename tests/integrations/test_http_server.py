"""Plain handlers of ``http.server``: a request each, its user from the head on, its body, and what it is answered."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from clients import NAMED, Browser, known, told

from isolation_audit.config import parse_config

visitor: ContextVar[str | None] = ContextVar("visitor", default=None)


class Notes(BaseHTTPRequestHandler):
    """``/note`` keeps one a user, and with ``leaking`` gives everybody the first."""

    protocol_version = "HTTP/1.1"
    leaking: ClassVar[bool] = False
    kept: ClassVar[list[Any]] = []
    seen: ClassVar[list[str | None]] = []

    def log_message(self, *_arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.seen.append(known())
        if self.path == "/broken":
            raise LookupError("broken")
        if self.path.startswith("/note"):
            self.kept.append({"owner": self.headers["x-user"], "word": "tea"})
            self.answer(self.kept[0 if self.leaking else -1])
        else:
            self.answer({"hello": "you"}, cookie=self.path.partition("?cookie=")[2])

    def do_POST(self) -> None:
        self.answer({"you said": self.rfile.read(int(self.headers["content-length"])).decode()})

    def answer(self, body: Any, cookie: str = "") -> None:
        encoded = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        if self.protocol_version == "HTTP/1.1":
            self.send_header("content-length", str(len(encoded)))
        if cookie:
            self.send_header("set-cookie", f"session={cookie}; path=/")
        self.end_headers()
        self.wfile.write(encoded)


class Closing(Notes):
    """Says nothing of lengths, and hangs up after each answer."""

    protocol_version = "HTTP/1.0"


class Buffered(Notes):
    """Writes through a buffer."""

    wbufsize = -1


class Quiet:
    def handle_error(self, *_arguments: Any) -> None:
        """What a handler raises is expected."""


class OneThread(Quiet, HTTPServer):
    pass


class Threads(Quiet, ThreadingHTTPServer):
    daemon_threads = False  # those at work are waited for: what they do last is counted, too


@contextmanager
def at_work(handler: type[Notes], kind: Any = Threads, **fields: Any) -> Any:
    made = type(handler.__name__, (handler,), {"kept": [], "seen": [], **fields})
    server = kind(("127.0.0.1", 0), made)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def received(connection: socket.socket) -> bytes:
    """All that comes, once nothing more is asked."""
    connection.shutdown(socket.SHUT_WR)
    got = b""
    while part := connection.recv(10_000):
        got += part
    return got


def visiting(handler: type[Notes], paths: tuple[str, ...], kind: Any = Threads, **fields: Any) -> Any:
    """A scenario: alice and bob ask for each path, each on a connection of their own."""

    async def scenario() -> Any:
        with at_work(handler, kind, **fields) as (url, made):
            got = []
            for user in ("alice", "bob"):
                browser = Browser(url)
                got += [await browser.get(path, user) for path in paths]
                browser.close()
            return got, made.seen

    return scenario


@pytest.mark.parametrize("kind", [OneThread, Threads])
@pytest.mark.parametrize("handler", [Notes, Closing, Buffered])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, handler, kind, leaking):
    done = audited(visiting(handler, ("/note",), kind, leaking=leaking), NAMED)
    answers, seen = done.result
    assert ["alice" in one for one in answers] == [True, leaking]
    assert seen == ["alice", "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in (one for several in done.findings.values() for one in several):
        assert finding.site.top.file == __file__
        assert any(frame.function == "Notes.do_GET" for frame in finding.site.stack)
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2


def test_each_request_of_a_connection_that_is_kept_is_a_unit_and_waiting_for_the_next_is_none(audited):
    done = audited(visiting(Notes, ("/a", "/b", "/note")), NAMED)
    assert done.result[1] == ["alice"] * 3 + ["bob"] * 3
    assert done.auditor.runtime.tally.requests == 6
    assert not done.findings


@pytest.mark.parametrize("at_once", [True, False])
def test_the_body_that_a_client_has_sent_explains_the_answer(audited, at_once):
    """It may have come with the head, in the buffer of the file, or after it."""
    body = json.dumps({"to": "alice", "text": "tea?"}).encode()
    head = f"POST / HTTP/1.1\r\nhost: x\r\nx-user: bob\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    def post(url: str) -> bytes:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as connection:
            for part in (head + body,) if at_once else (head, body[:9], body[9:]):
                connection.sendall(part)
                if not at_once:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return received(connection)

    async def scenario() -> Any:
        with at_work(Notes) as (url, _made):
            browser = Browser(url)
            await browser.get("/note", "alice")
            browser.close()
            return await asyncio.to_thread(post, url)

    done = audited(scenario, NAMED)
    assert b"tea?" in done.result
    assert not done.findings


def test_what_was_sent_ahead_is_the_next_request_s(audited):
    def ask(user: str, body: str) -> bytes:
        return f"POST / HTTP/1.1\r\nhost: x\r\nx-user: {user}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()

    def post(url: str) -> bytes:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as connection:
            connection.sendall(ask("alice", "to alice") + ask("bob", "for alice") + ask("bob", "of bob"))
            return received(connection)

    async def scenario() -> Any:
        with at_work(Notes) as (url, _made):
            return await asyncio.to_thread(post, url)

    done = audited(scenario, NAMED)
    assert [done.result.count(word) for word in (b"to alice", b"for alice", b"of bob")] == [1, 1, 1]
    assert not done.findings
    assert done.auditor.runtime.tally.requests_named == 3


def test_a_session_that_a_known_user_was_given_is_theirs_where_nothing_else_names_them(audited):
    cookies = {"alice": "q8Zr1LmX0vTgA7cKe5Yd2u", "bob": "w3Nf9JhBs6PoR4xEi1Um7z"}

    async def scenario() -> Any:
        with at_work(Notes) as (url, made):
            for user, cookie in cookies.items():
                browser = Browser(url)
                await browser.get(f"/in?cookie={cookie}", user)
                await browser.get("/later")
                browser.close()
            return made.seen

    assert audited(scenario, NAMED).result == ["alice", "alice", "bob", "bob"]


def test_basic_authorization_names_the_user(audited):
    def ask(url: str) -> None:
        connection = http.client.HTTPConnection(url.rpartition("/")[2], timeout=60)
        given = base64.b64encode(b"alice:secret").decode()
        connection.request("GET", "/", headers={"authorization": f"Basic {given}"})
        connection.getresponse().read()
        connection.close()

    async def scenario() -> Any:
        with at_work(Notes) as (url, made):
            await asyncio.to_thread(ask, url)
            return made.seen

    assert audited(scenario, NAMED).result == ["alice"]


@pytest.mark.parametrize("way", ["given", "the client's own"])
def test_a_login_of_the_application_s_own_with_which_it_asks_itself_is_no_user(audited, way):
    requests = pytest.importorskip("requests")

    class Asking(Notes):
        def do_GET(self) -> None:
            self.seen.append(known())
            if self.path == "/inner":
                return self.answer({"word": "tea"})
            with requests.Session() as client:
                client.trust_env = False
                client.auth = ("shop", "pw") if way == "the client's own" else None
                port = self.server.server_address[1]
                client.get(f"http://127.0.0.1:{port}/inner", auth=None if client.auth else ("shop", "pw"), timeout=60)
            return self.answer({"word": "cake"})

    async def scenario() -> Any:
        with at_work(Asking) as (url, made):
            for user in ("alice", "bob"):
                browser = Browser(url)
                await browser.get("/", user)
                browser.close()
            return made.seen

    done = audited(scenario, NAMED)
    assert done.result == ["alice", None, "bob", None]
    assert not done.findings


def test_whoever_a_request_leaves_in_the_context_is_told_to_the_next_one(audited):
    class Forgetful(Notes):
        def do_GET(self) -> None:
            name = self.path.partition("?as=")[2]
            if name:
                visitor.set(name)
            self.answer({"you": visitor.get()})

    async def scenario() -> Any:
        with at_work(Forgetful, OneThread) as (url, _made):
            got = []
            for path in ("/?as=alice", "/"):
                browser = Browser(url)
                got.append(await browser.get(path))
                browser.close()
            return got

    config = {"report": {"raw_ids": True, "terminal": False}, "ambient": {"contextvar": f"{__name__}:visitor"}}
    done = audited(scenario, parse_config(config))
    assert ["alice" in one for one in done.result] == [True, True]
    assert "IA503" in done.findings


def test_what_a_handler_raises_ends_its_request(audited):
    async def scenario() -> Any:
        with at_work(Notes, OneThread) as (url, made):
            for user, path in (("alice", "/broken"), ("bob", "/a")):
                browser = Browser(url)
                try:
                    await browser.get(path, user)
                except (http.client.HTTPException, OSError):
                    made.seen.append("no answer")
                finally:
                    browser.close()
            return made.seen

    done = audited(scenario, NAMED)
    assert done.result == ["alice", "no answer", "bob"]
    assert done.auditor.runtime.tally.requests_named == 2
    assert not done.findings


def test_a_server_for_wsgi_begins_its_requests_itself(audited):
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    werkzeug = pytest.importorskip("werkzeug.serving")

    class Silent(WSGIRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            pass

    class Hushed(werkzeug.WSGIRequestHandler):
        def log(self, *_arguments: Any) -> None:
            pass

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("content-type", "text/plain")])
        return [str(known()).encode()]

    async def scenario() -> Any:
        got = []
        for server in (
            make_server("127.0.0.1", 0, app, handler_class=Silent),
            werkzeug.make_server("127.0.0.1", 0, app, request_handler=Hushed),
        ):
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            browser = Browser(f"http://127.0.0.1:{server.server_port}")
            got += [await browser.get("/", user) for user in ("alice", "bob")]
            browser.close()
            server.shutdown()
            thread.join()
            server.server_close()
        return got

    done = audited(scenario, NAMED)
    assert done.result == ["alice", "bob"] * 2
    assert done.auditor.runtime.tally.requests == 4
