"""gevent takes the threads: the auditor steps aside, says so, and the process ends as it does without it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from doors import clean_environment
from receivers import free_port

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
[ambient]
contextvar = "shop:current_user"
[[engines]]
target = "shop:Engine"
[report]
directory = "out"
"""

SHOP = """\
import threading
from contextvars import ContextVar
current_user = ContextVar("current_user", default=None)
class Engine:
    pass
"""

WORK = """
import gevent, shop, queue
done = []
queued = queue.SimpleQueue()
def work(user):
    shop.current_user.set(user)
    gevent.sleep(0.01)
    shop.Engine()
    done.append(shop.current_user.get() == user)
    queued.put(user)
threads = [shop.threading.Thread(target=work, args=(user,)) for user in "abc"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(done, sorted(queued.get() for _ in range(3)))
"""


def run(folder: Path, program: str, more: str = "") -> tuple[subprocess.CompletedProcess[str], Any]:
    (folder / "shop.py").write_text(SHOP)
    (folder / "isolation-audit.toml").write_text(CONFIG + more)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(folder), PYTHONWARNINGS="error"),
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    report = folder / "out" / "report.json"
    return done, json.loads(report.read_text()) if report.exists() else None


PATCH = "from gevent import monkey; monkey.patch_all()\n"
EXPECTED = "[True, True, True] ['a', 'b', 'c']"


def test_it_steps_aside(tmp_path: Path) -> None:
    bare, _ = run(tmp_path, PATCH + WORK)
    assert bare.stdout.strip() == EXPECTED
    done, report = run(tmp_path, "import isolation_audit.auto\n" + PATCH + WORK)
    assert done.stdout == bare.stdout
    assert "isolation-audit: gevent exchanges threads for greenlets: process " in done.stderr
    assert report["summary"]["faults"] == 0
    (finding,) = [one for one in report["findings"] if one["target"]]
    assert (finding["rule"], finding["target"], finding["severity"]) == ("IA904", "gevent.monkey", "warning")


CALL = """
import socket, threading, requests
listener = socket.create_server(("127.0.0.1", 0))
def answer():
    client, _ = listener.accept()
    client.recv(10)
    client.sendall(b"no TLS")
    client.close()
thread = threading.Thread(target=answer)
thread.start()
try:
    requests.get(f"https://127.0.0.1:{listener.getsockname()[1]}")
except Exception as error:
    print(type(error).__name__)
thread.join()
"""


def imported_with_the_exporter() -> bool:
    code = "import sys, opentelemetry.exporter.otlp.proto.http.trace_exporter; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_exporting_over_http_takes_nothing_out_of_ssl_before_gevent(tmp_path: Path) -> None:
    """Else the application's own requests would end in a RecursionError."""
    if imported_with_the_exporter():
        pytest.skip("this version of the exporter imports requests by itself, and with it ssl")
    assert run(tmp_path, PATCH + CALL)[0].stdout.strip() == "SSLError"
    otlp = f'[otlp]\nendpoint = "http://127.0.0.1:{free_port()}"\nprotocol = "http/protobuf"\ntimeout = 1\n'
    done, report = run(tmp_path, "import isolation_audit.auto\n" + PATCH + CALL, otlp)
    assert done.stdout.strip() == "SSLError"
    # That it was left alone, and that what was configured was never imported.
    assert "2 span(s) and log record(s) did not reach" in done.stderr
    assert [one["target"] for one in report["findings"] if one["target"]] == ["gevent.monkey"]


def test_it_goes_on_where_threads_stay_what_they_are(tmp_path: Path) -> None:
    patch = "from gevent import monkey; monkey.patch_socket(); monkey.patch_time()\n"
    program = "import isolation_audit.auto\n" + patch + "import shop\nshop.Engine()\n"
    done, report = run(tmp_path, program)
    assert "greenlets" not in done.stderr
    assert report["summary"]["engines_built"] == 1


def test_it_does_not_begin_afterwards(tmp_path: Path) -> None:
    done, report = run(tmp_path, PATCH + "import isolation_audit.auto\n" + WORK)
    assert done.stdout.strip() == EXPECTED
    assert done.stderr.splitlines() == [
        "isolation-audit: not active: gevent has exchanged threads for greenlets; such a process can't be audited"
    ]
    assert report is None


@pytest.mark.parametrize("early", [True, False])
def test_nothing_of_it_stays_behind(tmp_path: Path, early: bool) -> None:
    first = "import gevent.events\n" if early else ""
    then = "" if early else "import gevent.events\n"
    program = (
        f"import isolation_audit\n{first}auditor = isolation_audit.instrument()\n{then}"
        "print(len(gevent.events.subscribers))\nisolation_audit.uninstrument()\nprint(len(gevent.events.subscribers))\n"
    )
    done, _ = run(tmp_path, program)
    assert done.stdout.split() == ["1", "0"]
