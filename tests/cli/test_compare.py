"""``isolation-audit compare``: what counts as worse, how it is shown, and what is no report."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from doors import command
from isolation_audit.cli.commands import cli as command_group
from isolation_audit.exporters import report
from isolation_audit.exporters.comparison import compare, estimate, figures
from isolation_audit.instrument.tally import BUCKETS, Histogram

if TYPE_CHECKING:
    from pathlib import Path


def finding(code: str, severity: str, number: int = 1, message: str = "words") -> dict[str, Any]:
    fingerprint = f"{code}-{number:010d}"
    return {"rule": code, "severity": severity, "fingerprint": fingerprint, "message": message, "count": 1}


def histogram(*durations: float) -> dict[str, Any]:
    made = Histogram()
    for seconds in durations:
        made.observe(seconds)
    return made.as_dict()


def made(**changes: Any) -> dict[str, Any]:
    """A report with a little of everything; ``changes`` of its summary."""
    whole = report.empty({"id": "run", "config": None, "processes": []}, report.TOOL)
    whole["targets"] = [
        {"target": f"app:{name}", "role": "engine", "state": state, "detail": "", "seen": 1}
        for name, state in zip("ABCD", ("applied", "late", "waiting", "missing"), strict=True)
    ]
    whole["findings"] = [finding("IA202", "error"), finding("IA101", "warning"), finding("IA901", "note")]
    whole["summary"] = {
        "events_total": 1000,
        "events_undelivered": 10,
        "crossing_events": 20,
        "deprecated_engines_built": 30,
        "findings": {"IA202": 20, "IA101": 30, "IA901": 1},
        "service_levels": {
            "first_event": histogram(*[0.2] * 20),
            "run": histogram(*[1.0] * 18, 1.9, 1.9),
            "cleanup": histogram(),
        },
        "users_at_once": 7,
    } | changes
    return whole


def worse(before: dict[str, Any], after: dict[str, Any], tolerance: float = 0.1) -> list[str]:
    return [row.measure for row in compare(figures(before), figures(after), tolerance) if row.worse]


def test_a_report_is_no_worse_than_itself() -> None:
    assert worse(made(), made()) == []
    assert worse(made(), made(), 0.0) == []


def test_an_empty_report_has_nothing_to_compare() -> None:
    empty = report.empty({}, report.TOOL)
    assert worse(empty, empty) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"findings": {"IA202": 21, "IA101": 30}}, []),
        ({"findings": {"IA202": 23, "IA101": 30}}, ["IA202 per 1,000 events"]),
        ({"findings": {"IA202": 20, "IA101": 34}}, ["IA101 per 1,000 events"]),
        ({"findings": {"IA202": 20, "IA901": 99}}, []),
        ({"findings": {"IA205": 1}}, ["IA205 per 1,000 events"]),
        ({"findings": {"IA999": 1}}, ["IA999 per 1,000 events"]),
        ({"crossing_events": 21}, ["crossings per 1,000 events"]),
        ({"crossing_events": 19}, []),
        ({"deprecated_engines_built": 31}, ["deprecated engines per 1,000 events"]),
        ({"events_undelivered": 11}, []),
        ({"events_undelivered": 12}, ["delivered events"]),
        ({"events_total": 0}, ["events"]),
        ({"users_at_once": 1}, []),
    ],
)
def test_one_figure_at_a_time(changes: dict[str, Any], expected: list[str]) -> None:
    assert worse(made(), made(**changes)) == expected


def test_a_load_of_another_size_is_no_regression() -> None:
    twice = made(
        events_total=2000,
        events_undelivered=20,
        crossing_events=40,
        deprecated_engines_built=60,
        findings={"IA202": 40, "IA101": 60},
    )
    assert worse(made(), twice, 0.0) == worse(twice, made(), 0.0) == []


def test_without_events_the_occurrences_themselves_are_compared() -> None:
    nothing = {"events_total": 0, "events_undelivered": 0}
    before, after = made(**nothing), made(**nothing, deprecated_engines_built=31)
    assert worse(before, after) == ["deprecated engines"]


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_new_findings(severity: str) -> None:
    after = made()
    after["findings"].append(finding("IA201", severity))
    assert worse(made(), after) == ["new findings (error, warning)"]
    assert worse(after, made()) == []


def test_notes_and_known_findings_are_not_new() -> None:
    after = made()
    after["findings"] = [finding("IA202", "error"), finding("IA901", "error"), finding("IA902", "note")]
    assert worse(made(), after) == [], "IA901 was known, as a note"


def test_fewer_targets() -> None:
    after = made()
    after["targets"][0]["state"] = "missing"
    assert worse(made(), after) == ["targets applied"]
    assert worse(after, made()) == []


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([1.0] * 18 + [1.9] * 2, []),
        ([1.0] * 18 + [2.9] * 2, ["run, p95"]),
        ([2.9] * 20, ["run, p50", "run, p95"]),
        ([0.1] * 20, []),
        ([], []),
    ],
)
def test_slower(durations: list[float], expected: list[str]) -> None:
    levels = made()["summary"]["service_levels"] | {"run": histogram(*durations)}
    assert worse(made(), made(service_levels=levels)) == expected


def test_milliseconds_are_the_machines() -> None:
    fast, slow = (made(service_levels={"run": histogram(*[seconds] * 9)}) for seconds in (0.002, 0.02))
    assert worse(fast, slow) == []


def test_what_was_not_measured_before_is_not_slower() -> None:
    assert worse(made(service_levels={}), made()) == []
    before = made()
    del before["summary"]["service_levels"], before["summary"]["users_at_once"]
    assert worse(before, made()) == []


@given(st.lists(st.floats(0, 20), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_estimates_are_in_the_bucket_of_the_true_value(durations: list[float], quantile: float) -> None:
    found = estimate(histogram(*durations), quantile)
    true = sorted(durations)[max(0, -(-int(quantile * len(durations) * 100) // 100) - 1)]
    upper = next((limit for limit in BUCKETS if true <= limit), BUCKETS[-1])
    lower = max([0.0, *(limit for limit in BUCKETS if limit < upper)])
    assert found is not None
    assert lower <= found <= upper


# The command


def write(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def invoke(*words: str, columns: int = 80) -> tuple[int, str]:
    result = CliRunner().invoke(command_group, ["compare", *words], env={"COLUMNS": str(columns)})
    return result.exit_code, result.output


def test_the_table_fits_in_eighty_columns(tmp_path: Path) -> None:
    levels = made()["summary"]["service_levels"] | {"run": histogram(*[9.0] * 20)}
    after = made(service_levels=levels, crossing_events=999, events_undelivered=500, findings={"IA202": 999_999})
    after["findings"].append(finding("IA201", "error", message="an event of [red]alice[/red] reached bob"))
    before = write(tmp_path, "before.json", made(events_total=999_999_999))
    code, text = invoke(before, write(tmp_path, "after.json", after))
    assert code == 1
    assert max(map(len, text.splitlines())) <= 80
    for words in ("before", "after", "change", "IA202 per 1,000", "worse", "run, p95", "figure(s) got worse"):
        assert words in text
    assert "new error IA201 IA201-0000000001: an event of [red]alice[/red] reached bob" in text


def test_nothing_got_worse(tmp_path: Path) -> None:
    path = write(tmp_path, "report.json", made())
    code, text = invoke(path, str(tmp_path))
    assert code == 0
    assert text.splitlines()[-1] == "nothing got worse"
    assert "98" not in text
    assert "99 %" in text


def test_tolerance(tmp_path: Path) -> None:
    before = write(tmp_path, "before.json", made())
    after = write(tmp_path, "after.json", made(events_undelivered=14))
    assert invoke(before, after)[0] == 1
    assert invoke(before, after, "--tolerance", "0.5")[0] == 0


def test_json(tmp_path: Path) -> None:
    changed = made(crossing_events=40)
    changed["findings"].append(finding("IA201", "error"))
    before, after = write(tmp_path, "before.json", made()), write(tmp_path, "after.json", changed)
    code, text = invoke(before, after, "--json")
    found = json.loads(text)
    assert code == 1
    assert set(found) == {"schema", "before", "after", "tolerance", "regressions", "rows", "new_findings"}
    assert (found["schema"], found["before"], found["tolerance"], found["regressions"]) == (1, before, 0.1, 2)
    rows = {row["measure"]: row for row in found["rows"]}
    assert rows["crossings per 1,000 events"] == {
        "measure": "crossings per 1,000 events",
        "unit": "rate",
        "before": 20.0,
        "after": 40.0,
        "regression": True,
    }
    assert rows["cleanup, p95"]["before"] is None
    assert found["new_findings"] == [
        {"fingerprint": "IA201-0000000001", "rule": "IA201", "severity": "error", "message": "words"}
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't read {}: No such file or directory"),
        ("", "{} is not JSON"),
        ("{", "{} is not JSON"),
        ("\ud800", "{} is not JSON"),
        ('{"schema": NaN}', "{} is not JSON"),
        ("[" * 100_000, "{} is not JSON"),
        ("[]", "{} is no report"),
        ("{}", "{} is no report"),
        ('{"schema": true}', "{} is no report"),
        ('{"schema": "1"}', "{} is no report"),
        ('{"schema": 2}', "{} is a report of schema 2, and this version reads schema 1"),
        ('{"schema": 1}', "{} is no report"),
        ({**made(), "summary": []}, "{} is no report"),
        ({**made(), "findings": [{}]}, "{} is no report"),
        ({**made(), "targets": [{"target": []}]}, "{} is no report"),
        (made(events_total="many"), "{} is no report"),
        (made(events_total=-1), "{} is no report"),
        (made(crossing_events=True), "{} is no report"),
        (made(findings={"IA202": None}), "{} is no report"),
        (made(service_levels={"run": {"count": 1}}), "{} is no report"),
        (made(service_levels={"run": {"count": 1, "buckets": {"soon": 1}}}), "{} is no report"),
    ],
)
def test_what_is_no_report_is_one_line(tmp_path: Path, content: Any, words: str) -> None:
    good, bad = write(tmp_path, "good.json", made()), tmp_path / "bad.json"
    if isinstance(content, str):
        bad.write_bytes(content.encode("utf-8", "surrogatepass"))
    elif content is not None:
        write(tmp_path, "bad.json", content)
    for pair in ((good, str(bad)), (str(bad), good)):
        result = CliRunner().invoke(command_group, ["compare", *pair])
        assert str(result.exception).startswith(words.format(bad)), result.output
        assert "\n" not in str(result.exception)


def test_mistakes_are_exit_code_two(tmp_path: Path) -> None:
    good = write(tmp_path, "good.json", made())
    for words in ([good, "gone.json"], [good], [good, good, "--tolerance", "nan"], [good, good, "--tolerance", "-1"]):
        done = command("compare", *words, cwd=tmp_path)
        assert (done.code, done.out) == (2, b"")
    done = command("compare", good, "gone.json", cwd=tmp_path)
    assert done.err == "error: can't read gone.json: No such file or directory\n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(["summary", "targets", "findings"]), JSON, st.data())
def test_whatever_is_in_a_report_it_is_compared_or_refused(key: str, garbage: Any, data: Any) -> None:
    whole = copy.deepcopy(made())
    if isinstance(whole[key], dict):
        whole[key][data.draw(st.sampled_from(sorted(whole[key])))] = garbage
    else:
        row = data.draw(st.sampled_from(whole[key]))
        row[data.draw(st.sampled_from(sorted(row)))] = garbage
    try:
        found = figures(whole)
    except (LookupError, TypeError, ValueError, AttributeError):
        return
    json.dumps([row.as_dict() for row in compare(found, figures(made()), 0.1)], allow_nan=False)
