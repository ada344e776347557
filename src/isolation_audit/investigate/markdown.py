"""The answers as Markdown, for the report of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.exporters.values import moment
from isolation_audit.formats.markdown import cell, plain

if TYPE_CHECKING:
    from isolation_audit.investigate.answers import Answers

_MOST: Final = 200
"""Rows of a table; a ticket has a limit on its length."""


def as_markdown(answers: Answers) -> str:
    """The whole document."""
    lines = ["# Who could have seen whose data", "", headline(answers)]
    doubts = [f"- {plain(doubt)}" for doubt in answers.doubts()]
    lines += ["", *doubts] if doubts else []
    if answers.exposures:
        lines += ["", "## Users", "", "| data of | could be seen by | times | from | until | first in |"]
        lines += ["|---|---|---:|---|---|---|"]
        lines += [
            f"| {cell(one.sender)} | {cell(one.receiver)} | {one.times} | {moment(one.first)} | {moment(one.last)} | "
            f"{cell(one.first_run or one.first_trace or 'unknown')} |"
            for one in answers.exposures[:_MOST]
        ]
        lines += _more(len(answers.exposures))
        lines += ["", "## Ways", "", "| rule | way | place | times | pairs | from | first in | fingerprint |"]
        lines += ["|---|---|---|---:|---:|---|---|---|"]
        lines += [
            f"| {cell(one.rule)} | {cell(way(one.route, one.target, one.event))} | {cell(one.place or 'unknown')} | "
            f"{one.times} | {one.pairs} | {moment(one.first)} | {cell(one.first_run or 'unknown')} | "
            f"{cell(one.fingerprint)} |"
            for one in answers.paths[:_MOST]
        ]
        lines += _more(len(answers.paths))
    lines += ["", "## What was read", "", "| host | process | lines | missing | from | until |"]
    lines += ["|---|---:|---:|---:|---|---|"]
    lines += [
        f"| {cell(one.host or 'unknown')} | {one.pid or 'unknown'} | {one.lines} | {one.missing + one.lost} | "
        f"{moment(one.first)} | {moment(one.last)} |"
        for one in answers.workers[:_MOST]
    ]
    lines += _more(len(answers.workers))
    return "\n".join(lines) + "\n"


def headline(answers: Answers) -> str:
    """The answer in one sentence."""
    if not answers.exposures:
        return "No user is known to have met another one's data, in what these journals have."
    first, last = (
        pick(getattr(one, name) for one in answers.exposures) for pick, name in ((min, "first"), (max, "last"))
    )
    return (
        f"Data of {answers.senders:,} user(s) could have been seen by {answers.receivers:,} user(s), "
        f"{sum(one.times for one in answers.exposures):,} times, from {moment(first)} until {moment(last)}, in "
        f"{len(answers.paths):,} way(s)."
    )


def way(route: str | None, target: str | None, event: str | None) -> str:
    """By what the data went: the request, the target, the event, as far as they are known."""
    return ", ".join(filter(None, (route, target, event and f"event {event}"))) or "unknown"


def _more(rows: int) -> list[str]:
    return ["", f"{rows - _MOST:,} more are left out."] if rows > _MOST else []
