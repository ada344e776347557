"""A real Prometheus scrapes the example application while its users chat."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from receivers import EXAMPLE, chat, get, prometheus_server, wait_for

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
                "component",
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
