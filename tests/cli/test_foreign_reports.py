"""A report from elsewhere: what its figures, its parts and its place can be, and no command is led astray by it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from doors import Project, command

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (
    ("gate",),
    ("show",),
    ("compare", "true.json"),
    ("progress", "--no-scan", "--config", "isolation-audit.toml"),
)


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run with three crossings."""
    done = Project(tmp_path_factory.mktemp("run")).script("import shop\nshop.cross(3)\n")
    assert done.crossings == 3
    assert done.report is not None
    return done.report


@pytest.fixture
def folder(tmp_path: Path, true: dict[str, Any]) -> Path:
    Project(tmp_path)
    (tmp_path / "true.json").write_text(json.dumps(true))
    return tmp_path


def changed(report: dict[str, Any], *way: str | int, to: Any) -> str:
    """The JSON of a copy, with one value that is another."""
    copy = json.loads(json.dumps(report))
    inner = copy
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = to
    return json.dumps(copy)


BAD = {
    "an infinity that is JSON": (("summary", "events_total"), "1e999"),
    "an infinity": (("summary", "faults"), "Infinity"),
    "an infinity of findings": (("findings", 0, "count"), "1e999"),
    "none at all": (("summary", "crossing_events"), "NaN"),
    "less than nothing": (("summary", "crossing_events"), "-5"),
    "less than nothing of a finding": (("findings", 0, "count"), "-3"),
    "less than nothing of a rule": (("summary", "findings", "IA202"), "-3.0"),
    "less than nothing of a target": (("targets", 0, "seen"), "-1"),
    "less than nothing of requests": (("coverage", "requests", "seen"), "-1"),
    "five thousand digits": (("summary", "events_total"), "9" * 5_000),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_figure_that_is_none_is_refused_by_every_command(folder: Path, true: dict[str, Any], kind: str) -> None:
    way, number = BAD[kind]
    (folder / "false.json").write_text(changed(true, *way, to="@").replace('"@"', number))
    for words in COMMANDS:
        done = command(*words, "false.json", cwd=folder)
        assert (done.code, done.out) == (2, b""), words
        assert done.err.startswith("error: "), words
        assert done.err.count("\n") == 1, words


def test_counts_below_nothing_take_nothing_from_what_others_have_counted(folder: Path, true: dict[str, Any]) -> None:
    lying = json.loads(changed(true, "summary", "crossing_events", to=-3))
    lying["findings"] = []
    (folder / "lying.json").write_text(json.dumps(lying))
    assert command("gate", "true.json", "--limit", "errors=9", cwd=folder).code == 1
    assert command("gate", "true.json", "lying.json", "--limit", "errors=9", cwd=folder).code == 2


@pytest.mark.parametrize("kind", ["a pipe", "an infinity", "less than nothing", "another form", "another schema"])
def test_a_part_that_is_none_is_counted(folder: Path, true: dict[str, Any], kind: str) -> None:
    parts = folder / "run" / "processes"
    parts.mkdir(parents=True)
    (parts / "abc-1-x.json").write_text(json.dumps(true))
    other = parts / "abc-2-y.json"
    if kind == "a pipe":
        os.mkfifo(other)
    else:
        number, way = {
            "an infinity": ("1e999", ("summary", "events_total")),
            "less than nothing": ("-3", ("summary", "crossing_events")),
            "another form": ("[]", ("summary",)),
            "another schema": ("7", ("schema",)),
        }[kind]
        other.write_text(changed(true, *way, to="@").replace('"@"', number))
    done = command("show", "run", "--json", cwd=folder)
    summary = json.loads(done.out)["summary"]
    assert (summary["crossing_events"], summary["parts_unreadable"]) == (3, 1)
