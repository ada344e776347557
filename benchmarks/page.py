"""Writes docs/reference/benchmarks.md: ``python -m benchmarks.page FILE...``, a FILE each Python (``--json``)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.table import written
from benchmarks.timing import ROOT

PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` measures this table (`ARGS="--json FILE"` keeps the figures); `python -m benchmarks.page FILE...` writes
it, with a column for each Python. A figure without a unit is a ratio. **Bold** figures miss their goal.
"""


def page(runs: list[dict[str, Any]]) -> str:
    """The page of several runs, each of another Python."""
    lines = [HEAD]
    lines += [f"- CPython {run['python']}: {run['when']}, {run['seconds']:.0f} s in all" for run in runs]
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
    PAGE.write_text(page(sorted(runs, key=lambda run: [int(part) for part in run["python"].split(".")])), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
