"""The burn-down as Markdown to paste into an issue, its history as a table and a Mermaid chart."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from isolation_audit.exporters.comparison import shown
from isolation_audit.formats.markdown import cell, plain
from isolation_audit.progress.burndown import SERIES
from isolation_audit.progress.matrix import AREAS, unmeasured
from isolation_audit.progress.terminal import figure

if TYPE_CHECKING:
    from isolation_audit.progress.burndown import Burndown
    from isolation_audit.progress.history import HistoryEntry
    from isolation_audit.progress.matrix import Row

_LONGEST: Final = 30
"""Entries of the history that are shown, the last ones: more don't fit under a chart."""

_COLOR: Final = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#2b6cb0"}}}}%%'
"""Mermaid's own color can hardly be seen on white."""


def as_markdown(burndown: Burndown) -> str:
    """The whole document."""
    lines = ["# Burn-down", "", "| | before | now | target | |", "|---|---:|---:|---:|---|"]
    for area, grouped in groupby(burndown.rows, key=lambda row: row.area):
        rows = list(grouped)
        if unmeasured(rows):
            lines.append(f"| **{AREAS[area]}** | unknown | unknown | | |")
        else:
            lines += [f"| **{AREAS[area]}** | | | | |", *map(_row, rows)]
    lines += _engines(burndown)
    lines += _history(burndown)
    if burndown.said:
        lines += ["", "## Ratchet", "", *(f"- grew: {plain(str(growth))}" for growth in burndown.growths or ())]
        lines += ["", plain(burndown.said)] if burndown.growths else [plain(burndown.said)]
    return "\n".join(lines) + "\n"


def _row(row: Row) -> str:
    goal = "" if row.goal is None else shown(row.goal, row.unit)
    return f"| {cell(row.label)} | {figure(row.before, row)} | {figure(row.now, row)} | {goal} | {row.verdict} |"


def _engines(burndown: Burndown) -> list[str]:
    lines = [
        "",
        "## Source and run time",
        "",
        "| deprecated | references | constructions | built at run time | |",
        "|---|---:|---:|---:|---|",
    ]
    for engine in burndown.engines:
        counts = (engine.references, engine.constructions, engine.built)
        cells = ["unknown" if count is None else str(count) for count in counts]
        lines.append(f"| {' | '.join([cell(engine.target), *cells, engine.standing])} |")
    remarks = [f"- {plain(remark)}" for engine in burndown.engines if (remark := engine.remark())]
    return [*lines, "", *remarks] if remarks else lines


def _history(burndown: Burndown) -> list[str]:
    drawn = {label: series for key, label in SERIES.items() if (series := burndown.series(key)[-_LONGEST:])}
    if not drawn:
        return []
    entries = burndown.entries[-_LONGEST:]
    lines = ["", "## History", "", f"| time | commit | {' | '.join(drawn)} |", f"|---|---|{'---:|' * len(drawn)}"]
    for entry, *values in zip(entries, *drawn.values(), strict=True):
        cells = ["unknown" if value is None else f"{value:.0f}" for value in values]
        lines.append(f"| {entry.time:%Y-%m-%d %H:%M} | {(entry.commit or '-')[:10]} | {' | '.join(cells)} |")
    return [*lines, *(line for label, series in drawn.items() for line in _chart(label, entries, series))]


def _chart(label: str, entries: list[HistoryEntry], series: list[float | None]) -> list[str]:
    """A chart of the moments at which the figure was known: Mermaid's have no gaps, and their labels have no room."""
    known = [(entry.day, value) for entry, value in zip(entries, series, strict=True) if value is not None]
    if len(known) < 2:
        return []
    points = ", ".join(f"{value:.0f}" for _, value in known)
    return [
        "",
        "```mermaid",
        _COLOR,
        "xychart-beta",
        f'    title "{label}"',
        f'    x-axis "{known[0][0]} to {known[-1][0]}" 1 --> {len(known)}',
        f"    y-axis 0 --> {max(1, *(value for _, value in known)):.0f}",
        f"    line [{points}]",
        "```",
    ]
