"""``gate``: may this deployment go on? The signal to roll back is the exit code, and a webhook."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from isolation_audit.cli.reports import read_report
from isolation_audit.coverage.lines import headline
from isolation_audit.exceptions import UsageError
from isolation_audit.gate import judging as gates


@click.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path))
@click.option("--prometheus", metavar="URL", help="Ask a Prometheus server instead of reading reports.")
@click.option("--window", default="5m", show_default=True, help="With --prometheus: how far to look back.")
@click.option("--match", default="", metavar="LABELS", help="""With --prometheus: whose series, as in 'job="chat"'.""")
@click.option("--limit", "limits", multiple=True, metavar="FIGURE=N", help="How many are allowed; may be repeated.")
@click.option(
    "--webhook", metavar="URL", envvar="ISOLATION_AUDIT_WEBHOOK", help="Where a closed gate is posted to, as JSON."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def gate(
    reports: tuple[Path, ...],
    prometheus: str | None,
    window: str,
    match: str,
    limits: tuple[str, ...],
    webhook: str | None,
    *,
    as_json: bool,
) -> None:
    """Exit 1, with the reasons, if what was audited must not go on.

    REPORTS are report.json files, or folders with one or with the parts of a run that goes on; several are added up.
    FIGURE is work or events (the least), blind, partly-blind, errors, warnings, crossings, deprecated, missing, faults,
    dropped, or the code of a rule.
    """
    if bool(reports) == bool(prometheus):
        raise UsageError("name either reports or --prometheus URL")
    for option, url in (("--prometheus", prometheus), ("--webhook", webhook)):
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise UsageError(f"{option} takes the address of an HTTP server, such as http://127.0.0.1:9090")
    allowed = gates.LIMITS | dict(map(_limit, limits))
    measured: dict[str, int | None]
    coverage: list[str] = []
    if prometheus:
        if not re.fullmatch(r"(\d+(ms|[smhdwy]))+", window):
            raise UsageError(f"--window is a duration such as 90s or 5m, not {window!r}")
        measured = gates.of_prometheus(prometheus, window, match, allowed)
    else:
        read = [
            read_report(path, lambda report: (gates.of_report(report), headline(report["coverage"])))
            for path in reports
        ]
        measured = {figure: sum(one.get(figure, 0) for one, _ in read) for figure in allowed}
        coverage = [line for _, line in read]
    reasons = gates.judge(measured, allowed)
    verdict = {
        "schema": 1,
        "open": not reasons,
        "coverage": coverage,
        "figures": measured,
        "limits": allowed,
        "reasons": [reason.as_dict() for reason in reasons],
    }
    _tell(verdict, reasons, as_json=as_json)
    if reasons and webhook:
        trouble = gates.call(webhook, verdict)
        if trouble:
            click.echo(f"isolation-audit: the webhook was not told: {trouble}", err=True)
    sys.exit(1 if reasons else 0)


def _limit(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not gates.is_figure(name) or not number.isdecimal():
        raise UsageError(f"--limit takes FIGURE=N, such as errors=0 or IA701=5, not {text!r}")
    return name, int(number)


def _tell(verdict: dict[str, Any], reasons: list[gates.Reason], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(verdict, indent=1))
        return
    click.echo("the gate is closed:" if reasons else "the gate is open")
    for line in verdict["coverage"]:
        click.echo(f"  coverage: {line}")
    for reason in reasons:
        click.echo(f"  {reason}")
