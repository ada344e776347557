"""``rules``: what the auditor can report, as a list or one rule's page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from isolation_audit.model.rules import Rule

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@click.command()
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def rules(code: str | None, *, as_json: bool) -> None:
    """List all rules, or show the page of the rule CODE."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from isolation_audit.cli.catalogue import all_rules
    from isolation_audit.cli.pages import rule_page

    known = all_rules()
    if code is not None:
        rule = known.get(code.upper())
        if rule is None:
            raise UsageError(f"no rule {code!r}; the codes are {', '.join(known)}")
        if as_json:
            click.echo(json.dumps(_as_dict(rule), indent=1))
        else:
            Console().print(Markdown(rule_page(rule)))
        return
    if as_json:
        click.echo(json.dumps([_as_dict(rule) for rule in known.values()], indent=1))
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for rule in known.values():
        severity = Text(rule.severity, style=_STYLES[rule.severity])
        table.add_row(Text(rule.code, style="bold"), severity, f"{rule.name}\n[dim]{escape(rule.summary)}[/]")
    console = Console(highlight=False)
    console.print(table)
    console.print("\nisolation-audit rules CODE shows one of them with examples.")


def _as_dict(rule: Rule) -> dict[str, str]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": rule.summary,
        "why": rule.why,
        "help": rule.help,
        "options": rule.options,
    }
