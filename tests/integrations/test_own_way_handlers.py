"""Servers of libraries on ``http.server`` whose handlers serve a request in a way of their own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from clients import NAMED, Browser, known, told


class Gateway(BaseHTTPRequestHandler):
    """Calls an application of WSGI by itself, as the servers of some applications do."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        environ = {"PATH_INFO": self.path, "HTTP_X_USER": self.headers["x-user"]}
        body = b"".join(self.server.application(environ, None))
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Calling(Gateway):
    """Does something more, and leaves the rest to the class below."""

    def handle_one_request(self) -> None:
        super().handle_one_request()


class Server(ThreadingHTTPServer):
    application: Any = None
    daemon_threads = False


class Quiet(WSGIRequestHandler):
    """One whose requests the server of the standard library begins."""

    def log_message(self, *_arguments: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        raise NotImplementedError


@contextmanager
def at_work(server: Any) -> Any:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def visiting(server: Any) -> Any:
    async def scenario() -> list[str]:
        with at_work(server) as url:
            got = []
            for user in ("alice", "bob"):
                browser = Browser(url)
                got += [await browser.get(f"/{number}", user) for number in range(2)]
                browser.close()
        return got

    return scenario


def remembering(seen: list[Any], *, leaking: bool) -> Any:
    kept: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(known())
        kept.append(environ["HTTP_X_USER"])
        if start_response is not None:
            start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"hello {kept[0 if leaking else -1]}".encode()]

    return application


@pytest.mark.parametrize("handler", [Gateway, Calling])
@pytest.mark.parametrize("leaking", [True, False])
def test_each_request_of_a_gateway_is_a_unit(audited, handler, leaking):
    seen: list[Any] = []
    server = Server(("127.0.0.1", 0), handler)
    server.application = remembering(seen, leaking=leaking)
    done = audited(visiting(server), NAMED)
    assert ["alice" in one for one in done.result] == [True, True, leaking, leaking]
    assert seen == ["alice", "alice", "bob", "bob"]
    assert set(told(done.findings)) == ({("IA203", "bob", "alice")} if leaking else set())
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 4


def test_a_handler_of_a_server_that_is_watched_begins_none(audited):
    seen: list[Any] = []
    server = WSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(remembering(seen, leaking=False))
    done = audited(visiting(server), NAMED)
    assert done.result == ["hello alice"] * 2 + ["hello bob"] * 2
    assert told(done.findings) == []
    assert done.auditor.runtime.tally.requests == 4
