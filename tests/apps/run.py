"""``make apps``: other people's applications, bare and under the auditor, driven by several users; then with leaks.

``apps.toml`` says which. Each application is installed by name into an environment of its own and is not changed;
``programs/NAME`` has what serves it (``serve.py``), its users (``drive.py``) and what is planted into it from outside
(``planted.py``). Exit code 1: an answer differs, something healthy was reported, users are unknown, or a planted leak
was not found.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

HERE = Path(__file__).parent
SHOWN = 10
"""Lines of one kind that are printed for one application."""

sys.path[:0] = [str(HERE), str(HERE.parent / "corpus")]

from catalogue import App, read_apps  # noqa: E402 - beside this file
from environments import ROOT, EnvironmentFailedError, Environments  # noqa: E402 - in a folder beside this one
from judging import Row, judge  # noqa: E402 - beside this file


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Run this application; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option(
    "--depth", type=click.Choice(["calls", "state"]), default="calls", help="How deep the applications are watched."
)
@click.option("--no-plants", is_flag=True, help="Leave the planted leaks out.")
@click.option(
    "--rounds", type=click.IntRange(min=1), help="How often the users do their work (default: as apps.toml says)."
)
@click.option(
    "--environments",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / ".venv-apps",
    help="Where environments, states and reports are kept.",
)
def main(
    only: tuple[str, ...], folder: Path, rounds: int | None, depth: str, *, as_json: bool, no_plants: bool
) -> None:
    """Run the applications of apps.toml."""
    apps = [app.watching_state() if depth == "state" else app for app in read_apps()]
    unknown = {*only} - {app.name for app in apps}
    if unknown:
        raise click.UsageError(f"no such application: {', '.join(sorted(unknown))}")
    environments = Environments(folder)
    chosen = [app for app in apps if not only or app.name in only]
    rows = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(chosen))
        for app in chosen:
            progress.update(task, description=app.name)
            rows.append(
                _judged(app, environments, folder.absolute() / "runs" / depth / app.name, rounds, plants=not no_plants)
            )
            progress.advance(task)
    click.echo(json.dumps([asdict(row) for row in rows], indent=1)) if as_json else show(rows)
    sys.exit(any(row.failed for row in rows))


def _judged(app: App, environments: Environments, folder: Path, rounds: int | None, *, plants: bool) -> Row:
    try:
        python = environments.python(app.requires, app.without_dependencies)
    except EnvironmentFailedError as error:
        return Row(app.name, error=str(error))
    if rounds is not None:
        app = replace(app, rounds=rounds)
    return judge(app, python, folder, plants=plants)


def show(rows: list[Row]) -> None:
    """Print the table, and a line for each thing that is not as it should be."""
    names = ("application", "steps", "differ", "known", "findings", "notes", "verdict", "p50", "p95", "planted")
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        found = sum(function not in " ".join(row.missed) for function in row.planted)
        table.add_row(
            f"[{'red' if row.failed else 'green'}]{row.app}[/]",
            str(row.requests),
            str(len(row.differences)),
            f"{row.known} of {row.authenticated}",
            str(len(row.findings)),
            str(row.notes),
            row.verdict,
            f"{row.p50:.2f}x",
            f"{row.p95:.2f}x",
            f"{found} of {len(row.planted)}",
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for row in rows:
        missed = [f"missed: {line}" for line in row.missed]
        lines = [*_few(row.differences), *_few(row.findings), *missed, *filter(None, [row.error])]
        if row.faults:
            lines.append(f"{row.faults} faults of the auditor")
        for line in lines:
            console.print(f"{row.app}: {line}", markup=False, highlight=False, soft_wrap=True)


def _few(lines: list[str]) -> list[str]:
    """The first of many lines; ``--json`` has all."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more like these"]


if __name__ == "__main__":
    main()
