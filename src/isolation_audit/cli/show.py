"""``show``: what a run has seen and found, while it goes on or after its end."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.cli.outputs import FORMATS, Beside, texts, with_formats, write_all
from isolation_audit.cli.reports import read_report
from isolation_audit.exceptions import UsageError
from isolation_audit.exporters.terminal import Painter, render_finding, render_summary
from isolation_audit.foundation.environment import REPORT_VARIABLE

if TYPE_CHECKING:
    from isolation_audit.exporters.comparison import Figures
    from isolation_audit.exporters.lanes import Lanes
    from isolation_audit.exporters.report import Report

_EPILOG = "Exit codes: 0 for a report that was shown, whatever it says (`gate` judges it); 2 where there is none."


@click.command(epilog=_EPILOG)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--rule", "rules", multiple=True, metavar="CODE", help="Only findings of this rule, or IA2; repeatable.")
@click.option(
    "--severity", "severities", multiple=True, type=click.Choice(["error", "warning", "note"]), help="Only these."
)
@click.option("--route", metavar="TEXT", help="Only findings whose route or method has this in it.")
@click.option("--user", metavar="LABEL", help="Only findings with this user, as the report calls it.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, with these findings only.")
@with_formats
@click.option(
    "--against",
    metavar="EARLIER",
    type=click.Path(path_type=Path),
    help="An earlier report, or its folder: the HTML tells what has changed since.",
)
@click.option(
    "--journal",
    metavar="JOURNAL",
    type=click.Path(path_type=Path),
    help="The journal of the run: the HTML shows the runs in which users met, event by event.",
)
@click.option(
    "--source",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Where the application's source is: the HTML shows lines of files below it, SARIF names them relative to it. "
    "Default: the working directory.",
)
def show(
    directory: Path | None,
    against: Path | None,
    journal: Path | None,
    source: Path,
    *,
    as_json: bool,
    **options: Any,
) -> None:
    """Show coverage, findings and summary of a run that goes on or has ended, or write them to files.

    DIR is the folder that `run --report` or `[report] directory` names, or a report.json. Without DIR it is the one of
    ISOLATION_AUDIT_REPORT, or of the configuration that is found here.
    """
    files = {name: options[name] for name in FORMATS}
    if against is not None and files["html"] is None:
        raise UsageError("--against goes with --html; `isolation-audit compare` compares two reports on the terminal")
    if journal is not None and files["html"] is None:
        raise UsageError("--journal goes with --html; `isolation-audit investigate` asks a journal on the terminal")
    earlier = None if against is None else _figures(against)
    if any(files.values()):
        folder = directory or usual_directory()
        beside = Beside(source, earlier, () if journal is None else _runs(journal))
        write_all(read_report(folder, lambda report: texts(_wanted(report, options), files, beside)))
        return
    whole = read_report(directory or usual_directory(), _complete)
    report = _wanted(whole, options)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    paint = Painter("auto", sys.stdout)
    for finding in report["findings"]:
        click.echo(render_finding(finding, paint) + "\n")
    click.echo(render_summary(report, paint))
    left_out = len(whole["findings"]) - len(report["findings"])
    if left_out:
        click.echo(f"{left_out} other finding(s) are not shown, because of --rule, --severity, --route or --user")


def _figures(path: Path) -> Figures:
    from isolation_audit.exporters import comparison

    return read_report(path, comparison.figures)


def _runs(journal: Path) -> tuple[Lanes, ...]:
    from isolation_audit.investigate.database import of_files
    from isolation_audit.investigate.questions import Wanted
    from isolation_audit.investigate.runs import runs

    with of_files([journal]) as (lines, _damaged):
        return runs(lines, Wanted())


def _wanted(report: Report, options: dict[str, Any]) -> Report:
    """The report with the findings that the options ask for."""
    rules, severities, route, user = (options[name] for name in ("rules", "severities", "route", "user"))
    wanted = [
        finding
        for finding in report["findings"]
        if (not rules or finding["rule"].startswith(rules))
        and (not severities or finding["severity"] in severities)
        and (route is None or route in f"{finding.get('method') or ''} {finding.get('route') or ''}")
        and (user is None or user in _users(finding))
    ]
    return {**report, "findings": wanted}


def usual_directory() -> Path:
    """Where the report is, where nobody says."""
    named = os.environ.get(REPORT_VARIABLE)
    if named:
        return Path(named)
    from isolation_audit.config import find_config, load_config

    found = find_config()
    directory = None if found is None else load_config(found).report.directory
    if directory is None:
        raise UsageError(
            "name the folder of a report, as in: isolation-audit show DIR; `isolation-audit run --report DIR` writes it"
        )
    return Path(directory)


def _complete(report: Report) -> Report:
    """The report, once everything that is shown of it has been seen to be there."""
    paint = Painter("never")
    for finding in report["findings"]:
        render_finding(finding, paint)
    render_summary(report, paint)
    return report


def _users(finding: dict[str, Any]) -> set[str]:
    """All that the finding calls its users by."""
    users = {label for label in finding["witnesses"].values() if label is not None}
    return users | {pair[side] for pair in finding.get("pairs", ()) for side in ("ambient", "other")}
