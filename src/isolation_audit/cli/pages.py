"""A rule's page in Markdown, from the words and examples in its monitor; docs/rules/ is generated with it."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

from isolation_audit.cli.catalogue import all_rules
from isolation_audit.model.rules import SourceExample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from isolation_audit.model.rules import Example, Rule

_AT_RUN_TIME = (
    "terminal and `report.json`: `CODE`",
    'Prometheus: `isolation_audit_findings_total{rule="CODE"}`',
    "OTLP: log record `isolation_audit.finding` with `isolation_audit.rule` = `CODE`",
)
_OF_THE_SOURCE = ("`isolation-audit scan`, as text, JSON, SARIF and Markdown: `CODE`",)


def rule_page(rule: Rule) -> str:
    """The page of one rule."""
    sections = [
        f"# {rule.code}: {rule.name}\n\nSeverity: **{rule.severity}**",
        f"## What it detects\n\n{rule.summary}",
        f"## Why it matters\n\n{rule.why}",
        f"## Bad\n\nWith this configuration:\n\n```toml\n{rule.example.config.strip()}\n```",
        *_examples(rule.example),
        f"## What to do\n\n{rule.help[0].upper()}{rule.help[1:]}.",
    ]
    if rule.options:
        sections.append(f"## Options\n\n{rule.options}")
    signals = _OF_THE_SOURCE if isinstance(rule.example, SourceExample) else _AT_RUN_TIME
    sections.append("## Signals\n\n" + "\n".join(f"- {signal}" for signal in signals).replace("CODE", rule.code))
    return "\n\n".join(sections) + "\n"


def _examples(example: Example | SourceExample) -> Iterator[str]:
    if isinstance(example, SourceExample):
        yield "this tree is reported:"
        yield from _tree(example.bad)
        yield "## Good"
        yield from _tree(example.good)
    else:
        yield f"this module `app` is reported:\n\n```python\n{example.bad.strip()}\n```"
        yield f"## Good\n\n```python\n{example.good.strip()}\n```"


def _tree(files: Mapping[str, str]) -> Iterator[str]:
    for name, text in files.items():
        kind = "markdown" if name.endswith(".md") else "text" if "<<<<<<<" in text or _is_broken(text) else "python"
        fence = "````" if "```" in text else "```"
        yield f"`{name}`" + (f":\n\n{fence}{kind}\n{text.strip()}\n{fence}" if text.strip() else " (empty)")


def _is_broken(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return True
    return False


def write_schema(file: Path) -> None:
    """Write the JSON Schema of the configuration into ``file``."""
    from isolation_audit.config.schema import config_schema

    file.write_text(json.dumps(config_schema(), indent=1) + "\n", encoding="utf-8")


def write_reference(directory: Path) -> None:
    """Renew the tables of options, figures and metrics in the pages of ``directory``, docs/reference."""
    from isolation_audit.config.reference import with_options
    from isolation_audit.exporters.reference import with_figures, with_metrics

    for name, renewed in (
        ("configuration.md", with_options),
        ("report.md", with_figures),
        ("metrics.md", with_metrics),
    ):
        page = directory / name
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


def write_pages(directory: Path) -> None:
    """Write every rule's page, and an index of them, into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    index = [
        "# Rules",
        "",
        "Generated from the monitors and from the rules of the scan by `make docs`.",
        "",
        "| code | severity | detects |",
        "|---|---|---|",
    ]
    for rule in all_rules().values():
        (directory / f"{rule.code}.md").write_text(rule_page(rule), encoding="utf-8")
        index.append(f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.summary} |")
    (directory / "README.md").write_text("\n".join(index) + "\n", encoding="utf-8")
