"""Markdown to paste into an issue: counts, then each file with its lines."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from isolation_audit.formats.markdown import cell, plain

if TYPE_CHECKING:
    from isolation_audit.source.scan.outcome import Outcome

_LONGEST = 200
"""Files that are listed; an issue has a limit on its length."""


def as_markdown(outcome: Outcome) -> str:
    """The outcome as a document with a table for each kind of count."""
    counts = outcome.counts()
    about = outcome.report()["summary"]["source"]
    files = {one.file for one in outcome.references}
    lines = [
        "# Deprecated references",
        "",
        f"{len(outcome.references)} findings in {len(files)} of {about['files']} files.",
    ]
    for title, counted in counts.items():
        if counted and set(counted) != {"-"}:
            lines += ["", f"| {title} | findings |", "|---|---:|"]
            lines += [f"| {cell(name)} | {number} |" for name, number in counted.items()]
    for number, (file, found) in enumerate(groupby(outcome.references, key=lambda one: one.file)):
        if number == _LONGEST:
            lines += ["", f"{len(files) - _LONGEST} further files are left out."]
            break
        lines += ["", f"## {plain(file)}", ""]
        lines += [f"- line {one.line}: **{one.rule}** {plain(one.message)}; {plain(one.help)}" for one in found]
    return "\n".join(lines) + "\n"
