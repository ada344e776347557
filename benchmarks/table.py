"""The figures as a table: each beside its goal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = 150
"""Columns that the table needs, also where the output is no terminal."""


def written(value: float, unit: str) -> str:
    """A figure with as many digits as tell something."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return text if unit == "x" else f"{text} {unit}"


def show(document: dict[str, Any], console: Console | None = None) -> None:
    """Print all rows, part by part, and how many goals are met."""
    console = console or Console()
    console = console if console.width >= WIDTH else Console(file=console.file, width=WIDTH)
    title = f"CPython {document['python']}, {document['when']}, {document['seconds']} s in all"
    table = Table(title=title, title_justify="left")
    for name in ("part", "row", "what"):
        table.add_column(name, no_wrap=name == "row", overflow="fold")
    for name in ("figure", "goal", ""):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    rows = document["rows"]
    for key, row in rows.items():
        if before and row["part"] != before:
            table.add_section()
        shown = row["part"] if row["part"] != before else ""
        before = row["part"]
        if row["value"] is None:
            table.add_row(
                shown, escape(key), f"{row['what']} ({row['missing']})", "-", row["goal"] or "", "[yellow]none[/]"
            )
            continue
        verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row["met"]]
        table.add_row(shown, escape(key), row["what"], written(row["value"], row["unit"]), row["goal"] or "", verdict)
    console.print(table)
    goals = [row for row in rows.values() if row["goal"] is not None]
    met = sum(row["met"] is True for row in goals)
    absent = sum(row["value"] is None for row in goals)
    console.print(f"goals: {met} met, {len(goals) - met - absent} missed, {absent} not measured")
