"""``isolation-audit gate``: the signal to roll back, from reports of real runs and from a real Prometheus."""

from __future__ import annotations

import json
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from doors import CONFIG, SHOP, cli, command
from receivers import ROOT, alertmanager, free_port, get, prometheus_server, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPRECATED = '\n[[deprecations]]\ntarget = "shop:Engine"\n'


def audited(folder: Path, body: str, config: str = CONFIG) -> Path:
    """The folder with the report of a program that ran under the auditor."""
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP)
    (folder / "program.py").write_text(f"import shop\n{body}\n")
    (folder / "audit.toml").write_text(config)
    done = cli("run", "--config", "audit.toml", "--report", ".", "--", sys.executable, "program.py", cwd=folder)
    assert done.code == 0, done.err
    return folder


def test_a_clean_run_opens_it(tmp_path) -> None:
    done = cli("gate", audited(tmp_path / "clean", "shop.serve(5)"), cwd=tmp_path)
    assert (done.code, done.out) == (0, b"the gate is open\n  coverage: audited\n")


@pytest.mark.parametrize(
    ("body", "config", "limits", "reasons"),
    [
        ("shop.cross(3)", CONFIG, (), ["errors is 3, and may be at most 0", "crossings is 3, and may be at most 0"]),
        ("shop.cross(3)", CONFIG, ("errors=3", "crossings=3"), []),
        ("shop.cross(3)", CONFIG, ("errors=9", "crossings=9", "IA202=2"), ["IA202 is 3, and may be at most 2"]),
        ("pass", CONFIG, ("warnings=9",), ["work is 0, and may be at least 1", "blind is 1, and may be at most 0"]),
        ("pass", CONFIG, ("work=0", "blind=1"), []),
        ("shop.serve()", CONFIG, ("events=2",), ["events is 1, and may be at least 2"]),
        ("pass", "[watch]\npayloads = true\n", (), ["work is 0, and may be at least 1"]),
        ("shop.serve(); shop.Engine()", CONFIG + DEPRECATED, (), ["deprecated is 1, and may be at most 0"]),
        ("shop.serve(); shop.Engine()", CONFIG + DEPRECATED, ("deprecated=1",), []),
        ("shop.serve()", CONFIG + DEPRECATED.replace("Engine", "Gone"), (), ["missing is 1, and may be at most 0"]),
    ],
)
def test_reasons(tmp_path, body: str, config: str, limits: tuple[str, ...], reasons: list[str]) -> None:
    folder = audited(tmp_path / "run", body, config)
    options = [word for limit in limits for word in ("--limit", limit)]
    done = command("gate", folder / "report.json", *options, cwd=tmp_path)
    first, coverage, *told = done.out.decode().splitlines()
    assert first == ("the gate is closed:" if reasons else "the gate is open")
    assert coverage.startswith("  coverage: ")
    assert told == [f"  {reason}" for reason in reasons]
    assert done.code == bool(reasons)


def test_several_reports_are_added_up(tmp_path) -> None:
    folders = [audited(tmp_path / "one", "shop.cross(1)"), audited(tmp_path / "two", "shop.cross(2)")]
    verdict = json.loads(command("gate", *folders, "--json", cwd=tmp_path).out)
    assert verdict["open"] is False
    assert verdict["figures"]["errors"] == 3
    assert verdict["figures"]["work"] >= 3
    assert {"figure": "errors", "value": 3, "limit": 0} in verdict["reasons"]


