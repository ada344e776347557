"""The latest unit of work of each user: where data of theirs was last seen coming in, for whoever asks later."""

from __future__ import annotations

from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_EXITS: Final = 2_000
"""Pairs of a route and a verdict that are counted."""

NOWHERE: Final = "outside of routes"

_KIND: Final = attrgetter("kind")


class Seen(NamedTuple):
    """One unit that is over: when it ended, what it answered, and which kinds of inputs it had."""

    ended: float
    route: str | None
    method: str | None
    kinds: tuple[str, ...]

    def as_dict(self, user: str) -> dict[str, Any]:
        """JSON form, with the user's label."""
        since = round(monotonic() - self.ended, 1)
        return {"user": user, "route": self.route, "method": self.method, "inputs": list(self.kinds), "before": since}


class LatestUnits:
    """One audit's; holds nothing of the application's."""

    def __init__(self, runtime: Runtime) -> None:
        self._latest: dict[str, Seen] = {}
        self._most = runtime.config.limits.users
        self._exits = runtime.tally.exits

    def ended(self, user: User, endpoint: Any, inputs: Inputs) -> None:
        """A unit of work is over."""
        kinds = tuple(dict.fromkeys(map(_KIND, inputs.kept)))
        route, method = (None, None) if endpoint is None else (endpoint.route, endpoint.method)
        self._latest.pop(user.id, None)
        self._latest[user.id] = Seen(monotonic(), route, method, kinds)
        if len(self._latest) > self._most:
            self._latest.pop(next(iter(self._latest), ""), None)

    def of(self, user: User) -> Seen | None:
        """The latest unit of a user that has ended."""
        return self._latest.get(user.id)

    def judged(self, endpoint: Any, verdict: str) -> None:
        """Count what was decided of an exit that names somebody else."""
        route = None if endpoint is None else endpoint.route
        asked = NOWHERE if route is None else f"{endpoint.method or ''} {route}".strip()
        if (asked, verdict) in self._exits or len(self._exits) < _EXITS:
            self._exits[asked, verdict] += 1
