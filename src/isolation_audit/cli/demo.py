"""``demo``: the example chat under real load, with its deprecated engine and with the engine that replaces it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.cli.example import ENGINES, EngineResult, measure
from isolation_audit.export.terminal import Painter, render_finding, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import Progress, TaskID

DEFAULT_DIRECTORY = Path(".isolation-audit") / "demo"


@click.command()
@click.option("--users", type=click.IntRange(1, 500), default=10, show_default=True, help="Users who chat at once.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides how the users' runs interleave.")
@click.option(
    "--report",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="Folder of the two reports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def demo(users: int, seed: int, directory: Path, *, as_json: bool) -> None:
    """Run the example chat with both engines under the auditor, and compare what clients and auditor counted.

    Exit 1 if the two counts differ, or if the user engine is not clean.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    results: dict[str, EngineResult] = {}
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as progress:
        task = progress.add_task("starting")
        for engine in ENGINES:
            say = _teller(progress, task, engine, console)
            results[engine] = asyncio.run(measure(engine, users, seed, directory / engine, say))
    if as_json:
        engines = {engine: result.as_dict() for engine, result in results.items()}
        click.echo(json.dumps({"schema": 1, "users": users, "engines": engines}, indent=1))
    else:
        _show(results, users, seed)
    sys.exit(0 if all(result.as_expected for result in results.values()) else 1)


def _teller(progress: Progress, task: TaskID, engine: str, console: Console) -> Any:
    def say(text: str) -> None:
        progress.update(task, description=f"{engine} engine: {text}")
        if not console.is_terminal:
            console.print(f"{engine} engine: {text}")

    return say


def _show(results: dict[str, EngineResult], users: int, seed: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    leak = next((finding for finding in results["legacy"].report["findings"] if finding["rule"] == "IA202"), None)
    if leak is not None:
        click.echo("The first crossing, as the auditor shows it:\n")
        click.echo(render_finding(leak, Painter("auto", sys.stdout)) + "\n")
    table = Table(title=f"agent_chat, {users} users, seed {seed}", title_justify="left")
    table.add_column("")
    for engine in ENGINES:
        table.add_column(f"{engine} engine", justify="right")
    rows: dict[str, Callable[[EngineResult], str]] = {
        "events": lambda result: f"{result.events_total}",
        "foreign events, counted by the clients": lambda result: f"{result.foreign_events}",
        "crossings, counted by the auditor": lambda result: f"{result.crossings}",
        "deprecated engines built": lambda result: f"{result.deprecated}",
        "findings": lambda result: "  ".join(f"{code} {count}" for code, count in result.findings.items()) or "none",
        "overhead (load time, audited / bare)": lambda result: f"{result.overhead:.2f}x",
    }
    for title, cell in rows.items():
        table.add_row(title, *(cell(results[engine]) for engine in ENGINES))
    console.print(table)
    for finding in results["legacy"].report["findings"]:
        if finding["rule"] == "IA101":
            site = finding["site"]
            console.print(
                f"deprecated {finding['target']} built {finding['count']} times by {site['function']}, "
                f"{shorten(site['file'])}:{site['line']}",
                soft_wrap=True,
                highlight=False,
            )
    for engine in ENGINES:
        console.print(f"report ({engine}): {results[engine].path}", soft_wrap=True, highlight=False)
    if all(result.as_expected for result in results.values()):
        console.print("[green]Auditor and clients agree, event for event; the user engine is clean.[/]")
    else:
        console.print("[bold red]Auditor and clients disagree, or the user engine is not clean.[/]")
