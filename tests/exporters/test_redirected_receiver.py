"""A receiver of OTLP that leads elsewhere: nothing goes there, and what was not taken is counted."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.config.outputs import Otlp
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.otel import OtlpSink
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(status: int, location: str = "") -> Iterator[tuple[str, list[bytes]]]:
    """A server with one answer to all; its address, and what it was sent."""
    sent: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_goes_where_a_receiver_leads(status: int) -> None:
    scope = Scope("alice")
    scope.started, scope.ended = 1_000_000_000, 3_000_000_000
    with answering(200) as (elsewhere, stolen), answering(status, f"{elsewhere}/v1/traces") as (endpoint, sent):
        sink = OtlpSink(Otlp(endpoint=endpoint, protocol="http/protobuf", timeout=20.0), Pseudonyms())
        sink.drain(Batch([], [scope], dict, last=False))
        sink.close()
    assert (len(sent) >= 1, stolen) == (True, [])
    assert sink.exports["lost"] == 1
    assert sink.exports["failures"] >= 1
