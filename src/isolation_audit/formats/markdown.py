"""Texts of others in Markdown, shown as they are."""

from __future__ import annotations

from isolation_audit.analysis.texts import printable


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
