"""The harness: rows are declared once, a figure stands beside its goal, and what can't be measured says why."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.page import page  # noqa: E402
from benchmarks.plot import KINDS, SERIES, plot  # noqa: E402
from benchmarks.rows import PARTS, Effort, Measured, Part, Row, at_least, at_most, measures  # noqa: E402
from benchmarks.table import show  # noqa: E402
from benchmarks.timing import interleaved, shuffled_medians, spent_by  # noqa: E402

from benchmarks import __main__ as harness  # noqa: E402

ACCEPTED = {
    *("sync_vs_bare", "async_vs_bare", "ctor_vs_bare", "event_added_vs_wrapt_passthrough"),
    *("use_added_vs_wrapt_passthrough", "scope_added_vs_otel_span", "after_uninstrument_vs_bare"),
    *("chat_vs_bare", "chat_wrapt_vs_bare", "chat_otel_vs_bare", "room_message_vs_bare", "ws_throughput_vs_bare"),
    *("fastapi_request_vs_bare", "flask_request_vs_bare", "django_request_vs_bare"),
    *("startup_cpu_added", "idle_cpu_ms_per_s_added", "rss_added_mb", "finding_capture_vs_extract_stack"),
    *("content_us_per_kb_100k_over_10", "content_vs_ahocorasick_100k", "demo_overhead"),
    *("scan_vs_ruff_rare_wall", "scan_vs_ruff_everywhere_cpu", "scan_vs_ruff_imports_wall"),
}


@pytest.fixture
def parts(monkeypatch):
    """A registry of this test's own."""
    own = {}
    monkeypatch.setattr("benchmarks.rows.PARTS", own)
    return own


def test_every_agreed_figure_is_a_row_of_the_usual_run():
    rows = {row.key: row for part in harness.chosen([], everything=False) for row in part.rows}
    assert rows.keys() >= ACCEPTED
    without = {key for key in ACCEPTED if rows[key].goal is None}
    assert without == {"chat_wrapt_vs_bare", "chat_otel_vs_bare"}


def test_a_key_is_declared_once(parts):
    measures("one", [Row("key", "told")])(lambda _effort: Measured())
    with pytest.raises(ValueError, match="declared twice"):
        measures("other", [Row("key", "told again")])(lambda _effort: Measured())
    with pytest.raises(ValueError, match="declared twice"):
        measures("one", [Row("another", "told")])(lambda _effort: Measured())
    assert list(parts) == ["one"]


def test_parts_are_chosen_by_name_or_by_a_piece_of_a_key():
    assert [part.name for part in harness.chosen(["chat"], everything=False)] == ["chat"]
    by_key = [part.name for part in harness.chosen(["_warm_over_cold"], everything=False)]
    assert by_key == ["scan"]
    assert harness.chosen(["no such row"], everything=True) == []
    details = {part.name for part in PARTS.values() if part.detail}
    assert details
    assert not details & {part.name for part in harness.chosen([], everything=False)}


def test_the_document_tells_of_met_missed_and_missing_goals(capsys):
    rows = (
        Row("small", "met", at_most(1.0)),
        Row("large", "missed", at_most(1.0)),
        Row("least", "met from above", at_least(0.9)),
        Row("absent[peer]", "not there", at_most(1.0)),
        Row("plain", "no goal", unit="us"),
    )
    part = Part("some", rows, lambda _effort: Measured(), detail=False)
    figures = {"small": 0.5, "large": 2.0, "least": 0.95, "plain": 1_234.0}
    measured = Measured(figures, {"absent[peer]": "the peer is not installed"})
    told = harness.document([part], {"some": measured}, 1.0)
    assert {key: row["met"] for key, row in told["rows"].items()} == {
        "small": True,
        "large": False,
        "least": True,
        "absent[peer]": None,
        "plain": None,
    }
    show(told)
    printed = capsys.readouterr().out
    assert "absent[peer]" in printed
    assert "the peer is not installed" in printed
    assert "1,234 us" in printed
    assert "goals: 2 met, 1 missed, 1 not measured" in printed


def test_a_part_that_fails_is_told_and_the_others_go_on():
    failing = Part("no such part", (Row("gone", "never"),), lambda _effort: Measured(), detail=False)
    measured = harness.measure_apart(failing, Effort(0.01))
    assert not measured.figures
    assert measured.missing["gone"].startswith("failed")


