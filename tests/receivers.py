"""Receivers for tests: real servers on loopback, as processes (Prometheus, rotel) and as sockets that decode OTLP."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "agent_chat"


def program(name: str) -> str:
    """The path of a server program; without it the test is skipped, but fails where CI=true."""
    found = shutil.which(name) or _packaged(name)
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{name} is not installed, and in CI it has to be")
        pytest.skip(f"{name} is not installed")
    return found


def _packaged(name: str) -> str | None:
    spec = importlib.util.find_spec(name.partition("-")[0])
    path = Path(spec.origin).with_name(name) if spec is not None and spec.origin else None
    return str(path) if path is not None and path.is_file() else None


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """What ``condition`` gives once it gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:g} s for {what}")


def get(url: str) -> str:
    """The body of a page on loopback."""
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())


@contextmanager
def running(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ended at the end; its output goes to ``log``."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass
class PrometheusServer:
    url: str

    def query(self, promql: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": promql})
        answer = json.loads(get(f"{self.url}/api/v1/query?{query}"))
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def value(self, promql: str) -> float | None:
        result = self.query(promql)
        return float(result[0]["value"][1]) if result else None


def answers(url: str) -> bool:
    try:
        get(url)
    except (OSError, http.client.HTTPException):
        return False
    return True


@contextmanager
def prometheus_server(folder: Path, target: str, alerting: str = "") -> Iterator[PrometheusServer]:
    """A real Prometheus that scrapes ``target`` (host:port) five times a second; ``alerting`` is more configuration."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 500ms}\n"
        f"scrape_configs: [{{job_name: audited, static_configs: [{{targets: ['{target}']}}]}}]\n{alerting}"
    )
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, folder / "prometheus.log"):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/-/ready"), "Prometheus to be ready")
        yield PrometheusServer(url)


@contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """A real Alertmanager that posts every alert to ``webhook`` at once; gives its host:port."""
    config = folder / "alertmanager.yml"
    config.write_text(
        "route: {receiver: rollback, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n"
        f"receivers: [{{name: rollback, webhook_configs: [{{url: '{webhook}', send_resolved: false}}]}}]\n"
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(command, folder / "alertmanager.log"):
        wait_for(lambda: answers(f"http://{address}/-/ready"), "Alertmanager to be ready")
        yield address


@dataclass
class Rotel:
    """A real OTLP agent that says on its log what it received."""

    grpc: str
    http: str
    log: Path

    def text(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def rotel_agent(folder: Path) -> Iterator[Rotel]:
    agent = program("rotel-agent")
    tried = subprocess.run([agent, "--help"], capture_output=True, text=True, check=False)
    if "shared libraries" in tried.stderr:
        # Its wheel for some Pythons wants a libpython that an interpreter built without one does not have.
        pytest.skip(f"rotel can't run with this Python: {tried.stderr.strip().rpartition(':')[0]}")
    grpc, web = free_port(), free_port()
    command = [
        agent,
        "start",
        f"--pid-file={folder / 'rotel.pid'}",
        f"--log-file={folder / 'rotel-agent.log'}",
        "--exporter=blackhole",
        f"--otlp-grpc-endpoint=127.0.0.1:{grpc}",
        f"--otlp-http-endpoint=127.0.0.1:{web}",
        "--debug-log=traces",
        "--debug-log=logs",
        "--debug-log-verbosity=detailed",
    ]
    log = folder / "rotel.log"
    with running(command, log, cwd=folder):
        for port in (grpc, web):
            wait_for(lambda port=port: _listens(port), "rotel to listen")
        yield Rotel(f"http://127.0.0.1:{grpc}", f"http://127.0.0.1:{web}", log)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Received:
    """What an OTLP receiver was sent, decoded."""

    raw: list[bytes] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    endpoint: str = ""

    def take(self, body: bytes, kind: Any, headers: dict[str, str]) -> None:
        self.raw.append(body)
        self.headers.append(headers)
        self.requests.append(kind.FromString(body))

    def bytes(self) -> bytes:
        return b"".join(self.raw)

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in getattr(request, "resource_spans", ())
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def records(self) -> list[Any]:
        return [
            record
            for request in self.requests
            for resource in getattr(request, "resource_logs", ())
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def resources(self) -> list[dict[str, Any]]:
        groups = [
            group
            for request in self.requests
            for group in (*getattr(request, "resource_spans", ()), *getattr(request, "resource_logs", ()))
        ]
        return [attributes(group.resource) for group in groups]

    def scopes(self) -> set[tuple[str, str, str]]:
        found = set()
        for request in self.requests:
            for resource in getattr(request, "resource_spans", ()):
                found |= {(one.scope.name, one.scope.version, one.schema_url) for one in resource.scope_spans}
            for resource in getattr(request, "resource_logs", ()):
                found |= {(one.scope.name, one.scope.version, one.schema_url) for one in resource.scope_logs}
        return found


def attributes(thing: Any) -> dict[str, Any]:
    """Attributes of a decoded span, log record or resource as a plain dictionary."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in thing.attributes}


@contextmanager
def receiver(protocol: str) -> Iterator[Received]:
    """A receiver that decodes what real sockets bring; ``protocol`` as in the configuration."""
    with _grpc_receiver() if protocol == "grpc" else _http_receiver() as received:
        yield received


def _kinds() -> tuple[Any, Any]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return ExportTraceServiceRequest, ExportLogsServiceRequest


@contextmanager
def _grpc_receiver() -> Iterator[Received]:
    import grpc

    received = Received()
    traces, logs = _kinds()

    def handler(kind: Any) -> Any:
        def export(body: bytes, context: Any) -> bytes:
            received.take(body, kind, dict(context.invocation_metadata()))
            return b""

        return grpc.unary_unary_rpc_method_handler(export)  # without codecs: bytes as they came

    server = grpc.server(ThreadPoolExecutor(4))
    prefix = "opentelemetry.proto.collector"
    for service, kind in ((f"{prefix}.trace.v1.TraceService", traces), (f"{prefix}.logs.v1.LogsService", logs)):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler(kind)}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    received.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield received
    finally:
        server.stop(0).wait(5)


@contextmanager
def _http_receiver() -> Iterator[Received]:
    received = Received()
    traces, logs = _kinds()
    kinds = {"/v1/traces": traces, "/v1/logs": logs}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.take(body, kinds[self.path], {key.lower(): value for key, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        received.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield received
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def silent_receiver() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


_DRIVER = """
import runpy, sys
import isolation_audit
if sys.argv[1] != "-":
    isolation_audit.instrument(sys.argv[1])
sys.argv = ["agent_chat", *sys.argv[2:]]
runpy.run_module("agent_chat", run_name="__main__")
"""


@dataclass
class Chat:
    """The example application under the auditor, as a process of its own."""

    process: subprocess.Popen[str]
    url: str
    errors: Path

    def stderr(self) -> str:
        return self.errors.read_text()

    def metrics_url(self) -> str:
        def announced() -> str | None:
            lines = [line for line in self.stderr().splitlines() if "metrics on http://" in line]
            return lines[0].split()[-1] if lines else None

        return str(wait_for(announced, "the address of /metrics"))

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode


STRICT = (sys.executable, "-W", "error", "-W", "ignore:Please use `import python_multipart`:PendingDeprecationWarning")
"""A Python to which warnings are errors, but for what an old Starlette makes of a new python-multipart."""


@contextmanager
def chat(folder: Path, extra: str | None, *options: str, engine: str = "legacy", **environment: str) -> Iterator[Chat]:
    """``extra`` is TOML behind the example's own configuration; None runs the application without the auditor."""
    config = folder / "isolation-audit.toml"
    if extra is not None:
        config.write_text((EXAMPLE / "isolation-audit.toml").read_text() + extra)
    command = [*STRICT, "-c", _DRIVER, "-" if extra is None else str(config)]
    command += ["--engine", engine, "--port", "0", *options]
    errors = folder / "stderr.txt"
    env = {**os.environ, "PYTHONPATH": f"{EXAMPLE}{os.pathsep}{ROOT / 'src'}", **environment}
    with (
        errors.open("w") as err,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=err, text=True, env=env) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("agent_chat listening on "), errors.read_text()
            yield Chat(process, line.split()[-1], errors)
        finally:
            if process.poll() is None:
                process.kill()
