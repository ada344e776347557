"""A real Prometheus scrapes the example application while its users chat."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from receivers import EXAMPLE, ROOT, answers, chat, free_port, get, prometheus_server, running, wait_for

sys.path.insert(0, str(EXAMPLE))

from agent_chat.clients import drive

if TYPE_CHECKING:
    from pathlib import Path

USERS, SEED = 6, 3


@pytest.mark.server
@pytest.mark.parametrize("engine", ["legacy", "user"])
def test_prometheus_sees_exactly_what_the_clients_see(tmp_path: Path, engine: str) -> None:
    options = ("--seed", str(SEED), "--batch-size", str(USERS), "--batch-window", "60")
    with chat(tmp_path, "\n[prometheus]\nport = 0\n[report]\nterminal = false\n", *options, engine=engine) as app:
        target = app.metrics_url().split("/")[2]
        with prometheus_server(tmp_path, target) as server:
            crossing = "isolation_audit_crossing_events_total"
            wait_for(lambda: server.value(crossing) == 0, "the zero before the first crossing")
            assert server.value("isolation_audit_running") == 1
            assert server.value("count(isolation_audit_findings_total)") == server.value(
                'count({__name__="isolation_audit_findings_total"} == 0)'
            )
            result = asyncio.run(drive(app.url, USERS, 2, SEED))
            assert (result.foreign_events > 0) == (engine == "legacy")
            wait_for(lambda: server.value(crossing) == result.foreign_events, f"{result.foreign_events} crossings")
            events = "sum(isolation_audit_events_total)"
            wait_for(lambda: server.value(events) == result.events_total, f"{result.events_total} events")
            built = server.value("sum(isolation_audit_deprecated_engines_built_total)")
            assert built == (USERS * 2 if engine == "legacy" else 0)
            if engine == "legacy":
                # The counter was there at 0 before, so the rate that alerts are made of sees it rise.
                wait_for(lambda: server.value(f"increase({crossing}[1m])"), "an increase")
            names = {series["metric"]["__name__"] for series in server.query('{__name__=~"isolation_audit_.+"}')}
            assert names
            labels = {
                label for series in server.query('{__name__=~"isolation_audit_.+"}') for label in series["metric"]
            }
            own = {
                "rule",
                "severity",
                "layer",
                "state",
                "table",
                "target",
                "exporter",
                "version",
                "le",
                "integration",
                "verdict",
                "side",
                "source",
                "queue",
                "thread",
            }
            assert labels == own | {"__name__", "instance", "job"}
            text = get(f"http://{target}/metrics")
            for user in result.per_user:
                assert user.user_id not in text
                assert user.marker not in text
            code = app.stop()
            assert code == 0
            wait_for(lambda: server.value("up") == 0, "Prometheus to notice the end")
    assert app.stderr().count("\n") == 1  # where the metrics are, and nothing else


@pytest.mark.server
def test_two_workers_add_up_behind_one_endpoint(tmp_path: Path) -> None:
    config = tmp_path / "isolation-audit.toml"
    config.write_text((EXAMPLE / "isolation-audit.toml").read_text() + "\n[report]\nterminal = false\n")
    web, metrics = free_port(), free_port()
    command = [sys.executable, "-m", "isolation_audit", "run", "--config", str(config), "--metrics-port", str(metrics)]
    command += ["--", "uvicorn", "agent_chat.app:app", "--workers", "2", "--port", str(web), "--log-level", "warning"]
    settings = {"AGENT_CHAT_ENGINE": "legacy", "AGENT_CHAT_DATABASE": str(tmp_path / "chat.sqlite")}
    environment = {**os.environ, **settings, "PYTHONPATH": os.pathsep.join([str(EXAMPLE), str(ROOT / "src")])}
    app = f"http://127.0.0.1:{web}"
    with (
        running(command, tmp_path / "run.log", cwd=tmp_path, env=environment),
        prometheus_server(tmp_path, f"127.0.0.1:{metrics}") as server,
    ):
        crossing = "isolation_audit_crossing_events_total"
        wait_for(lambda: server.value(crossing) == 0, "the zero before the first crossing")
        wait_for(lambda: answers(f"{app}/health"), "the application")
        result = asyncio.run(drive(app, USERS, 2, SEED))
        wait_for(lambda: server.value(crossing) == result.foreign_events, f"{result.foreign_events} crossings")
        wait_for(lambda: server.value("sum(isolation_audit_events_total)") == result.events_total, "all events")
        series = server.query('{__name__=~"isolation_audit_.+"}')
        assert not any({"pid", "process", "worker"} & one["metric"].keys() for one in series)
        assert (server.value("isolation_audit_processes") or 0) >= 2
