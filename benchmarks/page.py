"""Writes docs/reference/benchmarks.md and its picture: ``python -m benchmarks.page FILE...`` (from ``--json``).

There is a FILE for each Python; the picture is of the first one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.plot import plot
from benchmarks.table import written
from benchmarks.timing import ROOT

PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
PICTURE = ROOT / "docs" / "pictures" / "benchmarks.svg"
HEAD = """# Benchmarks

`make bench` measures this table (`ARGS="--json FILE"` keeps the figures); `python -m benchmarks.page FILE...` writes
it, with a column for each Python, and draws the picture. A figure without a unit is a ratio. **Bold** figures miss
their goal. What the figures mean, and what was tried, is in [Performance](../explanation/performance.md).

![How many times a bare call each kind of call takes: ours beside others](../pictures/benchmarks.svg)
"""


def page(runs: list[dict[str, Any]]) -> str:
    """The page of several runs, each of another Python."""
    lines = [HEAD]
    lines += [
        f"- CPython {run['python']}: {run['when']}, {run['seconds']:.0f} s in all; {_goals(run)}{_load(run)}"
        for run in runs
    ]
    if any(
        run.get("load", 0) > 2 * run.get("processors", 0) for run in runs
    ):  # servers and clients of its own are 2 to 3
        lines += [
            "",
            "The machine had more work than processors: figures of whole processes may be a third too high or too low.",
        ]
    part = ""
    for key, row in _rows(runs).items():
        if row["part"] != part:
            part = row["part"]
            titles = " | ".join(_short(run) for run in runs)
            lines += ["", f"## {part}", "", f"| row | what | goal | {titles} |", "|---|---|---|" + "---|" * len(runs)]
        figures = " | ".join(_cell(run["rows"].get(key)) for run in runs)
        lines.append(f"| `{key}` | {row['what']} | {row['goal'] or ''} | {figures} |")
    missing = {row["missing"] for run in runs for row in run["rows"].values() if row["value"] is None}
    if missing:
        lines += ["", "Not measured: " + "; ".join(sorted(missing)) + "."]
    return "\n".join(lines) + "\n"


def _goals(run: dict[str, Any]) -> str:
    judged = [row for row in run["rows"].values() if row["goal"] is not None and row["value"] is not None]
    return f"{sum(row['met'] is True for row in judged)} of {len(judged)} goals are met"


def _load(run: dict[str, Any]) -> str:
    """How much other work the machine had: with more work than processors, times of whole processes mean little."""
    return f"; load {run['load']:.0f} on {run['processors']} processors" if "load" in run else ""


def _rows(runs: list[dict[str, Any]]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for run in runs:
        for key, row in run["rows"].items():
            rows.setdefault(key, row)
    return rows


def _short(run: dict[str, Any]) -> str:
    return ".".join(run["python"].split(".")[:2])


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "-"
    figure = written(row["value"], row["unit"])
    return f"**{figure}**" if row["met"] is False else figure


def main(files: list[str]) -> None:
    """Write the page."""
    runs = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    runs.sort(key=lambda run: [int(part) for part in run["python"].split(".")])
    PAGE.write_text(page(runs), "utf-8")
    PICTURE.write_text(plot(runs[0]), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
