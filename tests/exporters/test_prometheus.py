"""The collector and its endpoint, without a Prometheus server; see test_prometheus_server.py for one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from isolation_audit import Auditor, UsageError, user_scope
from isolation_audit.config import Config, parse_config
from isolation_audit.exporters import report
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.prometheus import AuditCollector, PrometheusSink, register, serve
from isolation_audit.instrument.patching.targets import State
from isolation_audit.instrument.tally import BUCKETS, Histogram
from isolation_audit.instrument.tracking.levels import LEVELS
from isolation_audit.rules import all_rules
from receivers import get, program

CONFIG = """
[[engines]]
target = "nowhere.engine:Engine"

[[deprecations]]
target = "nowhere.old:Engine"

[prometheus]
port = 0
"""

EMPTY: dict[str, Any] = {"run": {"processes": []}, "targets": [], "summary": {}, "findings": []}


def config_of(text: str) -> Config:
    return parse_config(tomllib.loads(text))


def made(**summary: Any) -> dict[str, Any]:
    run = {"processes": [{"pid": 1, "started": 1000.0, "seen_until": 1001.0}]}
    return {**report.empty(run, {"name": "isolation-audit"}), "summary": summary}


def measured(*durations: float) -> dict[str, Any]:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    return histogram.as_dict()


def samples(found: dict[str, Any], config: str = CONFIG) -> dict[str, float]:
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in AuditCollector(lambda: (config_of(config), found)).collect()
        for sample in family.samples
    }


def one(found: dict[str, Any], name: str, config: str = CONFIG, **labels: str) -> float:
    return samples(found, config)["isolation_audit_" + name + str(sorted(labels.items()))]


def test_every_series_is_there_before_anything_has_happened() -> None:
    found = samples(EMPTY)
    for code, rule in all_rules().items():
        assert one(EMPTY, "findings_total", rule=code, severity=rule.severity.value) == 0
    for layer in ("emitter", "bridge", "sink"):
        assert one(EMPTY, "events_total", layer=layer) == 0
    for state in State:
        assert one(EMPTY, "targets", state=state.value) == 0
    for table in ("users", "bindings", "scopes"):
        assert one(EMPTY, "evictions_total", table=table) == 0
    assert one(EMPTY, "engines_built_total", target="nowhere.engine:Engine") == 0
    assert one(EMPTY, "deprecated_engines_built_total", target="nowhere.old:Engine") == 0
    assert one(EMPTY, "export_failures_total", exporter="otlp") == 0
    for level in LEVELS:
        for limit in (*BUCKETS, "+Inf"):
            assert one(EMPTY, f"{level}_seconds_bucket", le=str(limit)) == 0
        assert one(EMPTY, f"{level}_seconds_sum") == one(EMPTY, f"{level}_seconds_count") == 0
    assert one(EMPTY, "users_at_once") == 0
    assert one(EMPTY, "running") == 1
    nonzero = {name for name, value in found.items() if value}
    told = ("running", "build_info", "'idle'", "table_limit")
    assert nonzero == {name for name in found if any(word in name for word in told)}


def test_a_full_report_has_the_same_series_as_an_empty_one() -> None:
    full = made(
        events_by_layer={"emitter": 3, "sink": 1},
        events_unverified=1,
        crossing_events=2,
        engines_built_by_target={"nowhere.engine:Engine": 4},
        deprecated_engines_built_by_target={"nowhere.old:Engine": 5},
        scopes=6,
        findings={"IA202": 7},
        findings_dropped=8,
        faults=9,
        evicted={"users": 10, "bindings": 11, "scopes": 12},
        exports={"otlp": {"failures": 13, "lost": 14}},
        service_levels={level: measured(0.3, 1.2, 60) for level in LEVELS},
        users_at_once=15,
    )
    full["targets"] = [
        {"target": "a:B", "role": "engine", "state": "applied", "detail": "", "seen": 20},
        {"target": "a:B", "role": "emitter", "state": "applied", "detail": "", "seen": 20},
        {"target": "a:C", "role": "scope", "state": "late", "detail": "", "seen": 1},
    ]
    series = samples(full).keys()
    assert series - {name for name in series if "target_calls" in name} <= samples(EMPTY).keys() <= series
    assert one(full, "target_calls_total", target="a:B") == 20
    assert one(full, "target_calls_total", target="nowhere.engine:Engine") == 0
    assert one(full, "events_total", layer="emitter") == 3
    assert one(full, "events_unverified_total") == 1
    assert one(full, "crossing_events_total") == 2
    assert one(full, "engines_built_total", target="nowhere.engine:Engine") == 4
    assert one(full, "deprecated_engines_built_total", target="nowhere.old:Engine") == 5
    assert one(full, "scopes_total") == 6
    assert one(full, "findings_total", rule="IA202", severity="error") == 7
    assert one(full, "findings_dropped_total") == 8
    assert one(full, "faults_total") == 9
    assert one(full, "evictions_total", table="bindings") == 11
    assert one(full, "export_failures_total", exporter="otlp") == 13
    assert one(full, "export_lost_total", exporter="otlp") == 14
    assert one(full, "users_at_once") == 15
    for level in LEVELS:
        counts = [one(full, f"{level}_seconds_bucket", le=le) for le in ("0.25", "0.5", "1.0", "1.5", "10.0", "+Inf")]
        assert counts == [0, 1, 1, 2, 2, 3]
        assert (one(full, f"{level}_seconds_sum"), one(full, f"{level}_seconds_count")) == (61.5, 3)
    assert one(full, "targets", state="applied") == 2
    assert one(full, "targets", state="late") == 1
    assert one(full, "calls_total") == 21
    assert one(full, "start_time_seconds") == 1000.0
    assert one(full, "processes") == 1


def test_severity_is_the_one_that_the_team_chose_from_the_start() -> None:
    config = CONFIG + '[select]\nseverity = { "IA2*" = "note" }\n'
    assert one(EMPTY, "findings_total", config, rule="IA202", severity="note") == 0
    assert one(made(findings={"IA202": 1}), "findings_total", config, rule="IA202", severity="note") == 1


def found(code: str, severity: str, number: int, first: float, last: float, trace: str | None = None) -> dict[str, Any]:
    seen = {"first_seen": first, "last_seen": last, "trace_id": trace}
    return {"rule": code, "severity": severity, "fingerprint": f"{number:016x}", "count": 1, **seen}


def test_findings_are_told_by_how_many_differ_and_when_the_newest_came() -> None:
    full = made()
    full["findings"] = [
        found("IA202", "error", 1, 100.0, 900.0),
        found("IA203", "error", 2, 500.0, 600.0),
        found("IA504", "warning", 3, 50.0, 70.0),
    ]
    assert [one(full, "distinct_findings", severity=name) for name in ("error", "warning", "note")] == [2, 1, 0]
    assert one(full, "newest_finding_timestamp_seconds", severity="error") == 500
    assert one(full, "newest_finding_timestamp_seconds", severity="note") == 0
    assert one(full, "finding_last_seen_timestamp_seconds", rule="IA202", severity="error") == 900
    assert samples(full).keys() == samples(EMPTY).keys()


def test_crossings_have_the_severity_that_the_team_chose() -> None:
    config = CONFIG + '[select]\nseverity = { "IA205" = "note" }\n'
    full = made(crossings_by_rule={"IA202": 2, "IA205": 3})
    assert one(full, "crossings_total", config, rule="IA202", severity="error") == 2
    assert one(full, "crossings_total", config, rule="IA205", severity="note") == 3
    assert samples(full, config).keys() == samples(EMPTY, config).keys()


def test_the_last_trace_of_a_rule_is_shown_as_an_exemplar_in_openmetrics_only() -> None:
    full = made(findings={"IA202": 2})
    full["findings"] = [
        found("IA202", "error", 1, 1.0, 9.0, "a" * 32),
        found("IA202", "error", 2, 1.0, 5.0, "b" * 32),
        found("IA203", "error", 3, 1.0, 5.0),
    ]
    registry = CollectorRegistry()
    registry.register(AuditCollector(lambda: (config_of(CONFIG), full)))
    text = openmetrics.generate_latest(registry).decode()
    line = next(line for line in text.splitlines() if line.startswith('isolation_audit_findings_total{rule="IA202"'))
    assert f'trace_id="{"a" * 32}"' in line.partition("#")[2]
    assert f'fingerprint="{1:016x}"' in line.partition("#")[2]
    assert text.count("trace_id") == 1
    assert b"trace_id" not in generate_latest(registry)


def test_the_end_of_the_day_is_a_deadline() -> None:
    config = CONFIG.replace('"nowhere.old:Engine"', '"nowhere.old:Engine"\ndeadline = 1970-01-02')
    assert one(EMPTY, "deprecation_deadline_timestamp_seconds", config, target="nowhere.old:Engine") == 2 * 86_400
    assert one(EMPTY, "deprecation_deadline_timestamp_seconds", target="nowhere.old:Engine") == 0


def test_sources_of_users_that_are_asked_have_a_series() -> None:
    asked = CONFIG + '[identity]\ndetect = ["login"]\n[ambient]\ncontextvar = "app:user"\n'
    names = {name for name in samples(EMPTY, asked) if "users_told" in name}
    assert {name.split("'")[3] for name in names} == {"ambient", "login"}
    assert one(made(users_by_source={"login": 3}), "users_told_total", asked, source="login") == 3


def test_merged_reports_add_up_without_a_label_for_the_process() -> None:
    parts = [made(crossing_events=2, events_by_layer={"sink": 1}), made(crossing_events=3, events_by_layer={"sink": 4})]
    merged = report.merge(parts, {"id": "r", "started": 500.0}, {"name": "isolation-audit"})
    assert one(merged, "crossing_events_total") == 5
    assert one(merged, "events_total", layer="sink") == 5
    assert one(merged, "processes") == 2
    assert one(merged, "start_time_seconds") == 500.0
    assert not any("pid" in name for name in samples(merged))


def test_histograms_of_two_processes_add_up_and_of_users_at_once_the_highest_counts() -> None:
    parts = [
        made(service_levels={"run": measured(*durations)}, users_at_once=users)
        for durations, users in (((0.1, 1.75), 5), ((1.75, 11.0), 9))
    ]
    merged = report.merge(parts, {"id": "r"}, {"name": "isolation-audit"})
    counts = [one(merged, "run_seconds_bucket", le=le) for le in ("0.05", "0.1", "1.5", "2.0", "10.0", "+Inf")]
    assert counts == [0, 1, 1, 3, 3, 4]
    assert one(merged, "run_seconds_sum") == pytest.approx(14.6)
    assert one(merged, "users_at_once") == 9


def test_totals_survive_the_end_of_a_worker(tmp_path: Any) -> None:
    """Parts of dead processes stay, so a counter never falls when a worker is replaced."""
    config = config_of(CONFIG)

    def merged() -> dict[str, Any]:
        return report.merge(report.parts(tmp_path, "run"), {"id": "run"}, {"name": "isolation-audit"})

    with serve(config, merged) as endpoint:
        for pid, crossings in ((101, 2), (102, 3), (103, 1)):
            report.write(tmp_path / "processes" / f"run-{pid}.json", made(crossing_events=crossings))
        assert "isolation_audit_crossing_events_total 6.0" in get(endpoint.url)
        report.write(tmp_path / "processes" / "run-104.json", made(crossing_events=0))
        text = get(endpoint.url)
    assert "isolation_audit_crossing_events_total 6.0" in text
    assert "isolation_audit_processes 4.0" in text


def test_register_is_idempotent_and_follows_the_running_auditor() -> None:
    registry = CollectorRegistry(auto_describe=True)
    running: list[Auditor] = []
    first = register(lambda: running[0] if running else None, registry)
    assert registry.get_sample_value("isolation_audit_running") == 0
    assert registry.get_sample_value("isolation_audit_crossing_events_total") is None
    with Auditor(config_of(CONFIG)) as auditor:
        running.append(auditor)
        assert register(lambda: running[0] if running else None, registry) is first
        assert registry.get_sample_value("isolation_audit_running") == 1
        assert registry.get_sample_value("isolation_audit_crossing_events_total") == 0
        running.clear()
    assert registry.get_sample_value("isolation_audit_running") == 0


def test_a_report_that_cannot_be_had_does_not_break_the_applications_own_metrics() -> None:
    registry = CollectorRegistry()

    def broken() -> Any:
        raise RuntimeError("no report")

    registry.register(AuditCollector(broken))
    assert b"isolation_audit_running 0.0" in generate_latest(registry)


def serving(config: Config) -> PrometheusSink:
    """The sink after its first batch, with which it begins."""
    sink = PrometheusSink(config, lambda: EMPTY)
    for _ in range(2):
        sink.drain(Batch([], [], lambda: EMPTY))
    return sink


def test_a_name_that_nobody_knows_costs_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    sink = serving(config_of(CONFIG + 'address = "name.invalid"\n'))
    assert sink.url is None
    assert capsys.readouterr().err.startswith("isolation-audit: no /metrics on name.invalid port 0: ")


def test_endpoint_closes_and_frees_its_port() -> None:
    config = config_of(CONFIG)
    sink = serving(config)
    port = sink.port
    assert port
    assert sink.url == f"http://127.0.0.1:{port}/metrics"
    assert "isolation_audit_running 1.0" in get(sink.url)
    sink.close()
    sink.close()
    assert sink.port is None
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_chosen_port_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    sink = serving(config_of(CONFIG))
    assert capsys.readouterr().err == f"isolation-audit: metrics on {sink.url}\n"
    sink.close()


def test_ipv6_address() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    config = config_of(CONFIG + 'address = "::1"\n')
    try:
        with serve(config, lambda: EMPTY) as endpoint:
            assert endpoint.url.startswith("http://[::1]:")
            assert "isolation_audit_running 1.0" in get(endpoint.url)
    except UsageError:
        pytest.skip("no IPv6 loopback here")


def test_a_taken_port_costs_one_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = config_of(CONFIG.replace("port = 0", f"port = {port}"))
        sink = serving(config)
        with pytest.raises(UsageError, match=f"no /metrics on 127.0.0.1 port {port}: Address already in use"):
            serve(config, lambda: EMPTY)
    assert sink.port is None
    assert sink.url is None
    sink.close()
    assert capsys.readouterr().err == (
        f"isolation-audit: no /metrics on 127.0.0.1 port {port}: Address already in use; the application goes on\n"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_lets_go_of_the_socket() -> None:
    """Else a worker that outlives its parent would hold the port, and scrapes would hang."""
    code = (
        "import os, socket, sys\n"
        "from isolation_audit.config import Config, parse_config\n"
        "from isolation_audit.exporters.prometheus import serve\n"
        "endpoint = serve(parse_config({'prometheus': {'port': 0}}), dict)\n"
        "(read, write), (here, there) = os.pipe(), os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.close(write)\n"
        "    os.write(there, b'.')\n"
        "    os.read(read, 1)  # lives until the parent has closed\n"
        "    os._exit(0)\n"
        "os.read(here, 1)  # the child has begun\n"
        "endpoint.close()\n"
        "socket.create_server(('127.0.0.1', endpoint.port)).close()\n"
        "print('free')\n"
    )
    # From 3.12 on Python warns of every fork of a process with threads, which an audited one is; docs say so.
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert (done.stdout, done.stderr) == ("free\n", "")


def test_without_the_package_the_extra_is_named() -> None:
    code = (
        "import sys\n"
        "sys.modules['prometheus_client'] = None\n"
        "from isolation_audit import MissingExtraError\n"
        "try:\n"
        "    import isolation_audit.exporters.prometheus\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.stdout == "the /metrics endpoint needs an optional part: pip install 'isolation-audit[prometheus]'\n"


@pytest.mark.server
def test_promtool_finds_nothing_to_complain_about() -> None:
    with Auditor(config_of(CONFIG)) as auditor:
        registry = CollectorRegistry()
        register(lambda: auditor, registry)
        text = generate_latest(registry)
    done = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=280)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ten_thousand_users_make_no_more_series_than_ten() -> None:
    with Auditor(config_of(CONFIG)) as auditor:
        registry = CollectorRegistry()
        register(lambda: auditor, registry)

        def visit(first: int, last: int) -> str:
            for number in range(first, last):
                with user_scope(
                    f"planted-user-{number}", run_id=f"planted-run-{number}", session=f"planted-s-{number}"
                ):
                    pass
            return generate_latest(registry).decode()

        def series(text: str) -> set[tuple[str, str]]:
            return {
                (sample.name, str(sorted(sample.labels.items())))
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }

        few, many = visit(0, 10), visit(10, 10_000)
    assert series(few) == series(many)
    assert "isolation_audit_scopes_total 10000.0" in many
    assert "planted" not in many
