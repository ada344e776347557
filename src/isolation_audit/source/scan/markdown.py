"""Markdown to paste into an issue: counts, then each file with its lines."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from isolation_audit.analysis.texts import printable

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


def cell(text: str) -> str:
    """A text for a cell of a table, shown as it is."""
    return plain(text).replace("|", "\\|")


def plain(text: str) -> str:
    """A text shown as it is, not as markup, on one line."""
    # Names of files and reasons are shown as they are; underscores in names of Python are left alone.
    text = " ".join(printable(text).split())
    for mark in "\\`*<[&~$":
        text = text.replace(mark, "\\" + mark)
    return text