def test_all_take_turns_and_each_round_begins_with_another_one():
    order = []
    timed = {name: (lambda name=name: order.append(name)) for name in ("one", "other")}
    best = interleaved(timed, 3, {"one": 1, "other": 1})
    assert order == ["one", "other", "other", "one", "one", "other"]
    assert best.keys() == timed.keys()


def test_blocks_are_compared_with_the_bare_one_of_the_same_block():
    speed = iter(range(1, 1_000))
    slow = {"now": 0.0}

    def bare():
        slow["now"] = float(next(speed))  # the machine becomes slower and slower
        return slow["now"]

    ratios = shuffled_medians({"bare": bare, "twice": lambda: 2.0 * max(slow["now"], 1.0)}, 9, "bare")
    assert ratios["bare"] == 1.0
    assert 1.0 <= ratios["twice"] <= 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux gives each process a clock")
def test_the_processor_time_of_another_process_is_seen():
    words = "sum(range(3_000_000)); print('done', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"done\n"
        spent = spent_by([process.pid])
        assert spent > 0.001
        assert spent_by([os.getpid(), process.pid]) > spent
        process.communicate(b"\n")
    assert spent_by([process.pid]) == 0


@pytest.mark.parametrize("part", ["findings", "memory"])
def test_a_part_measures_all_its_rows(part, tmp_path):
    answer = tmp_path / "figures.json"
    assert harness.main(["--only", part, "--scale", "0.02", "--json", str(answer)]) == 0
    rows = json.loads(answer.read_text("utf-8"))["rows"]
    assert rows.keys() == {row.key for row in PARTS[part].rows}
    assert all(row["value"] > 0 for row in rows.values()), rows


def test_calls_are_measured_beside_the_wrappers_that_are_installed(tmp_path):
    pytest.importorskip("wrapt")
    answer = tmp_path / "figures.json"
    assert harness.main(["--only", "calls", "--scale", "0.02", "--json", str(answer)]) == 0
    rows = json.loads(answer.read_text("utf-8"))["rows"]
    assert rows["sync_wrapt_vs_bare"]["value"] > 1
    assert rows["sync_vs_bare"]["value"] > 1
    assert rows["after_uninstrument_same_code"]["met"] is True
    assert all(row["value"] or "is not installed" in row["missing"] for row in rows.values()), rows


def test_all_parts_and_rows_are_listed(capsys):
    assert harness.main(["--list", "--all"]) == 0
    printed = capsys.readouterr().out
    assert all(part.name in printed for part in PARTS.values())
    assert all(row.key in printed for part in PARTS.values() for row in part.rows)


def test_the_page_has_a_column_for_each_python():
    part = Part("some", (Row("fast", "told", at_most(1.0)), Row("gone", "never")), lambda _e: Measured(), detail=False)
    run = harness.document([part], {"some": Measured({"fast": 2.0}, {"gone": "no peer"})}, 60.0)
    better = harness.document([part], {"some": Measured({"fast": 0.5})}, 60.0)
    text = page([run | {"python": "3.11.7"}, better | {"python": "3.12.1"}])
    assert "| row | what | goal | 3.11 | 3.12 |" in text
    assert "| `fast` | told | <= 1 | **2.00** | 0.5 |" in text
    assert "| `gone` | never |  | - | - |" in text
    assert "no peer" in text
    assert "1 of 1 goals are met" in text
    assert "0 of 1 goals are met" in text


def test_the_picture_has_a_bar_for_each_figure_that_there_is():
    rows = {
        f"{kind}{infix}_vs_bare": {"value": 3.0 + place, "goal": None if infix else "<= 1.5"}
        for place, (kind, _said) in enumerate(KINDS)
        for infix, _name, _color in SERIES
    }
    rows["sync_ddtrace_vs_bare"]["value"] = None
    drawing = ET.fromstring(plot({"python": "3.11.7", "rows": rows}))
    bars = [one for one in drawing if one.find("{*}title") is not None and one.tag.endswith("rect")]
    assert len(bars) == len(KINDS) * len(SERIES) - 1
    widths = [float(one.get("width")) for one in bars if "ours" in one.find("{*}title").text]
    assert widths == sorted(widths), "more is longer"
    assert len([one for one in drawing if one.get("stroke-width") == "2"]) == len(KINDS), "each has its goal"
