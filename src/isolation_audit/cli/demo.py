"""``demo``: the example chat under real load, with its deprecated engine and with the engine that replaces it."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.cli.example import ENGINES, MODEL_SECONDS, EngineResult, check_extra, measure, state_finding
from isolation_audit.cli.faults import FaultResult, known_faults, provoke
from isolation_audit.exporters.terminal import Painter, render_finding, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
@click.option("--fault", metavar="NAME", help="Run the example with one of its faults instead.")
@click.option("--list-faults", is_flag=True, help="List the faults and the rules that have to catch them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def demo(users: int, seed: int, directory: Path, fault: str | None, *, list_faults: bool, as_json: bool) -> None:
    """Run the example chat with both engines under the auditor, and compare what clients and auditor counted.

    Exit 1 if the two counts differ, or if the user engine is not clean; with --fault, if the rule that is meant does
    not report, or another rule reports an error.
    """
    if list_faults:
        _list(as_json=as_json)
        return
    check_extra()
    if fault is not None:
        with _progress(f"fault {fault}") as say:
            result = asyncio.run(provoke(fault, users, seed, directory / f"fault-{fault}", say))
        _show_fault(result, as_json=as_json)
        sys.exit(0 if result.as_expected else 1)
    else:
        results: dict[str, EngineResult] = {}
        for engine in ENGINES:
            with _progress(f"{engine} engine") as say:
                results[engine] = asyncio.run(measure(engine, users, seed, directory / engine, say))
        if not as_json:
            with _progress("legacy engine") as say:
                in_state = asyncio.run(state_finding(users, seed, directory / "legacy-state", say))
        if as_json:
            engines = {engine: result.as_dict() for engine, result in results.items()}
            click.echo(json.dumps({"schema": 1, "users": users, "engines": engines}, indent=1))
        else:
            _show(results, users, seed, in_state)
        sys.exit(0 if all(result.as_expected for result in results.values()) else 1)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as progress:
        task = progress.add_task(what)

        def say(text: str) -> None:
            progress.update(task, description=f"{what}: {text}")
            if not console.is_terminal:
                console.print(f"{what}: {text}")

        yield say


def _list(*, as_json: bool) -> None:
    faults = known_faults()
    if as_json:
        click.echo(json.dumps({"schema": 1, "faults": [fault.as_dict() for fault in faults.values()]}, indent=1))
        return
    widest = max(map(len, faults))
    for fault in faults.values():
        missing = "" if fault.has_rule else " (no rule in this version yet)"
        click.echo(f"{fault.name.ljust(widest)}  {fault.rule}  {fault.description}{missing}")


def _show_fault(result: FaultResult, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.as_dict(), indent=1))
        return
    for finding in result.report["findings"]:
        click.echo(render_finding(finding, Painter("auto", sys.stdout)) + "\n")
    verdict = "as expected" if result.as_expected else "NOT as expected"
    found = ", ".join(f"{code} {count}" for code, count in result.report["summary"]["findings"].items()) or "nothing"
    click.echo(f"{result.fault.name}: {result.fault.description}")
    click.echo(f"{result.fault.rule} is meant to report; reported: {found} ({verdict})")
    click.echo(f"report: {result.path}")


def _show(results: dict[str, EngineResult], users: int, seed: int, in_state: dict[str, Any] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    leak = next((finding for finding in results["legacy"].report["findings"] if finding["rule"] == "IA202"), None)
    if leak is not None:
        click.echo("The first crossing, as the auditor shows it:\n")
        click.echo(render_finding(leak, Painter("auto", sys.stdout)) + "\n")
    if in_state is not None:
        click.echo("Where it comes from, as depth `state` shows it:\n")
        click.echo(render_finding(in_state, Painter("auto", sys.stdout)) + "\n")
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
        f"overhead, a model that takes {MODEL_SECONDS} s": lambda result: f"{result.with_model:.2f}x",
        "overhead, a tight loop without a model": lambda result: f"{result.overhead:.2f}x",
    }
    for title, cell in rows.items():
        table.add_row(title, *(cell(results[engine]) for engine in ENGINES))
    console.print(table)
    console.print("overhead: load time, audited / bare, of the fastest load of each")
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
