"""gunicorn, waitress and Hypercorn as processes of their own, audited with no configuration at all."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from doors import clean_environment

SITES = Path(__file__).with_name("sites")
QUESTIONS = 20
_at = re.compile(r"http://127\.0\.0\.1:(\d+)").search

GUNICORN = ("gunicorn", "--bind", "127.0.0.1:0")
WAITRESS = ("waitress-serve", "--listen", "127.0.0.1:0", "--threads", "2")


class Served:
    """A server under the auditor, and what came of it."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], port: int) -> None:
        self._folder = folder
        self._process = process
        self._port = port

    def ask(self, path: str, user: str) -> str:
        """Whom an answer is about; on a connection of its own, so that all workers get some."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=280)
        connection.request("GET", path, headers={"X-User": user})
        response = connection.getresponse()
        assert response.status == 200
        about = json.loads(response.read())["to"]
        connection.close()
        return about

    def stop(self) -> dict[str, Any]:
        """End it as an administrator would; gives the report."""
        self._process.send_signal(signal.SIGTERM)
        _out, err = self._process.communicate(timeout=60)
        report = json.loads((self._folder / "out" / "report.json").read_text())
        assert report["summary"]["faults"] == 0, err
        assert not (self._folder / "out" / "processes").exists()
        return report


@contextmanager
def serving(folder: Path, *command: str, clean: bool = False):
    """A server under ``isolation-audit run``: gives it as soon as it listens."""
    environment = clean_environment(PYTHONPATH=str(SITES), PYTHONWARNINGS="ignore", **({"CLEAN": "1"} if clean else {}))
    (folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")  # old ones have none, and do not mind
    process = subprocess.Popen(
        [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--", *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        heard: list[str] = []
        for line in process.stdout:
            heard.append(line)
            if found := _at(line):
                yield Served(folder, process, int(found[1]))
                break
        else:
            pytest.fail("".join(heard))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


def exchange(server: Served, paths: tuple[str, ...]) -> int:
    """Two users who ask again and again; gives how many answers were about the other one."""
    users = random.Random(7).choices(("user-alice", "user-bob"), k=QUESTIONS * len(paths))
    return sum(server.ask(path, user) != user for path, user in zip(paths * QUESTIONS, users, strict=True))


KINDS = {
    "gunicorn sync": (*GUNICORN, "--workers", "2", "letters:application"),
    "gunicorn sync, preloaded": (*GUNICORN, "--workers", "2", "--preload", "letters:application"),
    "gunicorn threads": (*GUNICORN, "--workers", "2", "--threads", "2", "letters:application"),
    "gunicorn flask": (*GUNICORN, "--workers", "2", "--threads", "2", "letters:flask_site()"),
    "gunicorn uvicorn": (*GUNICORN, "--workers", "2", "-k", "uvicorn_worker.UvicornWorker", "letters:asgi"),
    "hypercorn": ("hypercorn", "--bind", "127.0.0.1:0", "letters:asgi"),
    "hypercorn on Trio": ("hypercorn", "-k", "trio", "--bind", "127.0.0.1:0", "letters:asgi"),
    "waitress": (*WAITRESS, "letters:application"),
    "waitress flask": (*WAITRESS, "--call", "letters:flask_site"),
}


def paths(kind: str) -> tuple[str, ...]:
    return ("/whole", "/streamed", "/written") if "flask" not in kind else ("/whole", "/streamed")


@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_about_another_user_is_found_in_all_processes_together(kind, tmp_path):
    with serving(tmp_path, *KINDS[kind]) as server:
        foreign = exchange(server, paths(kind))
        report = server.stop()
    assert foreign > 5
    assert report["summary"]["findings"] == {"IA203": foreign}
    for finding in report["findings"]:
        assert {finding["witnesses"]["ambient"], finding["witnesses"]["content"]} == {"user-alice", "user-bob"}
    asked = QUESTIONS * len(paths(kind))
    assert (report["summary"]["requests"], report["summary"]["requests_named"]) == (asked, asked)
    # The server's own process and the workers; more, where a worker was slow to start and another one was.
    assert len(report["run"]["processes"]) >= (3 if "gunicorn" in kind else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_clean_twin_is_silent(kind, tmp_path):
    with serving(tmp_path, *KINDS[kind], clean=True) as server:
        assert exchange(server, paths(kind)) == 0
        report = server.stop()
    assert report["findings"] == []
    assert report["summary"]["requests_named"] == QUESTIONS * len(paths(kind))


@pytest.mark.parametrize("kind", ["gunicorn threads", "waitress"])
def test_what_is_answered_at_the_same_time_is_each_their_own_user_s(kind, tmp_path):
    users = [f"user-{number % 10}" for number in range(200)]
    with serving(tmp_path, *KINDS[kind], clean=True) as server:
        with ThreadPoolExecutor(10) as clients:
            assert list(clients.map(lambda user: server.ask("/slow", user), users)) == users
        report = server.stop()
    assert (report["findings"], report["summary"]["requests_named"]) == ([], 200)


@pytest.mark.skipif(int(version("gunicorn").partition(".")[0]) < 25, reason="it has no such worker")
@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_under_a_server_that_is_not_known_what_a_request_asks_for_may_be_answered(loop, tmp_path):
    """By itself it takes uvloop, where that is installed, whose sockets Python does not see."""
    with serving(tmp_path, *GUNICORN, "-k", "asgi", "--asgi-loop", loop, "letters:starlette_site()") as server:
        for user in ("user-alice", "user-bob") * 2:
            for path in ("/whole/user-alice", "/streamed/user-alice"):
                assert server.ask(path, user) == "user-alice"
        report = server.stop()
    assert report["summary"]["requests_named"] == 8
    (finding,) = report["findings"]
    assert (finding["rule"], report["coverage"]["verdict"]) == ("IA904", "partly blind")
    assert finding["message"].startswith("partly blind: gunicorn's own ASGI worker is at work and not watched (8 req")


def test_gevent_s_workers_are_left_alone_and_the_report_says_so(tmp_path):
    command = (*GUNICORN, "--workers", "2", "-k", "gevent", "letters:application")
    with serving(tmp_path, *command) as server:
        assert exchange(server, ("/whole", "/streamed")) > 5
        report = server.stop()
    assert [one["rule"] for one in report["findings"]] == ["IA904"]
    assert "gevent" in report["findings"][0]["message"]


VISITORS = """
import json, os
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

def application(environ, start_response):
    user = environ["HTTP_X_USER"]
    if "CLEAN" in os.environ or user != "nobody":
        current_user.set(user)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"to": current_user.get()}).encode()]
"""


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("clean", [False, True])
def test_a_visitor_is_served_as_whoever_came_before_on_the_thread(kind, clean, tmp_path):
    (tmp_path / "visitors.py").write_text(VISITORS)
    (tmp_path / "isolation-audit.toml").write_text('[ambient]\ncontextvar = "visitors:current_user"\n')
    with serving(tmp_path, *GUNICORN, "-k", kind, "--threads", "1", "visitors:application", clean=clean) as server:
        served = [server.ask("/", user) for user in ("user-alice", "nobody", "user-bob")]
        report = server.stop()
    assert served == ["user-alice", "nobody" if clean else "user-alice", "user-bob"]
    found = [(one["rule"], one["witnesses"]["ambient"]) for one in report["findings"]]
    assert found == ([] if clean else [("IA503", "user-alice")])
    assert all(Path(one["site"]["stack"][0]["file"]).name == "visitors.py" for one in report["findings"])
