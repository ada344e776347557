"""Faults in every hook of every integration: what uses the library gets and logs what it does without us.

The integrations are those that are installed; one whose hooks no use in ``uses`` reaches with a fault fails here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libraries
import pytest

from doors import clean_environment
from isolation_audit.integrations import GROUP, Integration
from mariadb_server import mariadb_server
from postgres_server import postgres_server
from redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

SABOTAGE = Path(__file__).parent / "uses" / "sabotage.py"
INTEGRATIONS = {
    entry.name: entry.load()
    for entry in metadata.entry_points(group=GROUP)
    if entry.module.startswith("isolation_audit.")
}


@contextmanager
def _redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as running:
        yield running.url


SERVERS = {
    **dict.fromkeys(
        ("asyncpg", "psycopg_pool", "psycopg2_pool", "psycopg2_rows", "asyncpg_rows", "psycopg_rows"), postgres_server
    ),
    **dict.fromkeys(("aiomysql", "aiomysql_rows", "mysqlclient_rows", "pymysql_rows"), mariadb_server),
    "redis_replies": _redis,
    "rq": _redis,
}
"""What has to run for some of the uses."""
PREBUILT = {"psycopg2": "psycopg2-binary"}
"""What is installed in place of a library that has to be compiled."""
NAMES = [pytest.param(name, marks=pytest.mark.server if name in SERVERS else ()) for name in INTEGRATIONS]

UNREACHED = {
    **libraries.UNREACHED,
    "aiohttp.client_reqrep:ClientRequest.send http_clients.RequestPoint: after": "answers come by at another point",
    "aiohttp.web_ws:WebSocketResponse.send_bytes aiohttp_web.SendPoint: after": "inherited, and nothing is kept for it",
    "aiohttp.web_ws:WebSocketResponse.send_str aiohttp_web.SendPoint: after": "the same",
    "async_lru:_LRUCacheWrapper._cache_hit async_lru.HitPoint: after": "the same",
    "asgiref.local:Local.__setattr__ asgiref.SetPoint: before": "since asgiref 3.11 only classes below it are called",
    "asgiref.local:Local.__getattr__ asgiref.GetPoint: before": "the same",
    "asgiref.local:Local.__getattr__ asgiref.GetPoint: after": "the same",
    "apscheduler.RunPoint: failed": "what runs a job catches everything",
    "requests_and_connections.RootPoint: failed": "uvicorn's calls of applications raise nothing",
    "http_request.AsgiPoint: failed": "the same",
    "websockets.HandlingPoint: failed": "what serves a connection catches everything",
    "continued_work.WorkPoint: failed": "what runs a job, or a thread, catches everything",
    "use.UsePoint: failed": "the engines of the use are looked at by nobody who has built them",
    "keyed_cache.InputPoint: failed": "of these caches only cachetools' raise",
    "threads.ThreadPoint: failed": "a thread's exceptions end in its excepthook",
    "transports.EncryptingPoint: failed": "writing bytes to an encrypted transport never fails",
    **({} if sys.version_info >= (3, 12) else {"transports.LinesPoint: never placed": "there from Python 3.12 on"}),
}
"""Steps that are there and that nothing can reach, and why."""


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The running server that a use needs: its address."""
    start = SERVERS.get(request.getfixturevalue("name"))
    if start is None:
        yield ""
        return
    with start() as url:
        address = url.replace("postgresql+psycopg", "postgresql")
        monkeypatch.setenv("USES_SERVER", address)
        yield address


def run_python(*words: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a program prints as JSON, with ``more`` folders on its path."""
    path = os.pathsep.join((*more, str(SABOTAGE.parents[1])))
    done = subprocess.run(
        [sys.executable, *words],
        env=clean_environment(PYTHONWARNINGS="ignore", PYTHONPATH=path),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def skip_without(integration: Integration, name: str) -> None:
    """Skip where the library, or a program that its use needs, is not there."""
    if integration.distribution:
        try:
            metadata.version(PREBUILT.get(integration.distribution, integration.distribution))
        except metadata.PackageNotFoundError:
            pytest.skip(f"{integration.distribution} is not installed")
    if name == "sightings" and find_spec("eventlet") is None:
        pytest.skip("eventlet is not installed: beside it others, as sentry-sdk, import it")
    if name == "transports" and shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    if name in (*("uvicorn", "hypercorn", "websockets", "aiohttp_web", "channels"), "aiohttp_ws_client"):
        pytest.importorskip("websockets.asyncio", reason="the clients are those of websockets 13.0 and later")


def judged(name: str, *words: str) -> dict[str, Any]:
    """The sabotage changed nothing, and left no hook out."""
    found = run_python(str(SABOTAGE), name, *words)
    assert found["wrong"] == []
    # Sightings of libraries are all of one class: what is reached with eventlet stands for all of them.
    left_out = [one for one in found["unreached"] if one not in UNREACHED and name != "sightings"]
    assert left_out == []
    assert name != "sightings" or not any(one.startswith("eventlet") and ": after" in one for one in found["unreached"])
    return found


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_faults_in_every_hook_of_an_integration_change_nothing(name: str, server: str) -> None:
    skip_without(INTEGRATIONS[name], name)
    assert judged(name)["hooks"]


def test_faults_in_every_point_of_configured_targets_change_nothing() -> None:
    assert len(judged("targets")["hooks"]) > 10


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [*NAMES, "targets"])
def test_one_hook_at_a_time_and_an_end_at_many_steps(name: str, server: str) -> None:
    if name in INTEGRATIONS:
        skip_without(INTEGRATIONS[name], name)
    judged(name, "each")


POSTBOX = """\
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point, Replacement

class PutPoint(Interceptor):
    place = "postbox:Channel.put"
    def before(self, values): pass

class TakePoint(PutPoint):
    place = "postbox:Channel.take"

class Postbox:
    distribution = since = ""
    def points(self, runtime):
        yield Point("postbox:Channel.put", lambda layout: PutPoint())
        yield Point("postbox:Channel.take", lambda layout: TakePoint())
        point = PutPoint()
        yield Replacement("postbox:stamp", point, lambda original, probe: lambda: (point.before(()), original())[1])

integration = Postbox()
"""

LIBRARY = """\
class Channel:
    def put(self, letter): return letter
    def take(self): return "letter"

def stamp(): return "stamp"
"""

JUDGING = """\
import json, sabotage, uses
uses.ALL["postbox"] = lambda: [__import__("postbox").Channel().put("letter"), uses.outcome(lambda: postbox.stamp())]
import postbox
print(json.dumps(sabotage.sabotaged("postbox", each=False)))
"""


def test_a_hook_that_no_use_reaches_and_one_that_is_behind_no_barrier_are_noticed(tmp_path: Path) -> None:
    files = {"postbox.py": LIBRARY, "postbox_audit.py": POSTBOX}
    info = {"METADATA": "Metadata-Version: 2.1\nName: postbox-audit\nVersion: 1.0\n"}
    info["entry_points.txt"] = f"[{GROUP}]\npostbox = postbox_audit:integration\n"
    (tmp_path / "postbox_audit-1.0.dist-info").mkdir()
    for name, text in [*files.items(), *((f"postbox_audit-1.0.dist-info/{one}", told) for one, told in info.items())]:
        (tmp_path / name).write_text(text)
    found = run_python("-c", JUDGING, more=(str(tmp_path), str(SABOTAGE.parent)))
    assert found["unreached"] == ["postbox:Channel.take postbox_audit.TakePoint: before"]
    assert any("raises" in one for one in found["wrong"])