@contextmanager
def listening(answer: int, body: bytes = b"{}") -> Iterator[tuple[str, list[Any]]]:
    """A server that gives every request the same answer, and what was posted to it."""
    posted: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(answer)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_closed_gate_calls_the_webhook_and_an_open_one_does_not(tmp_path) -> None:
    bad, good = audited(tmp_path / "bad", "shop.cross()"), audited(tmp_path / "good", "shop.serve()")
    with listening(204) as (url, posted):
        assert command("gate", good, "--webhook", url, cwd=tmp_path).code == 0
        assert posted == []
        told = {"ISOLATION_AUDIT_WEBHOOK": f"{url}/secret"}
        assert command("gate", bad, cwd=tmp_path, environment=told).code == 1
    assert posted[0]["reasons"][0] == {"figure": "errors", "value": 1, "limit": 0}
    assert "alice" not in json.dumps(posted)


def test_a_webhook_that_fails_changes_nothing_and_its_address_is_not_told(tmp_path) -> None:
    bad = audited(tmp_path / "bad", "shop.cross()")
    with listening(500) as (url, posted):
        done = command("gate", bad, "--webhook", f"{url}/secret", cwd=tmp_path)
    assert (done.code, len(posted)) == (1, 1)
    assert "the webhook was not told: it answered with status 500" in done.err
    done = command("gate", bad, "--webhook", f"http://127.0.0.1:{free_port()}/secret", cwd=tmp_path)
    assert done.code == 1
    assert "the webhook was not told: " in done.err
    assert "secret" not in done.err


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((), "name either reports or --prometheus"),
        (("report.json", "--prometheus", "http://127.0.0.1:1"), "name either reports or --prometheus"),
        (("gone",), "can't read gone"),
        (("empty.json",), "is not JSON"),
        (("other.json",), "is no report"),
        (("--prometheus", "localhost:9090"), "takes the address of an HTTP server"),
        (("other.json", "--webhook", "file:///etc/passwd"), "takes the address of an HTTP server"),
        (("other.json", "--limit", "mistakes=1"), "takes FIGURE=N"),
        (("other.json", "--limit", "errors=-1"), "takes FIGURE=N"),
        (("--prometheus", "http://127.0.0.1:1", "--window", "soon"), "is a duration"),
        (("--prometheus", "http://127.0.0.1:1"), "can't ask Prometheus"),
    ],
)
def test_mistakes(tmp_path, arguments: tuple[str, ...], cause: str) -> None:
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "other.json").write_text('{"schema": 1}')
    done = command("gate", *arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, b"")
    assert cause in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": {"result": [{"value": "x"}]}}', b"\xff"])
def test_something_that_is_no_prometheus(tmp_path, body: bytes) -> None:
    with listening(200, body) as (url, _posted):
        done = command("gate", "--prometheus", url, cwd=tmp_path)
    assert done.code == 2
    assert "can't ask Prometheus" in done.err


@pytest.mark.parametrize("figure", ["1e400", "-1e300", "-1", "NaN", "+Inf", "1e16"])
def test_a_server_whose_figures_are_none(tmp_path, figure: str) -> None:
    """A count below nothing would open the gate."""
    with listening(200, json.dumps({"data": {"result": [{"value": [0, figure]}]}}).encode()) as (url, _posted):
        done = command("gate", "--prometheus", url, "--limit", "work=0", cwd=tmp_path)
    assert (done.code, done.out, done.err.count("\n")) == (2, b"", 1)
    assert "is no figure" in done.err


def test_less_than_one_of_something_is_one(tmp_path) -> None:
    with listening(200, b'{"data": {"result": [{"value": [0, "0.3"]}]}}') as (url, _posted):
        done = command("gate", "--prometheus", url, cwd=tmp_path)
    assert "crossings is 1, and may be at most 0" in done.out.decode()


@contextmanager
def audited_server(folder: Path) -> Iterator[str]:
    """An audited program that does what it finds ordered by the names of files; where its metrics are (host:port)."""
    port = free_port()
    (folder / "shop.py").write_text(SHOP)
    (folder / "program.py").write_text(
        "import time, shop, pathlib\nwhile True:\n"
        "    for order in pathlib.Path('orders').glob('*'):\n"
        "        getattr(shop, order.stem)()\n        order.unlink()\n    time.sleep(0.05)\n"
    )
    (folder / "orders").mkdir()
    (folder / "audit.toml").write_text(CONFIG)
    run = [sys.executable, "-m", "isolation_audit", "run", "--config", "audit.toml", "--metrics-port", str(port)]
    with running([*run, "--", sys.executable, "program.py"], folder / "run.log", cwd=folder):
        yield f"127.0.0.1:{port}"


