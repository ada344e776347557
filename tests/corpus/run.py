"""``make corpus``: real leaks and their clean twins, each bare and under the auditor, as one table.

Every program runs with one and the same configuration, which names the program's own ``current_user``; programs without
one run without any configuration. Exit code 1: something expected was not found, or something clean was reported.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click
from cases import OWN, Program, programs, read_expected
from environments import ROOT, Environments
from judging import FAILED, Row, judge
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

_COLORS = {"found": "green", "silent": "green", "later": "yellow"}


@click.command()
@click.option(
    "--corpus",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT.parent / "shared" / "corpus",
    help="The folder with further cases (default: ../shared/corpus).",
)
@click.option("--only", multiple=True, metavar="NAME", help="Run this program; may be repeated.")
@click.option("--light", is_flag=True, help="Leave out what needs big packages; further cases may be absent.")
@click.option("--depth", type=click.Choice(["calls", "state", "heap"]), default="calls", help="How deep to look.")
@click.option("--jobs", type=click.IntRange(1), default=4, help="Programs at a time; half of it is waiting.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option(
    "--environments",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / ".venv-corpus",
    help="Where environments are kept.",
)
def main(
    folder: Path, only: tuple[str, ...], depth: str, environments: Path, jobs: int, *, light: bool, as_json: bool
) -> None:
    """Run the corpus: own cases in tests/corpus/cases, further ones in --corpus."""
    screen = Console(stderr=True)
    if not folder.is_dir():
        if not light:
            screen.print(f"no corpus in {folder}: name another one with --corpus, or run the own cases with --light")
            sys.exit(2)
        screen.print(f"no corpus in {folder}: own cases only")
    chosen = _chosen(folder, only, light=light)
    made = Environments(environments)
    with Progress(console=screen, transient=True) as progress, ThreadPoolExecutor(jobs) as pool:
        task = progress.add_task("", total=len(chosen))

        def judged(program: Program) -> Row:
            progress.update(task, description=program.name)
            row = judge(program, made, depth)
            progress.advance(task)
            return row

        rows = list(pool.map(judged, chosen))
    click.echo(json.dumps([asdict(row) for row in rows], indent=1)) if as_json else _show(rows)
    sys.exit(any(row.verdict in FAILED for row in rows))


def _chosen(folder: Path, only: tuple[str, ...], *, light: bool) -> list[Program]:
    expected = read_expected()
    listed = [*programs(folder, expected), *programs(OWN, expected)]
    unknown = {*only} - {program.name for program in listed}
    if unknown:
        raise click.UsageError(f"no such program: {', '.join(sorted(unknown))}")
    chosen = []
    for program in listed:
        if (only and program.name not in only) or (light and program.expectation.heavy):
            continue
        chosen.append(program)
        if program.control:
            chosen.append(program.controlled())
    return chosen


def _show(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("case", "verdict", "rule", "users", "where", "s"):
        table.add_column(name, no_wrap=True)
    table.add_column("")
    for row in rows:
        color = _COLORS.get(row.verdict, "red")
        detail = "" if row.verdict == "found" else row.detail
        table.add_row(
            row.program,
            f"[{color}]{row.verdict}[/]",
            row.rule,
            " ".join(row.users),
            row.where,
            f"{row.seconds:.1f}",
            detail,
        )
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    counts = {word: sum(row.verdict == word for row in rows) for word in ("found", "silent", "later", *FAILED)}
    console.print(", ".join(f"{count} {word}" for word, count in counts.items() if count))


if __name__ == "__main__":
    main()
