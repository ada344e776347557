"""A report as Markdown to paste into an issue: the verdict, the findings in a table, and the first of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.coverage.lines import coverage_lines
from isolation_audit.exporters.terminal import address, shorten, times
from isolation_audit.formats.markdown import cell, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.exporters.report import Report

_DETAILED: Final = 20
_LISTED: Final = 200
"""An issue has a limit on its length."""


def as_markdown(report: Report) -> str:
    """The whole document."""
    findings = report["findings"]
    lines = ["# Isolation report", ""]
    lines += [f"- {plain(line)}" for line in coverage_lines(report)]
    summary = report["summary"]
    lines += [f"- {summary.get('crossing_events', 0)} crossings in {summary.get('events_total', 0)} events", ""]
    if not findings:
        return "\n".join([*lines, "No findings in what was seen."]) + "\n"
    lines += ["| severity | rule | times | finding |", "|---|---|---:|---|"]
    lines += [
        f"| {cell(one['severity'])} | {cell(one['rule'])} | {one['count']:d} | {cell(one['message'])} |"
        for one in findings[:_LISTED]
    ]
    if len(findings) > _LISTED:
        lines += ["", f"{len(findings) - _LISTED} further findings are left out."]
    for finding in findings[:_DETAILED]:
        lines += ["", *_detail(finding)]
    if len(findings) > _DETAILED:
        lines += ["", f"The first {_DETAILED} findings are told in full."]
    return "\n".join(lines) + "\n"


def _detail(finding: dict[str, Any]) -> Iterator[str]:
    yield f"## {plain(finding['rule'])}: {plain(finding['message'])}"
    yield ""
    yield f"- seen {times(finding['count'])}"
    for title, site in (("where", finding["site"]), ("from", finding["origin"])):
        if site is not None:
            where = f"{shorten(site['file'])}:{site['line']:d} in {site['function']}"
            yield f"- {title}: {plain(where)} ({plain(site['label'])})"
    if address(finding):
        yield f"- request: {plain(address(finding))}"
    known = [f"{name} {label}" for name, label in finding["witnesses"].items() if label is not None]
    if known:
        yield f"- witnesses: {plain(', '.join(known))}"
    yield f"- what to do: {plain(finding['help'])}"
    yield f"- fingerprint: {plain(finding['fingerprint'])}"
