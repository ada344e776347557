"""Real servers as processes on loopback, on ports that the system chooses; all end with the stack that they are in."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_Found = TypeVar("_Found")

_PATIENCE: Final = 60.0
"""Seconds to wait for anything."""


class StackError(Exception):
    """Something is not installed, did not start, or did not happen."""


def program(name: str) -> str:
    """The path of a server program.

    Raises:
        StackError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} is not installed; on Debian: apt install prometheus prometheus-alertmanager")
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, timeout: float = 10.0) -> str:
    """A page on loopback."""
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return str(response.read().decode())


def answers(url: str) -> bool:
    """Whether a page is there."""
    try:
        get(url)
    except (OSError, ValueError):
        return False
    return True


def wait_for(condition: Callable[[], _Found], what: str, seconds: float = _PATIENCE) -> _Found:
    """What ``condition`` gives once it gives something true.

    Raises:
        StackError: it did not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise StackError(f"waited {seconds:g} s for {what}")


@contextmanager
def running(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ended at the end; its output goes to ``log``."""
    # A session of its own: Ctrl-C in the terminal is for us, and we end the servers in their order.
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **options) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The series that a query gives now.

        Raises:
            StackError: it is no PromQL.
        """
        try:
            answer = json.loads(get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"))
        except urllib.error.HTTPError as error:
            raise StackError(f"{json.loads(error.read()).get('error')}: {promql}") from None
        return list(answer["data"]["result"])

    def value(self, promql: str) -> float | None:
        """The value of the first series."""
        found = self.query(promql)
        return float(found[0]["value"][1]) if found else None


@contextmanager
def prometheus(
    folder: Path, jobs: dict[str, list[str]], rules: Path | None, alertmanager: str | None, interval: str
) -> Iterator[Prometheus]:
    """Prometheus; ``jobs`` are the addresses that it scrapes, by their job's name."""
    config = {
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}", "--enable-feature=exemplar-storage", "--log.level=warn",
    ]  # fmt: skip
    with running(command, folder / "prometheus.log"):
        wait_for(lambda: answers(f"http://{address}/-/ready"), f"Prometheus ({folder / 'prometheus.log'})")
        yield Prometheus(f"http://{address}")


@contextmanager
def alertmanager(folder: Path, config: str) -> Iterator[str]:
    """Alertmanager with this configuration; gives its address."""
    file = folder / "alertmanager.yml"
    file.write_text(config)
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus-alertmanager"), f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    with running(command, folder / "alertmanager.log"):
        wait_for(lambda: answers(f"http://{address}/-/ready"), f"Alertmanager ({folder / 'alertmanager.log'})")
        yield address


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as the webhook was told of it."""

    at: float
    """Monotonic seconds."""
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(slots=True)
class Webhook:
    """A receiver of alerts."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    listener: Callable[[Told], None] = lambda _told: None

    def of(self, name: str, status: str, **labels: str) -> list[Told]:
        """What it was told of one alert."""
        return [
            one
            for one in list(self.told)
            if (one.labels["alertname"], one.status) == (name, status) and labels.items() <= one.labels.items()
        ]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A receiver that keeps what Alertmanager posts to it."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            for alert in body["alerts"]:
                told = Told(time.monotonic(), alert["status"], alert["labels"], alert["annotations"])
                hook.told.append(told)
                hook.listener(told)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """No line for each alert."""

    with _served(Handler) as hook.url:
        yield hook


@contextmanager
def sink() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver of OTLP over HTTP that takes everything: its address, and what it was sent."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """No line for each request."""

    with _served(Handler) as url:
        yield url, received


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """Serves a folder's files, in the place of a node exporter with its textfile collector; gives its address."""

    class Handler(SimpleHTTPRequestHandler):
        # Prometheus asks for /metrics; the file is what `isolation-audit progress --metrics` writes.
        def translate_path(self, _path: str) -> str:
            return str(folder / "source.prom")

        def log_message(self, *_: Any) -> None:
            """No line for each scrape."""

        extensions_map = {".prom": "text/plain; version=0.0.4"}  # noqa: RUF012 - the base class's attribute

    with _served(partial(Handler, directory=str(folder))) as url:
        yield url.removeprefix("http://")


@contextmanager
def _served(handler: Callable[..., Any]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            with suppress(Exception):
                server.shutdown()
            thread.join(5)
