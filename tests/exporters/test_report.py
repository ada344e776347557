"""The report: many processes' parts make one whole, in any order, in a form that a schema describes."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import jsonschema
import pytest
from hypothesis import given, settings

from doors import SCHEMA, Project
from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import Select, parse_config
from isolation_audit.exporters import report
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.report import ReportSink

if TYPE_CHECKING:
    from pathlib import Path

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

STATES = ["waiting", "absent", "applied", "late", "missing"]
USER = st.sampled_from([None, "user-0123456789ab", "user-ba9876543210", "everyone", "system"])
SITE = st.none() | st.builds(
    lambda file, line, label: {
        "file": file,
        "line": line,
        "function": "f",
        "stack": [{"file": file, "line": line, "function": "f"}],
        "label": label,
    },
    st.text(max_size=5),
    st.integers(1, 99),
    st.text(max_size=5),
)
TIME = st.floats(0, 2e9, allow_nan=False)
COUNTS = st.dictionaries(st.sampled_from(["IA101", "IA202", "IA904"]), st.integers(0, 9))
FINDING = st.builds(
    lambda number, severity, count, first, more, site, ambient: {
        "rule": f"IA20{number}",
        "severity": severity,
        "fingerprint": f"{number:016x}",
        "count": count,
        "message": "words",
        "help": "help",
        "target": "app:Emitter",
        "event": None,
        "witnesses": {"ambient": ambient, "owner": None, "addressee": None, "content": None},
        "site": site,
        "origin": None,
        "first_seen": first,
        "last_seen": first + more,
        "trace_id": None,
    },
    st.integers(0, 5),
    st.just("error"),
    st.integers(1, 99),
    TIME,
    TIME,
    SITE,
    USER,
)
PART = st.builds(
    lambda pid, targets, findings, events, layers, counts: {
        "schema": 1,
        "tool": report.TOOL,
        "run": {
            "id": "run",
            "config": None,
            "processes": [{"pid": pid, "python": "3.11.7", "started": float(pid), "seen_until": float(pid)}],
        },
        "targets": [
            {"target": f"app:{number}", "role": "engine", "state": state, "detail": "", "seen": seen}
            for number, (state, seen) in targets.items()
        ],
        "summary": {"events_total": events, "events_by_layer": layers, "findings": counts, "crossing_events": events},
        "findings": list({finding["fingerprint"]: finding for finding in findings}.values()),
    },
    st.integers(1, 9),
    st.dictionaries(st.integers(0, 3), st.tuples(st.sampled_from(STATES), st.integers(0, 9)), max_size=4),
    st.lists(FINDING, max_size=4),
    st.integers(0, 99),
    st.dictionaries(st.sampled_from(["emitter", "bridge", "sink"]), st.integers(0, 9)),
    COUNTS,
)


def merged(parts: list[Any]) -> dict[str, Any]:
    return report.merge(parts, {"id": "run", "config": None}, report.TOOL)


def totals(whole: dict[str, Any]) -> Any:
    """What must not depend on the order of the parts."""
    findings = {
        finding["fingerprint"]: (finding["count"], finding["first_seen"], finding["last_seen"])
        for finding in whole["findings"]
    }
    targets = {target["target"]: (target["state"], target["seen"]) for target in whole["targets"]}
    return whole["summary"], findings, targets, sorted(map(str, whole["run"]["processes"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(PART, max_size=5), st.randoms())
def test_merging_adds_up_in_any_order_and_any_grouping(parts: list[Any], random: Any) -> None:
    before = json.dumps(parts)
    whole = merged(parts)
    assert json.dumps(parts) == before, "merging changes none of the parts"
    shuffled = random.sample(parts, len(parts))
    assert totals(merged(shuffled)) == totals(whole)
    cut = random.randint(0, len(parts))
    assert totals(merged([merged(parts[:cut]), merged(parts[cut:])])) == totals(whole)
    assert whole["summary"].get("events_total", 0) == sum(part["summary"]["events_total"] for part in parts)
    counted = sum(finding["count"] for part in parts for finding in part["findings"])
    assert sum(finding["count"] for finding in whole["findings"]) == counted
    for target in whole["targets"]:
        states = [one["state"] for part in parts for one in part["targets"] if one["target"] == target["target"]]
        assert STATES.index(target["state"]) == max(map(STATES.index, states))
    VALIDATOR.validate(whole)


@settings(max_examples=30, deadline=None)
@given(PART)
def test_merging_one_part_is_that_part(part: Any) -> None:
    assert totals(merged([part])) == totals(part)


def test_worst_first() -> None:
    findings = [
        {**dict.fromkeys(("message", "help"), ""), "rule": rule, "severity": severity, "fingerprint": str(number),
         "count": 1, "first_seen": float(number), "last_seen": 9.0}
        for number, (rule, severity) in enumerate(
            [("IA901", "note"), ("IA101", "warning"), ("IA202", "error"), ("IA201", "error"), ("IA201", "error")]
        )
    ]  # fmt: skip
    part = {**report.empty({}, report.TOOL), "findings": findings}
    assert [finding["fingerprint"] for finding in merged([part])["findings"]] == ["3", "4", "2", "1", "0"]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for wrong in ({}, {"schema": 2}, {**report.empty({}, report.TOOL), "more": 1}):
        assert not VALIDATOR.is_valid(wrong)


def test_real_reports_fit_the_schema(project: Project, load_app) -> None:
    done = project.script(
        "import os, shop\nshop.cross(3)\nshop.Emitter().emit_answer('x', None)\n"
        "shop.current_user.set(None)\nshop.Emitter().emit_answer('x', None)\nos.fork()\n"
    )
    assert {finding["rule"] for finding in done.report["findings"]} == {"IA202", "IA204"}
    VALIDATOR.validate(done.report)
    app = load_app("class Engine:\n    pass\n")
    config = parse_config({"engines": [{"target": f"{app.__name__}:Engine"}, {"target": f"{app.__name__}:Gone"}]})
    with Auditor(config) as auditor, user_scope("alice"):
        app.Engine()
    VALIDATOR.validate(auditor.snapshot())


def test_a_reader_never_sees_half_a_report(tmp_path: Path) -> None:
    path = tmp_path / "below" / "report.json"
    report.write(path, {"number": 0})
    stop = threading.Event()
    seen = set()

    def read() -> None:
        while not stop.is_set():
            data = json.loads(path.read_text())
            assert len(data.get("filling", "x" * 100_000)) == 100_000
            seen.add(data["number"])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(50):
        report.write(path, {"number": number, "filling": "x" * 100_000})
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_a_failed_write_leaves_the_old_report_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report.write(path, {"good": True})
    with pytest.raises(TypeError):
        report.write(path, {"bad": object()})
    assert json.loads(path.read_text()) == {"good": True}
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_the_sink_writes_changes_only_and_the_last_process_leaves_the_whole(tmp_path: Path) -> None:
    made = report.empty({"id": "run", "config": None, "processes": [{"pid": 1, "started": 1.0}]}, report.TOOL)
    made["summary"] = {"events_total": 1}
    first, second = (ReportSink(tmp_path, "run", Select(), supervised=False) for _ in range(2))
    batch = Batch([], [], lambda: made)
    first.drain(batch)
    (part,) = (tmp_path / "processes").iterdir()
    part.unlink()
    first.drain(batch)
    assert not list((tmp_path / "processes").iterdir()), "nothing new, nothing written"
    made["summary"] = {"events_total": 2}
    first.drain(batch)
    second.drain(batch)
    first.close()
    second.close()
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["events_total"] == 4


def test_a_part_that_comes_while_the_others_are_removed_goes_with_them(tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "processes"
    folder.mkdir()
    late = [folder / "run-2-b.json", folder / ".run-2-b.json.2.abcd"]
    rmdir = type(folder).rmdir

    def meanwhile(path: Path) -> None:
        if late:
            late.pop().write_text("{}")
        rmdir(path)

    monkeypatch.setattr(type(folder), "rmdir", meanwhile)
    report.discard_parts(tmp_path, "run")
    assert not folder.exists()


def test_a_supervised_process_writes_its_part_only_as_long_as_somebody_waits_for_it(tmp_path: Path) -> None:
    sink = ReportSink(tmp_path, "run", Select(), supervised=True)
    made = report.empty({"id": "run"}, report.TOOL)
    sink.drain(Batch([], [], lambda: made))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "processes").mkdir()
    made["summary"] = {"events_total": 1}
    sink.drain(Batch([], [], lambda: made))
    (part,) = report.parts(tmp_path, "run")
    assert part["summary"] == {"events_total": 1}


def test_parts_of_other_runs_and_vanishing_parts_are_left_out(tmp_path: Path) -> None:
    for run in ("one", "two"):
        report.write(tmp_path / "processes" / f"{run}-1-a.json", report.empty({"id": run}, report.TOOL))
    (found,) = report.parts(tmp_path, "one")
    assert found["run"]["id"] == "one"
    report.discard_parts(tmp_path, "one")
    assert [path.name for path in (tmp_path / "processes").iterdir()] == ["two-1-a.json"]
    report.discard_parts(tmp_path, "two")
    assert not (tmp_path / "processes").exists()
    report.discard_parts(tmp_path, "two")