@pytest.mark.server
def test_from_a_prometheus_server(tmp_path) -> None:
    with audited_server(tmp_path) as metrics, prometheus_server(tmp_path, metrics) as server:

        def gate(*options: str) -> Any:
            return command("gate", "--prometheus", server.url, "--window", "1m", *options, cwd=tmp_path)

        wait_for(
            lambda: server.value("increase(isolation_audit_events_total{layer='sink'}[1m])") == 0, "the second scrape"
        )
        blind = gate()
        assert blind.code == 1
        assert "work is 0, and may be at least 1" in blind.out.decode()
        assert "blind is 1, and may be at most 0" in blind.out.decode()
        (tmp_path / "orders" / "serve").touch()
        wait_for(lambda: gate().code == 0, "the gate to open")
        assert gate("--match", 'job="audited"').code == 0
        unknown = gate("--match", 'job="another"')
        assert (unknown.code, "errors is not known" in unknown.out.decode()) == (1, True)
        (tmp_path / "orders" / "cross").touch()
        wait_for(lambda: gate().code == 1, "the gate to close")
        verdict = json.loads(gate("--json", "--limit", "IA202=0").out)
        assert {reason["figure"] for reason in verdict["reasons"]} == {"errors", "crossings", "IA202"}
        refused = gate("--match", "nonsense")
        assert refused.code == 2
        assert "refuses the query" in refused.err


@pytest.mark.server
def test_an_alert_calls_for_the_roll_back_through_alertmanager(tmp_path) -> None:
    """Prometheus evaluates our rules, a real Alertmanager tells the webhook, and the gate says the same."""
    with listening(200) as (url, posted), alertmanager(tmp_path, url) as address, audited_server(tmp_path) as metrics:
        rules = ROOT / "grafana" / "alerts" / "isolation-audit.rules.yml"
        peers = f"{{alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]}}"
        with prometheus_server(tmp_path, metrics, f"rule_files: ['{rules}']\nalerting: {peers}\n") as server:
            wait_for(
                lambda: server.value("increase(isolation_audit_events_total{layer='sink'}[1m])") == 0,
                "the second scrape",
            )
            (tmp_path / "orders" / "serve").touch()
            wait_for(lambda: command("gate", "--prometheus", server.url, cwd=tmp_path).code == 0, "the gate to open")
            evaluated = wait_for(lambda: _evaluated(server.url), "the rules to be evaluated")
            wait_for(lambda: _evaluated(server.url) > evaluated, "the rules to be evaluated again")
            assert posted == []

            (tmp_path / "orders" / "cross").touch()
            wait_for(lambda: posted, "Alertmanager to call")
            (alert,) = posted[0]["alerts"]
            assert (alert["status"], alert["labels"]["alertname"]) == ("firing", "IsolationAuditCrossing")
            assert alert["labels"]["severity"] == "critical"
            assert "delivered something to a user it was not for (IA202)" in alert["annotations"]["summary"]
            assert "{{" not in json.dumps(posted)
            assert not {"alice", "bob"} & set(re.findall(r"\w+", json.dumps(posted)))
            assert command("gate", "--prometheus", server.url, cwd=tmp_path).code == 1


def _evaluated(url: str) -> str:
    """When Prometheus evaluated all rules last; empty before it did."""
    times = [str(group["lastEvaluation"]) for group in json.loads(get(f"{url}/api/v1/rules"))["data"]["groups"]]
    return "" if not times or any(time.startswith("0001") for time in times) else min(times)
