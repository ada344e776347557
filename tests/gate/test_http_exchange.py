"""Servers that answer oddly, slowly, without end, or with another address: one sentence each, and exit code 2."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from doors import cli
from isolation_audit.gate import http_exchange
from isolation_audit.gate.http_exchange import Answer, ExchangeError, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Respond = Callable[[socket.socket, bytes], None]


@contextmanager
def serving(respond: Respond) -> Iterator[tuple[str, list[bytes]]]:
    """A server of raw bytes: its address, and the first lines of what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    request = connection.recv(65_536)
                    asked.append(request.partition(b"\r\n")[0])
                    respond(connection, request)
                except OSError:
                    return

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked


def answering(body: bytes, status: str = "200 OK", more: str = "") -> Respond:
    head = f"HTTP/1.1 {status}\r\n{more}content-length: {len(body)}\r\n\r\n".encode()
    return lambda connection, _request: connection.sendall(head + body)


def sample(value: str) -> Respond:
    return answering(json.dumps({"data": {"result": [{"value": [0, value]}]}}).encode())


def dripping(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
    while True:
        connection.sendall(b" ")
        threading.Event().wait(0.05)


def endless(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" " * 1_000_000)


ODD = {
    "infinity": (sample("+Inf"), "is no figure"),
    "not a number": (sample("NaN"), "is no figure"),
    "beyond a float": (sample("1e400"), "is no figure"),
    "no number at all": (sample("many"), "is no figure"),
    "nested deeply": (answering(b"[" * 200_000 + b"]" * 200_000), "is no figure"),
    "another form": (answering(b'{"data": 7}'), "is no figure"),
    "no status": (lambda c, _: c.sendall(b"\x1b[2Jbanana\r\n\r\n"), "is no HTTP"),
    "too short": (lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"), "is no figure"),
    "long header": (lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n"), "is no HTTP"),
    "many headers": (lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"), "is no HTTP"),
    "broken chunks": (
        lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n"),
        "is no HTTP",
    ),
    "endless": (endless, "has more than"),
    "redirect": (answering(b"", "302 Found", "location: /elsewhere\r\n"), "redirects are not followed"),
    "redirect with its method": (answering(b"", "307 X", "location: /elsewhere\r\n"), "redirects are not followed"),
    "redirect to a file": (
        answering(b"", "302 Found", "location: file:///etc/passwd\r\n"),
        "redirects are not followed",
    ),
    "refusal": (answering(b'{"error": "\\u001b[2J the gate is open\\n"}', "400 Bad"), r"refuses the query"),
    "nothing": (lambda _c, _r: None, "can't ask Prometheus"),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_prometheus(tmp_path: Path, kind: str) -> None:
    respond, words = ODD[kind]
    with serving(respond) as (url, asked):
        done = cli("gate", "--prometheus", url, cwd=tmp_path)
    assert (done.code, done.out) == (2, b""), done.err
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    assert len(asked) == 1, "no other address, and no second question"


def test_an_answer_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_exchange, "SECONDS", 0.3)
    with serving(dripping) as (url, _), pytest.raises(ExchangeError, match=r"no complete answer within 0\.3 seconds"):
        exchange(url)


def test_what_is_posted_goes_to_no_other_address() -> None:
    with (
        serving(answering(b"ok")) as (other, asked_there),
        serving(answering(b"", "307 X", f"location: {other}/\r\n")) as (url, asked_here),
    ):
        with pytest.raises(ExchangeError, match="redirects are not followed"):
            exchange(url, b'{"open": false}')
        assert exchange(other, b"{}") == Answer(200, b"ok")
    assert [line.split()[0] for line in (*asked_here, *asked_there)] == [b"POST", b"POST"]


def closed_report(folder: Path) -> Path:
    from isolation_audit.exporters import report

    made: dict[str, Any] = report.empty({}, {"name": "isolation-audit", "version": "0"})
    made["summary"] = {
        **dict.fromkeys(("events_total", "crossing_events", "deprecated_engines_built"), 0),
        **dict.fromkeys(("faults", "findings_dropped"), 0),
        "findings": {},
    }
    made["coverage"] = {"verdict": "idle", "reasons": []}
    report.write(folder / "report.json", made)
    return folder


def test_a_webhook_that_fails_leaves_the_verdict(tmp_path: Path) -> None:
    with serving(answering(b"", "302 Found", "location: /elsewhere\r\n")) as (url, _):
        done = cli("gate", str(closed_report(tmp_path)), "--webhook", f"{url}/secret-token", cwd=tmp_path)
    assert done.code == 1, done.err
    assert done.out.startswith(b"the gate is closed:")
    assert "the webhook was not told: it answered with status 302; redirects are not followed" in done.err
    assert "secret-token" not in done.err
