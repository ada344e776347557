"""A rule's page in Markdown, from the words and examples in its detector; docs/rules/ is generated with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.detectors import all_rules

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.rules import Rule


def rule_page(rule: Rule) -> str:
    """The page of one rule."""
    example = rule.example
    sections = [
        f"# {rule.code}: {rule.name}\n\nSeverity: **{rule.severity}**",
        f"## What it detects\n\n{rule.summary}",
        f"## Why it matters\n\n{rule.why}",
        f"## Bad\n\nWith this configuration:\n\n```toml\n{example.config.strip()}\n```",
        f"this module `app` is reported:\n\n```python\n{example.bad.strip()}\n```",
        f"## Good\n\n```python\n{example.good.strip()}\n```",
        f"## What to do\n\n{rule.help[0].upper()}{rule.help[1:]}.",
    ]
    if rule.options:
        sections.append(f"## Options\n\n{rule.options}")
    sections.append(
        "## Signals\n\n"
        f"- terminal and `report.json`: `{rule.code}`\n"
        f'- Prometheus: `isolation_audit_findings_total{{rule="{rule.code}"}}`\n'
        f"- OTLP: log record `isolation_audit.finding` with `isolation_audit.rule` = `{rule.code}`"
    )
    return "\n\n".join(sections) + "\n"


def write_pages(directory: Path) -> None:
    """Write every rule's page, and an index of them, into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    index = [
        "# Rules",
        "",
        "Generated from the detectors by `make docs`.",
        "",
        "| code | severity | detects |",
        "|---|---|---|",
    ]
    for rule in all_rules().values():
        (directory / f"{rule.code}.md").write_text(rule_page(rule), encoding="utf-8")
        index.append(f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.summary} |")
    (directory / "README.md").write_text("\n".join(index) + "\n", encoding="utf-8")
