"""What a test session says of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.exporters.terminal import Painter, render_finding, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.recording.recorder import Entry

_NAMED = 5
"""Tests that one line names."""


def told(entries: list[Entry]) -> str:
    """The findings in full."""
    paint = Painter("never")
    return "\n\n".join(render_finding(entry.as_dict(), paint) for entry in entries)


def in_short(entries: list[Entry]) -> str:
    """The first finding's rule and place; pytest's line of a failed test shows no more than this."""
    first = entries[0].finding
    where = first.target or "an unknown place"
    if first.site is not None:
        where = f"{shorten(first.site.top.file)}:{first.site.top.line} in {first.site.top.function}"
    more = len(entries) - 1
    return f"{first.rule} at {where}" + (f" and {more} more finding{'s' if more > 1 else ''}" if more else "")


def whose(tests: Sequence[str]) -> str:
    """Why the session fails for a finding that failed no test."""
    if not tests:
        return "outside of every test, so the session fails:"
    several = sorted(set(tests))
    more = f" and {len(several) - _NAMED} more" if len(several) > _NAMED else ""
    names = ", ".join(several[:_NAMED]) + more
    return f"after the report of {names}, in what that test had started, so the session fails:"
