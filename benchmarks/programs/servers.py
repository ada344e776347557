"""Servers, bare and under ours or a peer; their clients; and where the peers send what they have to tell."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.timing import clean_environment, installed, of_session, spent_by

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "benchmarks.programs.web.django_settings"}
PATIENCE = 60.0
"""Seconds until a server has to listen."""


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a server: what stands before its command, what is in its environment, what has to be installed."""

    name: str
    before: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Why it can't be run; empty where it can."""
        return "" if installed(*self.modules) else f"{', '.join(self.modules)}: not installed"


BARE = Way("bare")


def ours(config: str | None = None) -> Way:
    """Under the auditor."""
    run = (sys.executable, "-m", "isolation_audit", "run", "--report", "report")
    if config is None:
        return Way("ours", (*run, "--"))
    return Way("ours configured", (*run, "--config", config, "--"))


def peers(sink: str, framework: str) -> list[Way]:
    """Others' ways, as their documentation has them; they send to ``sink`` (host and port)."""
    host, _, port = sink.partition(":")
    otel = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{sink}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "benchmarks",
    }
    ddtrace = {
        "DD_AGENT_HOST": host,
        "DD_TRACE_AGENT_PORT": port,
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_TRACE_STARTUP_LOGS": "false",
    }
    sentry = {"BENCH_SENTRY_DSN": f"http://key@{sink}/1"}
    return [
        Way(
            "opentelemetry",
            (str(BIN / "opentelemetry-instrument"),),
            otel,
            ("opentelemetry.distro", f"opentelemetry.instrumentation.{framework}", "opentelemetry.exporter.otlp"),
        ),
        Way("ddtrace", (str(BIN / "ddtrace-run"),), ddtrace, ("ddtrace",)),
        Way("sentry", (), sentry | {"BENCH_SENTRY_TRACES": "1.0"}, ("sentry_sdk",)),
        Way("sentry_without_traces", (), sentry | {"BENCH_SENTRY_TRACES": "0.0"}, ("sentry_sdk",)),
    ]


def uvicorn(app: str) -> list[str]:
    """The command of an ASGI server, but for its port."""
    return [sys.executable, "-m", "uvicorn", app, "--log-level", "critical", "--port"]


def gunicorn(app: str) -> list[str]:
    """The command of a WSGI server with one worker, but for its port."""
    words = [sys.executable, "-m", "gunicorn", app, "--workers", "1", "--worker-class", "gthread", "--threads", "2"]
    return [*words, "--log-level", "critical", "--no-control-socket", "--bind"]


@dataclass(slots=True)
class Server:
    """A server that listens, with all its processes."""

    port: int
    session: int

    def spent(self) -> float:
        """Seconds of processor time so far."""
        return spent_by(of_session(self.session))


@contextmanager
def serving(command: list[str], way: Way, folder: Path) -> Iterator[Server]:
    """Run one until the end of the block."""
    port = free_port()
    log = folder / f"{way.name.replace(' ', '-')}.log"
    bind = f"127.0.0.1:{port}" if command[-1] == "--bind" else str(port)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*way.before, *command, bind],
            cwd=folder, env=clean_environment() | ENVIRONMENT | way.environment,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(port, process, log)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                text = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"it does not listen: {process.args}: {text}") from None
            time.sleep(0.02)


@contextmanager
def receiver(mood: str = "well") -> Iterator[str]:
    """Whoever takes what is sent: host and port. ``slow`` answers late, ``garbage`` with what is no HTTP."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.programs.receiver", str(port), mood], env=clean_environment()
    )
    try:
        _wait_for(port, process, Path(os.devnull))
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def all_serving(command: list[str], ways: list[Way], folder: Path) -> Iterator[dict[str, Server]]:
    """One server for each way, in folders of their own."""
    with ExitStack() as stack:
        found = {}
        for way in ways:
            own = folder / way.name.replace(" ", "-")
            own.mkdir(exist_ok=True)
            found[way.name] = stack.enter_context(serving(command, way, own))
        yield found


class Client:
    """A user who asks again and again on one connection."""

    def __init__(self, port: int, user: str) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        head, _ = self.get(b"GET /login?user=%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % user.encode())
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if ": " in line)
        lower = {name.lower(): value for name, value in fields.items()}
        cookies = [
            line.split(": ", 1)[1]
            for line in head.decode("latin-1").split("\r\n")
            if line[:11].lower() == "set-cookie:"
        ]
        if "x-token" in lower:
            credential = f"Authorization: Bearer {lower['x-token']}"
        else:
            credential = "Cookie: " + "; ".join(cookie.partition(";")[0] for cookie in cookies)
        self.question = (
            f"GET /notes HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n{credential}\r\n\r\n"
        ).encode()
        _, body = self.get(self.question)
        assert body.count(user.encode()) > 10, (user, body)

    def ask(self) -> None:
        """One request."""
        head, _ = self.get(self.question)
        assert head.startswith(b"HTTP/1.1 200"), head

    def get(self, question: bytes) -> tuple[bytes, bytes]:
        """Head and body of an answer."""
        for _ in range(2):
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), 30)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._socket.sendall(question)
                answer = self._read()
            except OSError:
                answer = None
            if answer is not None:
                if b"\r\nconnection: close" in answer[0].lower():
                    self.close()
                return answer
            self.close()
        raise RuntimeError("the server hangs up")

    def _read(self) -> tuple[bytes, bytes] | None:
        assert self._socket is not None
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._socket.recv(1 << 16)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        length = int(head[at:].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._socket.recv(1 << 16)
        return head, body

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
