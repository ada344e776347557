"""``compare``: what got worse from one report to the next."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isolation_audit.cli.reports import read_report
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters import comparison

if TYPE_CHECKING:
    from isolation_audit.exporters.comparison import Row

_TIMES = 10
"""From here on a change is shown as a multiple."""


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    type=float,
    default=0.1,
    show_default=True,
    help="The share by which rates and durations may rise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def compare(before: Path, after: Path, tolerance: float, *, as_json: bool) -> None:
    """Compare the reports BEFORE and AFTER; exit 1 if something got worse.

    Each is a report.json, or the folder that has it.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UsageError("--tolerance is a share from 0 on, such as 0.1")
    was, now = (read_report(path, comparison.figures) for path in (before, after))
    rows = comparison.compare(was, now, tolerance)
    fresh = comparison.new_findings(was, now)
    worse = sum(row.worse for row in rows)
    if as_json:
        result = {
            "schema": 1,
            "before": str(before),
            "after": str(after),
            "tolerance": tolerance,
            "regressions": worse,
            "rows": [row.as_dict() for row in rows],
            "new_findings": fresh,
        }
        click.echo(json.dumps(result, indent=1))
    else:
        _show(rows, fresh, worse)
    sys.exit(1 if worse else 0)


def _show(rows: list[Row], fresh: list[dict[str, str]], worse: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    table = Table()
    table.add_column("")
    for title in ("before", "after", "change"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        change = _change(row)
        table.add_row(
            row.measure,
            _shown(row.before, row.unit),
            _shown(row.after, row.unit),
            f"{change} worse" if row.worse else change,
            style="bold red" if row.worse else None,
        )
    console.print(table)
    for finding in fresh:
        text = f"new {finding['severity']} {finding['rule']} {finding['fingerprint']}: {finding['message']}"
        console.print(escape(text), soft_wrap=True)
    console.print(f"[bold red]{worse} figure(s) got worse[/]" if worse else "[green]nothing got worse[/]")


def _shown(value: float | None, unit: str) -> str:
    return "-" if value is None else comparison.shown(value, unit)


def _change(row: Row) -> str:
    if row.before is None or row.after is None or row.before == row.after:
        return ""
    if row.unit in ("count", "share"):
        points = row.after - row.before
        return f"{points * 100:+.3g}" if row.unit == "share" else f"{points:+.0f}"
    if not row.before:
        return "new"
    ratio = row.after / row.before
    return f"{ratio:.0f}x" if ratio >= _TIMES else f"{(ratio - 1) * 100:+.0f} %"
