"""The matrix: what is known, what is not, and how each figure stands."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from isolation_audit.config import parse_config
from isolation_audit.progress.engines import join
from isolation_audit.progress.figures import measure
from isolation_audit.progress.matrix import matrix
from isolation_audit.progress.runtime import Runtime
from isolation_audit.progress.source import Found, Source
from isolation_audit.progress.terminal import sparkline

TARGET = "app.old:Engine"
CONFIG = parse_config(
    tomllib.loads("""\
[[engines]]
target = "app.new:UserEngine"
cleanup = ["cleanup"]

[[deprecations]]
target = "app.old:Engine"

[scan]
phases = { P0 = ["chat"] }

[protocols.run]
key = "run_id"
order = "started completed"

[service_levels]
run = "2s"
cleanup = "1s"
""")
)


def report(**summary: Any) -> dict[str, Any]:
    """A report of a run in which nothing happened but what is said."""
    state, findings = summary.pop("state", "applied"), summary.pop("described", [])
    return {
        "schema": 1,
        "run": {"processes": []},
        "targets": [{"target": TARGET, "role": "deprecation", "state": state, "detail": "", "seen": 0}],
        "summary": {
            "events_total": 0, "events_undelivered": 0, "crossing_events": 0, "engines_built": 0, "scopes": 0,
            "engines_built_by_target": {}, "deprecated_engines_built": 0, "deprecated_engines_built_by_target": {},
            "findings_dropped": 0, "findings": {}, "service_levels": {},
        } | summary,
        "findings": findings,
    }  # fmt: skip


def finding(rule: str, severity: str, count: int, file: str = "/srv/chat/talk.py", target: str = TARGET) -> Any:
    site = {"file": file, "line": 7, "function": "talk"}
    return {
        "rule": rule, "severity": severity, "count": count, "target": target, "site": site,
        "fingerprint": f"{rule}{file}", "first_seen": 1.0, "last_seen": 2.0,
    }  # fmt: skip


def now(*reports: dict[str, Any], source: Source | None = None) -> dict[str, float | None]:
    return measure(CONFIG, source, Runtime.of(reports) if reports else None)


def source_of(*found: Found) -> Source:
    return Source(found, 9, 1.0)


IMPORT = Found("IA801", TARGET, "chat/talk.py", "P0", ("@chat",))
CALL = Found("IA803", TARGET, "chat/talk.py", "P0", ("@chat", "@core"))
BUILT = {"deprecated_engines_built": 3, "deprecated_engines_built_by_target": {TARGET: 3}}


def test_what_nobody_saw_is_unknown_and_never_0() -> None:
    blind = now(report())
    for figure in ("isolation.crossings", "isolation.errors", "events.total", "events.undelivered", "events.success",
                   "migration.share", "golden_path.runs", "golden_path.slow", "golden_path.unfinished",
                   "golden_path.run"):  # fmt: skip
        assert blind[figure] is None, figure
    # The class was watched, and nobody built it.
    assert blind["migration.deprecated"] == 0
    assert now(report(state="missing"))["migration.deprecated"] is None
    assert now(report(state="missing", **BUILT))["migration.deprecated"] == 3
    assert not [row for row in matrix({}, {}, CONFIG) if row.now is not None or row.before is not None]


def test_what_was_seen_is_known() -> None:
    levels = {
        "run": {"count": 4, "sum": 5.0, "buckets": {"1": 2, "2": 3, "3": 4}},
        "first_event": {"count": 0, "sum": 0, "buckets": {}},
        "cleanup": {"count": 4, "sum": 0.1, "buckets": {"1": 4, "2": 4, "3": 4}},
    }
    seen = now(
        report(
            events_total=20, events_undelivered=5, crossing_events=2, engines_built=1,
            engines_built_by_target={"app.new:UserEngine": 1}, service_levels=levels,
            findings={"IA202": 2, "IA304": 1, "IA701": 1, "IA204": 9, "IA101": 3},
            described=[finding("IA202", "error", 2), finding("IA204", "warning", 9), finding("IA101", "error", 3)],
            **BUILT,
        )
    )  # fmt: skip
    expected = {
        "isolation.crossings": 2, "isolation.errors": 2, "isolation.rule.IA202": 2, "migration.deprecated": 3,
        "migration.engines": 4, "migration.share": 0.25, "golden_path.runs": 4, "golden_path.in_time": 0.75,
        "golden_path.slow": 1, "golden_path.slow_cleanups": 0, "golden_path.unfinished": 1, "events.success": 0.75,
        "golden_path.first_event": None, "events.rule.IA303": 0,
    }  # fmt: skip
    assert {figure: seen[figure] for figure in expected} == expected


def test_several_reports_are_added_up() -> None:
    both = now(report(events_total=3, **BUILT), report(events_total=4, crossing_events=1, **BUILT))
    assert (both["events.total"], both["isolation.crossings"], both["migration.deprecated"]) == (7, 1, 6)


def test_dropped_findings_are_no_clean_run() -> None:
    assert now(report(events_total=3))["isolation.errors"] == 0
    assert now(report(events_total=3, findings_dropped=1))["isolation.errors"] is None


@pytest.mark.parametrize(
    ("before", "current", "verdict"),
    [
        (5, 0, "reached"),
        (5, 3, "better"),
        (5, 5, "unchanged"),
        (5, 6, "worse"),
        (None, 5, "open"),
        (5, None, "unknown"),
    ],
)
def test_verdicts(before, current, verdict) -> None:
    rows = matrix({"source.references": before}, {"source.references": current}, CONFIG)
    assert rows[0].verdict == verdict


def test_verdicts_of_shares_and_durations() -> None:
    was = {"migration.share": 0.5, "golden_path.run": 1.0, "events.total": 4}
    rows = {row.key: row for row in matrix(was, {"migration.share": 0.4, "golden_path.run": 1.9}, CONFIG)}
    assert (rows["migration.share"].verdict, rows["golden_path.run"].verdict) == ("worse", "reached")
    assert (rows["golden_path.run"].goal, rows["golden_path.first_event"].goal) == (2.0, None)
    assert (rows["events.total"].verdict, rows["events.total"].now) == ("", None)


def test_groups_show_what_is_not_0_and_what_went() -> None:
    rows = matrix(now(source=source_of(IMPORT, CALL)), now(source=source_of(IMPORT)), CONFIG)
    shown = {row.label: (row.before, row.now, row.verdict) for row in rows if row.area == "source"}
    assert shown == {
        "references and findings": (2, 1, "better"),
        "files with any": (1, 1, "unchanged"),
        TARGET: (2, 1, "better"),
        "IA801": (1, 1, "unchanged"),
        "IA803": (1, 0, "reached"),
        "phase P0": (2, 1, "better"),
        "owner @chat": (2, 1, "better"),
        "owner @core": (1, 0, "reached"),
    }


def test_figures_of_another_version_do_no_harm() -> None:
    assert len(matrix({"source.weight": 3, "prayers.said": 4, "x": 1}, {}, CONFIG)) == len(matrix({}, {}, CONFIG))


def engine(source: Source | None, *reports: dict[str, Any]) -> Any:
    (only,) = join(CONFIG, source, Runtime.of(reports) if reports else None)
    return only


def test_source_beside_run_time() -> None:
    built = report(described=[finding("IA101", "error", 3)], **BUILT)
    assert engine(source_of(IMPORT, CALL), built).standing == "in use"
    assert engine(source_of(IMPORT, CALL), built).remark() == ""
    assert engine(source_of(IMPORT, CALL), report()).standing == "never built"
    assert "no run built it" in engine(source_of(IMPORT, CALL), report()).remark()
    assert engine(source_of(), report()).standing == "gone"
    assert engine(source_of(), report(state="missing")).standing == "unknown"
    assert engine(source_of(IMPORT)).standing == "unknown"
    assert engine(None, built).standing == "unknown"


def test_what_is_built_and_not_found_in_the_source_is_named_with_its_place() -> None:
    built = report(described=[finding("IA101", "error", 3)], **BUILT)
    found = engine(source_of(), built)
    assert found.standing == "built dynamically"
    assert found.remark() == (
        "app.old:Engine was built at run time and is not found in the source: /srv/chat/talk.py:7 in talk"
    )
    named = engine(source_of(IMPORT), built)
    assert (named.standing, named.unnamed) == ("built dynamically", ())
    assert "is not constructed anywhere in the source" in named.remark()


def test_a_second_place_that_the_source_does_not_name() -> None:
    places = [finding("IA101", "error", 1), finding("IA101", "error", 2, "/srv/chat/plugins.py")]
    found = engine(source_of(IMPORT, CALL), report(described=places, **BUILT))
    assert found.standing == "in use"
    assert found.remark() == (
        "app.old:Engine was also built where the source does not name it: /srv/chat/plugins.py:7 in talk"
    )


def test_a_deprecated_module_is_imported_and_not_built() -> None:
    config = parse_config(tomllib.loads('[[deprecations]]\ntarget = "legacy"\n'))
    row = {"target": "legacy", "role": "deprecation", "state": "applied", "detail": "", "seen": 1}
    seen = report(described=[finding("IA102", "warning", 1, target="legacy")]) | {"targets": [row]}
    source = source_of(Found("IA801", "legacy", "chat/talk.py", "-", ("-",)))
    (used,) = join(config, source, Runtime.of([seen]))
    assert (used.standing, used.constructions, used.built, used.remark()) == ("in use", 1, 1, "")
    (hidden,) = join(config, source_of(), Runtime.of([seen]))
    assert hidden.standing == "built dynamically"
    assert measure(config, None, Runtime.of([seen]))["migration.deprecated"] is None


def test_sparklines() -> None:
    assert sparkline([100, None, 50, 1, 0]) == "█·▅▂▁"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([None]) == "·"


def test_names_that_mean_several_things_have_rows_of_their_own() -> None:
    again = [Found(rule, None, "app/again.py", "P0", ()) for rule in ("IA810", "IA811", "IA811", "IA812")]
    scanned = now(source=source_of(IMPORT, *again))
    assert scanned["source.references"] == 1
    assert "source.rule.IA811" not in scanned
    assert [scanned[f"names.{one}"] for one in ("definitions", "factories", "several", "fallbacks")] == [1, 2, 0, 1]
    rows = {row.key: row for row in matrix({}, scanned, CONFIG) if row.area == "names"}
    assert rows["names.factories"].verdict == "open"
    assert rows["names.in_use"].verdict == "unknown"


def test_what_was_named_twice_at_run_time() -> None:
    seen = now(report(events_total=3, findings={"IA108": 5, "IA601": 1}))
    assert [seen[f"names.{one}"] for one in ("in_use", "raced", "ways", "second")] == [5, 1, 0, 0]
    assert now(report())["names.ways"] is None
    assert now(report(events_total=3, findings_dropped=1))["names.ways"] is None
