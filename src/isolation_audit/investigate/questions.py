"""The questions, as expressions that ibis turns into the SQL of whatever engine has the lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from isolation_audit.analysis.texts import harmless
from isolation_audit.investigate.answers import Answers, DataPath, Exposure, Mark, Worker

MOST: Final = 100_000
"""Rows that a question gives back at most."""

_MARKS: Final = 5_000

_LONGEST: Final = 1_000
"""Characters of a text; ours have a quarter of that, names of files apart."""

_HIGHEST: Final = 10.0**15
"""Seconds since 1970: what is more is no time, and neither is infinity, which JSON does not have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which crossings are asked for; None is all."""

    user: str | None = None
    rule: str | None = None
    severity: str | None = None
    since: float | None = None
    until: float | None = None


def ask(journal: Any, wanted: Wanted, damaged: int = 0) -> Answers:
    """Put all questions to a table of lines."""
    timeless = journal.filter(journal["at"].notnull(), ~_is_time(journal["at"]))
    journal = journal.filter(_is_time(journal["at"]))
    damaged += sum(row["lines"] for row in rows(timeless.aggregate(lines=timeless.count())))
    crossings = crossings_of(journal, wanted)
    return Answers(
        tuple(_exposures(crossings, journal)),
        tuple([DataPath(**row) for row in rows(_paths(crossings))]),
        tuple(_workers(journal)),
        tuple([Mark(**row) for row in rows(_marks(crossings))]),
        damaged,
    )


def crossings_of(journal: Any, wanted: Wanted) -> Any:
    """The crossings that are asked for."""
    found = journal.filter(
        journal.kind == "crossing",
        journal.sender.notnull(),
        journal.receiver.notnull(),
        _is_time(journal["at"]),
        journal.fingerprint.notnull(),
        journal.worker.notnull(),
        journal.seq.notnull(),
    ).distinct(on=["worker", "seq"], keep="first")  # a journal and its copy, both given
    found = found.mutate(rule=found.rule.fill_null("unknown"), severity=found.severity.fill_null("error"))
    if wanted.user is not None:
        found = found.filter((found.sender == wanted.user) | (found.receiver == wanted.user))
    if wanted.rule is not None:
        found = found.filter(found.rule.startswith(wanted.rule))
    if wanted.severity is not None:
        found = found.filter(found.severity == wanted.severity)
    if wanted.since is not None:
        found = found.filter(found["at"] >= wanted.since)
    if wanted.until is not None:
        found = found.filter(found["at"] <= wanted.until)
    return found


def _exposures(crossings: Any, journal: Any) -> list[Exposure]:
    at = crossings["at"]
    pairs = crossings.group_by("sender", "receiver").aggregate(
        times=crossings.count(),
        first=at.min(),
        last=at.max(),
        first_run=crossings.run.argmin(at),
        first_trace=crossings.trace.argmin(at),
    )
    events = journal.filter(journal.kind == "event")
    works = crossings.filter(crossings.unit.notnull()).select("sender", "receiver", "unit").distinct()
    in_work = events.group_by("unit").aggregate(events=events.count())
    joined = works.inner_join(in_work, "unit")
    shared = joined.group_by("sender", "receiver").aggregate(events=joined.events.sum())
    counts = {(row["sender"], row["receiver"]): int(row["events"]) for row in rows(shared)}
    there = bool(rows(events.limit(1).select("kind")))
    return [
        Exposure(**row, events=counts.get((row["sender"], row["receiver"]), 0) if there else None)
        for row in rows(pairs.order_by("first", "sender", "receiver"))
    ]


def _paths(crossings: Any) -> Any:
    at = crossings["at"]
    first = {name: crossings[name].argmin(at) for name in ("rule", "severity", "target", "event", "route", "place")}
    pair = crossings.sender.concat("\n", crossings.receiver)
    return (
        crossings.group_by("fingerprint")
        .aggregate(
            **first,
            times=crossings.count(),
            pairs=pair.nunique(),
            first=at.min(),
            last=at.max(),
            first_run=crossings.run.argmin(at),
        )
        .order_by("first", "fingerprint")
    )


def _marks(crossings: Any) -> Any:
    return crossings.order_by("at").limit(_MARKS).select("sender", "receiver", "at", "severity", "rule")


def _workers(journal: Any) -> list[Worker]:
    known = journal.filter(journal.worker.notnull(), journal.seq.notnull())
    at = known["at"]
    of_start, of_lost = known.kind == "start", known.kind == "lost"
    found = known.group_by("worker").aggregate(
        host=known.host.max(where=of_start),
        pid=known.pid.max(where=of_start),
        key=known["key"].max(where=of_start),
        lines=known.count(),
        lowest=known.seq.min(),
        highest=known.seq.max(),
        lost=known.records.sum(where=of_lost),
        clock_steps=(known.kind == "clock").sum(),
        first=at.min(),
        last=at.max(),
    )
    return [
        Worker(
            missing=max(0, row.pop("highest") - row.pop("lowest") + 1 - row["lines"]),
            **{**row, "lost": int(row["lost"] or 0), "clock_steps": int(row["clock_steps"] or 0)},
        )
        for row in rows(found.order_by("first", "worker"))
    ]


def rows(question: Any) -> list[dict[str, Any]]:
    """What an expression gives, with its texts as they may be shown."""
    found = question.limit(MOST).to_pyarrow().to_pylist()
    return [{name: harmless(_cut(value)) for name, value in row.items()} for row in found]


def _is_time(at: Any) -> Any:
    """Whether a number may be seconds since 1970; none is, and no NaN, in any engine's order of numbers."""
    return (at >= 0) & (at <= _HIGHEST) & at.notnull()


def _cut(value: Any) -> Any:
    """The beginning of a long text: journals from elsewhere may have megabytes in one."""
    if type(value) is not str or len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}... ({len(value):,} characters)"
