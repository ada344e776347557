"""What came out of a load."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


class LoadError(Exception):
    """The load could not be driven to its end: the message says what was waited for, or what went wrong."""


@dataclass(frozen=True)
class UserResult:
    """What one user saw; ``own_received_elsewhere`` counts its events that landed at other users."""

    user_id: str
    marker: str
    received: int
    foreign: int
    own_received_elsewhere: int


@dataclass(frozen=True)
class LoadResult:
    """What all users saw; ``transcripts`` has the raw frames of each user, in order.

    ``seconds`` is the time from the first question to the last event, without log-in and connecting.
    """

    users: int
    questions: int
    seed: int
    events_total: int
    foreign_events: int
    seconds: float = field(compare=False)
    per_user: tuple[UserResult, ...]
    transcripts: dict[str, list[str]] = field(repr=False)

    def to_json(self, *, transcripts: bool = False) -> dict[str, Any]:
        """Return the result as JSON data, with the transcripts only if asked for."""
        data = asdict(self)
        if not transcripts:
            del data["transcripts"]
        return data
