"""``explain`` and ``why-not``: why a finding is one, and why an exit that names others is none."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from isolation_audit.cli.reports import read_report
from isolation_audit.cli.show import usual_directory
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.terminal import Painter, render_finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isolation_audit.exporters.report import Report

_WOULD: Final = {
    "memory": (
        "an input of this unit of work that names {content}: its request, rows that it reads, an answer or a reply "
        "that it is given, an item of a queue, a file; or an entry of a cache that the unit's own user, or nobody, "
        "has stored"
    ),
    "framed": "the same; the page names its reader in its frame, which explains nothing of the rest",
    "laundered": (
        "an id of {content} in the request, or in what was read before: the query was asked with one that came in "
        "nowhere"
    ),
    "misdirected": "a queue for each user, or a worker for all that is nobody's; here all wait at one queue",
    "handed": "an item or a job that says for whom it is: what background work reads belongs to nobody's unit",
    "incomplete": "the inputs that were not seen; the driver that is named has no integration, or there was too much",
    "written": "nothing but the code: the name stands in data of its modules, and they hold it elsewhere as well",
    "listed": "nothing more: the name stands in data or templates of the code; it is a note",
    "queried": "it is explained, by what the unit has read; whether its user may see that, the application checks",
    "public": "it is explained: it was loaded for all",
}
"""By verdict, what would have explained an exit, or does."""

_SILENT: Final = {
    "explained": "named by the request, a message or an item: nothing is told",
    "beside": "in no input, but beside the reader's own name, or as an author or a member: nothing is told",
    "code": "in a constant of the code: nothing is told",
    "queried": "came in with what the unit has read: note IA209",
    "public": "loaded for all: note IA209",
    "listed": "in data or templates of the code: note IA209",
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
    for line in _lines(found[0]):
        click.echo(line)


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


def _lines(finding: dict[str, Any]) -> Iterator[str]:
    told = finding.get("explanation")
    if told is None:
        yield "  This finding does not depend on the inputs of a unit of work: it rests on what is said above."
        return
    inputs = [f"{kind} ({count})" if count > 1 else kind for kind, count in told["inputs"].items()]
    yield f"  looked at: {', '.join(inputs) or 'nothing had come in'}"
    content = finding["witnesses"]["content"] or "the other user"
    if told["verdict"] in _WOULD:
        yield f"  what explains such an exit: {_WOULD[told['verdict']].format(content=content)}"
    seen = told.get("last_seen")
    if seen is None:
        yield f"  no unit of work of {content} has ended in this process before"
        return
    where = " ".join(part for part in (seen["method"], seen["route"]) if part) or "a unit without a route"
    with_what = ", ".join(seen["inputs"]) or "nothing that was seen"
    yield f"  data of {content} was last seen coming in {seen['before']} s before, in the work of {seen['user']}:"
    yield f"    {where}, with {with_what}"
