"""/metrics beside clients that are slow, many, or sent by a web page."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from isolation_audit.exporters import metrics_server
from isolation_audit.exporters.metrics_server import AT_ONCE, MetricsServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    def application(_environ: object, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"figures"]

    with MetricsServer("127.0.0.1", 0, application) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def scrape(server: MetricsServer, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", "/metrics", headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("host", [None, "localhost", "127.0.0.1:9464", "[::1]:9464", "LOCALHOST:1"])
def test_asked_by_its_own_address_it_answers(server: MetricsServer, host: str | None) -> None:
    assert scrape(server, host) == (200, b"figures")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9464", "10.0.0.1", "127.0.0.1.evil.example", ""])
def test_a_page_that_has_named_a_loopback_address_reads_nothing(server: MetricsServer, host: str) -> None:
    status, body = scrape(server, host)
    assert status == 403
    assert b"figures" not in body


def test_on_an_address_of_the_network_any_name_will_do() -> None:
    def application(_environ: object, _start: object) -> list[bytes]:
        return []

    with MetricsServer("0.0.0.0", 0, application) as made:
        assert made.get_app() is application


def test_slow_clients_are_broken_off_and_make_room(server: MetricsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port))) for _ in range(AT_ONCE)
        ]
        for one in slow:
            one.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        while len(server._open) < AT_ONCE:
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", server.server_port)) as further:
            assert further.recv(1) == b"", "one too many"
        monkeypatch.setattr(metrics_server, "SECONDS", 0.0)
        assert [one.recv(65_536)[:12] for one in slow if one.recv(0) is None] == []
        while server._open:
            time.sleep(0.01)
        monkeypatch.undo()
        assert scrape(server) == (200, b"figures")
