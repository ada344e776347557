"""The packages in examples/ as a third party would publish them: wheels, installed beside ours, at work."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from test_applications import CHECKOUT, PIP, Place, bare_environment, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["wheel"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CACHED = """\
import sys
from contextvars import ContextVar, copy_context

from joblib import Memory

current_user = ContextVar("current_user", default=None)
memory = Memory("cache", verbose=0)

@memory.cache
def shared(page):
    return {"page": page, "of": current_user.get()}

@memory.cache
def keyed(user, page):
    return {"page": page, "of": user}

@memory.cache(ignore=["user"])
def ignoring(user, page):
    return {"page": page, "of": user}

def request(user):
    current_user.set(user)
    show = {"shared": lambda: shared("home"), "keyed": lambda: keyed(user, "home"),
            "ignoring": lambda: ignoring(user, "home")}[sys.argv[1]]
    print(show())

for user in ("alice", "bob"):
    copy_context().run(request, user)
"""

LEAKING = """\
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)

class Emitter:
    def emit_answer(self, user_id):
        pass

def request():
    current_user.set("alice")
    Emitter().emit_answer("bob")
    Emitter().emit_answer("alice")

def main():
    copy_context().run(request)
"""


def built(name: str, folder: Path) -> Path:
    shutil.copytree(CHECKOUT / "examples" / name, folder / name)
    command = [*PIP, "wheel", "--no-deps", "-w", folder, folder / name]
    subprocess.run(command, env=bare_environment(), check=True, timeout=300)
    return next(folder.glob("*.whl"))


def test_joblib_rules(wheel: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "venv", wheel, built("joblib_rules", tmp_path))
    page = place.run("isolation-audit", "rules", "JOBLIB101", cwd=tmp_path)
    assert (page.code, b"user-left-out-of-the-key" in page.out) == (0, True)
    (tmp_path / "cached.py").write_text(CACHED)
    (tmp_path / "isolation-audit.toml").write_text('[ambient]\ncontextvar = "__main__:current_user"\n')
    found = {}
    for function in ("shared", "keyed", "ignoring"):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        bare = place.run("python", "cached.py", function, cwd=tmp_path)
        shutil.rmtree(tmp_path / "cache")
        words = ("isolation-audit", "run", "--report", function, "--", "python", "cached.py", function)
        audited = place.run(*words, cwd=tmp_path)
        assert (audited.code, audited.out) == (bare.code, bare.out) == (0, bare.out), audited.err
        report = json.loads((tmp_path / function / "report.json").read_text())
        assert report["summary"]["faults"] == 0
        found[function] = {one["rule"]: one for one in report["findings"]}
    assert found["keyed"] == {}
    assert set(found["shared"]) == {"IA404"}
    assert set(found["ignoring"]) == {"IA404", "JOBLIB101"}
    assert "__main__:ignoring leaves out 'user'" in found["ignoring"]["JOBLIB101"]["message"]
    assert {one["site"]["file"] for one in found["ignoring"].values()} == {str(tmp_path / "cached.py")}


@pytest.fixture
def loki() -> Iterator[tuple[str, list[tuple[str, dict[str, str], Any]]]]:
    """A server that records what is pushed to it, answers like Loki, and refuses the first push."""
    pushed: list[tuple[str, dict[str, str], Any]] = []
    refused: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not refused:
                refused.append(1)
                self.send_error(500)
                return
            pushed.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", pushed
        server.shutdown()
        thread.join()


def test_loki_exporter(wheel: Path, tmp_path: Path, loki: tuple[str, list[Any]]) -> None:
    url, pushed = loki
    place = Place(tmp_path / "venv", wheel, built("loki_exporter", tmp_path))
    (tmp_path / "app.py").write_text(LEAKING)
    (tmp_path / "isolation-audit.toml").write_text(
        '[ambient]\ncontextvar = "app:current_user"\n'
        '[[emitters]]\ntarget = "app:Emitter"\naddressee = "args.user_id"\n'
        f'[exporters.loki]\nurl = "{url}"\nservice = "chat"\ntenant = "staging"\n'
    )
    done = place.run(
        "isolation-audit", "run", "--report", "out", "--", "python", "-c", "import app; app.main()", cwd=tmp_path
    )
    assert done.code == 0, done.err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    path, headers, _body = pushed[0]
    assert (path, headers["X-Scope-Orgid"]) == ("/loki/api/v1/push", "staging")
    streams = [stream for _path, _headers, body in pushed for stream in body["streams"]]
    crossings = [stream for stream in streams if stream["stream"]["rule"] == "IA202"]
    assert [stream["stream"] for stream in crossings] == [
        {"service_name": "chat", "rule": "IA202", "severity": "error"}
    ]
    ((moment, line),) = crossings[0]["values"]
    assert len(moment) == 19
    finding = json.loads(line)
    assert finding["message"] == next(one["message"] for one in report["findings"] if one["rule"] == "IA202")
    assert "alice" not in line
    assert "bob" not in line
    assert report["summary"]["exports"]["loki"] == {"failures": 1, "lost": 0}


def test_a_configuration_that_the_exporter_cannot_use(wheel: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "venv", wheel, built("loki_exporter", tmp_path))
    (tmp_path / "isolation-audit.toml").write_text('[exporters.loki]\nurl = "localhost"\n')
    done = place.run("isolation-audit", "run", "--", "python", "-c", "print(1)", cwd=tmp_path)
    assert "exporters.loki.url: names no server" in done.err
