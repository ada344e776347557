"""The burn-down on a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

from isolation_audit.analysis.texts import printable
from isolation_audit.exporters.comparison import shown
from isolation_audit.progress.burndown import SERIES
from isolation_audit.progress.matrix import AREAS, unmeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from isolation_audit.progress.burndown import Burndown
    from isolation_audit.progress.matrix import Row

_STYLES: Final = {"reached": "green", "better": "cyan", "worse": "bold red", "unknown": "yellow", "open": "yellow"}
_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"
_LONGEST: Final = 40


def show(burndown: Burndown, console: Console) -> None:
    """Print the matrix, source beside run time, the history, and what the ratchet says."""
    console.print(_matrix(burndown.rows))
    if burndown.engines:
        console.print(_engines(burndown))
    for engine in burndown.engines:
        if remark := engine.remark():
            console.print(_plain(remark), style="yellow", soft_wrap=True)
    _history(burndown, console)
    for growth in burndown.growths or ():
        console.print(f"grew: {_plain(str(growth))}", style="bold red", soft_wrap=True)
    if burndown.said:
        console.print(_plain(burndown.said), style="green" if not burndown.growths else None, soft_wrap=True)


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, from 0 to the highest; a dot where it is not known."""
    highest = max((value for value in values if value is not None), default=0) or 1
    top = len(_BARS) - 1
    # Anything above 0 is higher than 0.
    return "".join(_GAP if value is None else _BARS[min(top, -int(-value * top // highest))] for value in values)


def figure(value: float | None, row: Row) -> str:
    """A value of a row as it is shown."""
    return "unknown" if value is None else shown(value, row.unit)


def _plain(text: str) -> str:
    """A text of somebody else's, such as the name of a file, on one line and not as markup."""
    return escape(printable(text))


def _matrix(rows: list[Row]) -> Table:
    table = Table()
    table.add_column("", overflow="fold")
    for title in ("before", "now", "target"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for area, grouped in groupby(rows, key=lambda row: row.area):
        found = list(grouped)
        if unmeasured(found):
            table.add_row(AREAS[area], "unknown", "unknown", style="bold yellow", end_section=True)
            continue
        table.add_row(AREAS[area], style="bold")
        for row in found:
            goal = "" if row.goal is None else shown(row.goal, row.unit)
            table.add_row(
                f"  {_plain(row.label)}",
                figure(row.before, row),
                figure(row.now, row),
                goal,
                row.verdict,
                style=_STYLES.get(row.verdict),
                end_section=row is found[-1],
            )
    return table


def _engines(burndown: Burndown) -> Table:
    table = Table()
    table.add_column("deprecated", overflow="fold")
    for title in ("references", "constructions", "built"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for engine in burndown.engines:
        counts = (engine.references, engine.constructions, engine.built)
        cells = ["unknown" if count is None else str(count) for count in counts]
        table.add_row(_plain(engine.target), *cells, engine.standing)
    return table


def _history(burndown: Burndown, console: Console) -> None:
    drawn = {label: series for key, label in SERIES.items() if (series := burndown.series(key)[-_LONGEST:])}
    if not drawn or len(burndown.entries) < 2:
        return
    entries = burndown.entries[-_LONGEST:]
    console.print(f"history, {entries[0].day} to {entries[-1].day}:")
    widest = max(map(len, drawn))
    for label, series in drawn.items():
        ends = ["?" if value is None else f"{value:.0f}" for value in (series[0], series[-1])]
        console.print(f"  {label.ljust(widest)}  {ends[0]} {sparkline(series)} {ends[1]}", soft_wrap=True)
