"""The runs in which users met, each as a picture: its events by layer, and the moments of the crossings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exporters.lanes import Lanes, lanes
from isolation_audit.exporters.values import moment, seconds
from isolation_audit.investigate.questions import Wanted, crossings_of, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

_RUNS: Final = 12
"""Those in which it happened first."""

_LINES: Final = 300
"""Events and crossings of one run."""


def runs(journal: Any, wanted: Wanted) -> tuple[Lanes, ...]:
    """The pictures; a piece of work outside of any run is one by itself."""
    crossings = crossings_of(journal, wanted)
    crossings = crossings.mutate(work=crossings.run.coalesce(crossings.unit))
    known = crossings.filter(crossings.work.notnull())
    works = rows(known.group_by("work").aggregate(first=known["at"].min()).order_by("first").limit(_RUNS))
    events = journal.filter(journal.kind == "event")
    events = events.mutate(work=events.run.coalesce(events.unit))
    drawn = [_picture(one["work"], known, events) for one in works]
    return tuple([picture for picture in drawn if picture is not None])


def _picture(work: str, crossings: Any, events: Any) -> Lanes | None:
    sent = rows(events.filter(events.work == work).order_by("at").limit(_LINES))
    met = rows(crossings.filter(crossings.work == work).order_by("at").limit(_LINES))
    user = next((one["user"] for one in sent if one["user"]), met[0]["sender"] if met else "")
    words = "Its events by the layer at which they were first seen, and whom it met."
    return lanes(f"{work}, the work of {user}", words, [*_marks(sent), *_meetings(met)])


def _marks(events: Iterable[dict[str, Any]]) -> list[tuple[str, float, float, str, str]]:
    return [
        (one["layer"] or "event", at, at, "event", f"{one['event']}, {moment(at)}")
        for one in events
        if (at := seconds(one["at"]))
    ]


def _meetings(crossings: Iterable[dict[str, Any]]) -> list[tuple[str, float, float, str, str]]:
    return [
        (
            f"met {one['receiver']}",
            at,
            at,
            one["severity"] if one["severity"] in ("error", "warning") else "note",
            f"{one['rule']} {one['event'] or ''} {moment(at)}",
        )
        for one in crossings
        if (at := seconds(one["at"]))
    ]
