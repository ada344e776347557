"""An ASGI application without a framework on Granian: whose its requests are, and what it sends to whom."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys

import pytest
from plain_asgi import FOLDER, judge

from doors import clean_environment
from receivers import free_port, wait_for

pytest.importorskip("granian")


@pytest.mark.parametrize("leaking", [True, False])
def test_requests_and_websockets_of_a_plain_application(tmp_path, leaking):
    judge("on_granian.py", tmp_path, leaking=leaking)


def answered(port: int, user: str) -> str | None:
    """Whom the application's page says it is for; None as long as nobody answers."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", "/", headers={"X-User": user})
        return client.getresponse().read().decode()
    except OSError:
        return None
    finally:
        client.close()


def test_requests_of_a_wsgi_application(tmp_path):
    """In a worker's process, on its threads."""
    port = free_port()
    command = [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--"]
    command += ["-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws", "--working-dir", str(FOLDER)]
    environment = {**clean_environment(), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen([*command, "wsgi_application:application"], cwd=tmp_path, env=environment) as server:
        try:
            wait_for(lambda: answered(port, "carol"), "Granian")
            assert [answered(port, user) for user in ("alice", "bob")] == ["for alice", "for bob"]
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    requests, named = (report["summary"][name] for name in ("requests", "requests_named"))
    assert (requests, named, report["summary"]["faults"]) == (3, 3, 0)
    assert report["coverage"]["verdict"] == "audited"
    assert report["findings"] == []
