"""Time from left to right, a lane for each rule or layer: when findings were seen, and how the events of a run came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exporters.values import moment, seconds, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH: Final = 1000
HEAD: Final = 190
_LANE: Final = 30
_LANES: Final = 24
_MARKS: Final = 400
_MARGIN: Final = 12
_BRIEF: Final = 100.0
"""Seconds: of less, the end of the axis tells how much later it is."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something in a lane: a bar from ``x`` on, or a dot where it took no time."""

    x: float
    width: float
    kind: str
    """What it is drawn as: error, warning, note, or event."""
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the picture."""

    name: str
    middle: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """The picture, and how to read it."""

    title: str
    words: str
    lanes: tuple[Lane, ...]
    first: str
    last: str
    left_out: int
    """Marks and lanes that had no room."""
    width: int = WIDTH
    head: int = HEAD

    @property
    def height(self) -> int:
        """Units of the picture."""
        return len(self.lanes) * _LANE + 34


def lanes(
    title: str, words: str, marks: Sequence[tuple[str, float, float, str, str]], *, head: int = HEAD
) -> Lanes | None:
    """A picture of marks: lane, begin and end in seconds, kind, title. None where nothing has a time.

    ``head`` is the room for the names of lanes.
    """
    known = [mark for mark in marks if mark[1] and mark[2]]
    if not known:
        return None
    begin, end = min(mark[1] for mark in known), max(mark[2] for mark in known)
    room = WIDTH - head - 2 * _MARGIN
    scale = room / (end - begin) if end > begin else 0.0
    names = list(dict.fromkeys(mark[0] for mark in known))
    shown = {name: [mark for mark in known if mark[0] == name] for name in names[:_LANES]}
    drawn = tuple(
        [
            Lane(
                name,
                number * _LANE + _LANE // 2,
                tuple(
                    [
                        Mark(
                            round(head + _MARGIN + (one[1] - begin) * scale, 1),
                            round((max(one[2], one[1]) - one[1]) * scale, 1),
                            *one[3:],
                        )
                        for one in found[:_MARKS]
                    ]
                ),
            )
            for number, (name, found) in enumerate(shown.items())
        ]
    )
    left_out = len(known) - sum(len(lane.marks) for lane in drawn)
    ends = (moment(begin), moment(end) if end - begin >= _BRIEF else f"{end - begin:.3f} s later")
    return Lanes(title, words, drawn, *ends, left_out, head=head)


def finding_lanes(findings: Iterable[dict[str, Any]]) -> Lanes | None:
    """When each finding was seen first and last, a lane a rule."""
    marks = [
        (
            text(one["rule"]),
            seconds(one["first_seen"]),
            seconds(one["last_seen"]),
            text(one["severity"]),
            f"{text(one['message'])}, {one['count']:,} times",
        )
        for one in findings
    ]
    return lanes("When it was seen", "From the first to the last occurrence of each finding, a lane a rule.", marks)
