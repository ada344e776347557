"""Each figure of the summary is declared, and the auditor fills in each that is declared."""

from __future__ import annotations

from isolation_audit import Auditor
from isolation_audit.config import Config
from isolation_audit.exporters.metrics import families
from isolation_audit.exporters.report import merge
from isolation_audit.recording.figures import FIGURES, HIGHEST, Figure

BY_KEY = {figure.key: figure for figure in FIGURES}


def merged(*summaries: dict) -> dict:
    parts = [{"run": {}, "targets": [], "summary": summary, "findings": []} for summary in summaries]
    return merge(parts, {}, {})["summary"]


def test_the_summary_has_the_declared_figures_and_no_other() -> None:
    with Auditor(Config()) as auditor:
        summary = auditor.snapshot()["summary"]
    assert set(summary) == {key.partition(".")[0] for key in BY_KEY}
    for figure in FIGURES:
        if "." not in figure.key:
            kind = {"object": dict, "number": float, "integer": int}[figure.kind]
            assert isinstance(summary[figure.key], kind), figure.key


def test_keys_are_declared_once() -> None:
    assert len(BY_KEY) == len(FIGURES)


def test_figures_of_several_processes_are_added_or_the_highest_is_kept() -> None:
    numbers = [key for key, figure in BY_KEY.items() if figure.kind == "integer" and "." not in key]
    summary = merged(dict.fromkeys(numbers, 2), dict.fromkeys(numbers, 3))
    assert summary == {key: 3 if key in HIGHEST else 5 for key in numbers}
    assert {"users_at_once", "ambient_told", "users_affected", "users_with_events", "entries"} == HIGHEST


def test_of_an_object_the_highest_of_each_part_counts() -> None:
    parts = [{"entries": {"users": 4, "runs": 1}, "evicted": {"users": 1}}, {"entries": {"users": 3, "runs": 2}}]
    assert merged(*parts) == {"entries": {"users": 4, "runs": 2}, "evicted": {"users": 1}}


def test_a_figure_is_read_from_where_its_key_leads() -> None:
    summary = {
        "faults": 3,
        "evicted": {"users": 4},
        "bindings_store": {"late": 5},
        "exports": {"otlp": {"failures": 6, "lost": 7}, "journal": {"failures": 8}},
    }
    assert BY_KEY["faults"].read(summary) == 3
    assert BY_KEY["evicted"].read(summary) == {"users": 4}
    assert BY_KEY["bindings_store.late"].read(summary) == 5
    assert BY_KEY["exports.*.failures"].read(summary) == {"otlp": 6, "journal": 8}
    assert BY_KEY["exports.*.lost"].read(summary) == {"otlp": 7, "journal": 0}


def test_a_figure_that_is_absent_is_zero_or_empty() -> None:
    assert [figure.read({}) for figure in FIGURES] == [{} if one.kind == "object" else 0 for one in FIGURES]


def test_what_is_declared_with_a_metric_is_shown_as_one() -> None:
    shown = {
        family.name: family for family in families(Config(), {"run": {}, "targets": [], "summary": {}, "findings": []})
    }
    with_series = [figure for figure in FIGURES if figure.series is not None]
    assert len(with_series) > 15
    for figure in with_series:
        assert shown[figure.series.name].meaning == figure.meaning


def test_a_figure_of_ones_own() -> None:
    figure = Figure("calls.*.slow", "slow calls", "object")
    assert figure.read({"calls": {"a": {"slow": 1}, "b": {}}}) == {"a": 1, "b": 0}
