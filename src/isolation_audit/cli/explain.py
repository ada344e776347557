"""``explain`` and ``why-not``: why a finding is one, and why an exit that names others is none."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from isolation_audit.cli.reports import read_report
from isolation_audit.cli.show import usual_directory
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.explanation import explanation_lines
from isolation_audit.exporters.terminal import Painter, render_finding

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.exporters.report import Report

_SILENT: Final = {
    "explained": "named by the request, a message or an item: nothing is told",
    "beside": "in no input, but beside the reader's own name, or as an author or a member: nothing is told",
    "code": "in a constant of the code: nothing is told",
    "queried": "came in with what the unit has read: note IA209",
    "public": "loaded for all: note IA209",
    "listed": "in data or templates of the code: note IA209",
    "shared_with": "words or a number of another user, whose application shares them with the reader: nothing is told",
}


@click.command(epilog="Exit codes: 0 for a finding that was explained; 2 where there is no such finding, or no report.")
@click.argument("fingerprint", metavar="FINGERPRINT")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path())
def explain(fingerprint: str, directory: str | None) -> None:
    """Tell what a finding rests on, what would have explained it, and where its data came in.

    FINGERPRINT may be shortened, as long as it is one finding's. DIR is the folder of a report, as for `show`.
    """
    found = read_report(_place(directory), lambda report: _matching(report, fingerprint))
    if len(found) != 1:
        raise UsageError(f"{len(found) or 'no'} finding(s) of this report have a fingerprint that begins with it")
    click.echo(render_finding(found[0], Painter("auto", sys.stdout)))
    lines = explanation_lines(found[0])
    if not lines:
        lines = ["This finding does not depend on the inputs of a unit of work: it rests on what is said above."]
    for line in lines:
        click.echo(f"  {line}")


@click.command(name="why-not", epilog="Exit codes: 0; 2 where there is no report.")
@click.argument("route", metavar="[ROUTE]", default="")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def why_not(route: str, directory: str | None, *, as_json: bool) -> None:
    """Tell why exits that name others are, or are not, findings.

    ROUTE is a part of the method and the route of the exits to tell of; without it, all are. DIR is the folder of a
    report, as for `show`.
    """
    exits: dict[str, dict[str, int]] = read_report(_place(directory), lambda report: report["summary"].get("exits", {}))
    wanted = {place: counts for place, counts in exits.items() if route in place}
    if as_json:
        click.echo(json.dumps(wanted, indent=1))
        return
    for place, counts in sorted(wanted.items()):
        click.echo(place)
        for verdict, count in sorted(counts.items(), key=lambda item: -item[1]):
            click.echo(f"  {count:7,}  {verdict:12} {_SILENT.get(verdict, 'a finding: see `show` and `explain`')}")
    if not wanted:
        of_route = f" of {route}" if route else ""
        click.echo(f"No exit{of_route} has named another user than its own: nothing had to be judged.")


def _place(directory: str | None) -> Path:
    from pathlib import Path

    return usual_directory() if directory is None else Path(directory)


def _matching(report: Report, fingerprint: str) -> list[dict[str, Any]]:
    return [one for one in report["findings"] if one["fingerprint"].startswith(fingerprint)]
