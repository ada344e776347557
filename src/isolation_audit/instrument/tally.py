"""What one audit counts: calls, events, engines, runs, and how long things took."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isolation_audit.foundation.records import record
from isolation_audit.instrument.cells import Cells
from isolation_audit.model.owner_tags import drop_oldest

if TYPE_CHECKING:
    from isolation_audit.model.users import User

USERS: Final = 10_000
"""Users whose events are counted for each: the latest that came."""

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Upper limits in seconds, each included in its bucket; what takes longer is in none of them."""


_Key = TypeVar("_Key")


class Counts(Counter[_Key]):
    """A counter whose ``+= 1`` is as fast as a plain dict's.

    ``Counter`` writes ``__delitem__`` in Python, and with it CPython looks for ``__setitem__`` at each assignment.
    """

    __delitem__ = dict.__delitem__  # type: ignore[assignment]


class Histogram:
    """Durations counted by bucket. ``+= 1`` on a list's item runs without a switch of threads, so there is no lock."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    @property
    def seen(self) -> int:
        """How many durations there were."""
        return sum(self._counts)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        bucket = bisect_left(BUCKETS, seconds)
        self._counts[bucket] += 1
        self._sum += seconds

    def clear(self) -> None:
        """Start again from nothing."""
        self.__init__()  # type: ignore[misc]

    def as_dict(self) -> dict[str, Any]:
        """JSON form; a bucket holds all that took at most so many seconds, so that processes' buckets add up."""
        buckets: dict[str, int] = {}
        count = 0
        for limit, number in zip(BUCKETS, self._counts, strict=False):
            count += number
            buckets[f"{limit:g}"] = count
        return {"count": count + self._counts[-1], "sum": round(self._sum, 6), "buckets": buckets}


@record
class Tally:
    """Counters of clean and unclean calls alike.

    ``+= 1`` on a dict of str keys runs without a switch of threads in CPython's GIL builds, so no lock is needed.
    """

    events_so_far: Counter[str] = field(default_factory=Counts)
    """Distinct events by the layer at which they were first seen.

    As all counters ``so_far``, it is without what compiled hooks have counted since the counter was last read.
    """
    passages_so_far: Counter[str] = field(default_factory=Counts)
    """Instrumented layers passed, by layer."""
    unverified: int = 0
    """Events whose only known witness had nothing to be compared with."""
    built_so_far: Counter[str] = field(default_factory=Counts)
    """Engines built, by target."""
    deprecated: Counter[str] = field(default_factory=Counts)
    """Deprecated engines built, by target."""
    seen_so_far: Counter[str] = field(default_factory=Counts)
    """Calls of any kind, by target."""
    crossings: int = 0
    """Deliveries of events, responses and results to a wrong user; for events see ``Emission.crossed``."""
    crossings_by_rule: Counter[str] = field(default_factory=Counts)
    """The same by the rule that has seen each."""
    scopes: int = 0
    requests: int = 0
    """Requests and connections of which integrations saw the beginning."""
    requests_named: int = 0
    """Those of them whose user became known."""
    messages: int = 0
    """What came on connections that last, and what handlers of events were called for."""
    messages_named: int = 0
    """Those of them whose user was known."""
    jobs: int = 0
    """What workers and schedulers have run."""
    jobs_named: int = 0
    """Those of them whose user was known."""
    users_by_source: Counter[str] = field(default_factory=Counts)
    """Requests whose user a source has told, by source; scopes outside of requests count as well."""
    users_disagreed: int = 0
    """Requests in which a source named another user than the application itself."""
    exits: Counter[tuple[str, str]] = field(default_factory=Counts)
    """What was decided of exits that name another user, by route and verdict."""
    undelivered: int = 0
    """Events of which a layer said, or hid, that they did not arrive."""
    followed: int = 0
    """Events whose delivery is followed, because a protocol is declared."""
    payloads_truncated: int = 0
    """Payloads that were not searched to their end."""
    entries_evicted: int = 0
    """Entries of caches whose writer was forgotten, and what was forgotten of pooled connections."""
    first_event: Histogram = field(default_factory=Histogram)
    run: Histogram = field(default_factory=Histogram)
    cleanup: Histogram = field(default_factory=Histogram)
    events_of: Counter[User] = field(default_factory=Counts)
    """Distinct events by the user whose they are."""
    undelivered_of: Counter[User] = field(default_factory=Counts)
    """Those of them that did not arrive."""
    users_at_once: int = 0
    """The highest number of users with a run at the same time."""
    cells: Cells = field(default_factory=Cells)
    """The clean calls of compiled hooks."""

    @property
    def seen(self) -> Counter[str]:
        """Calls of any kind, by target."""
        self.cells.sum_up()
        return self.seen_so_far

    @property
    def events(self) -> Counter[str]:
        """Distinct events by the layer at which they were first seen."""
        self.cells.sum_up()
        return self.events_so_far

    @property
    def passages(self) -> Counter[str]:
        """Instrumented layers passed, by layer."""
        self.cells.sum_up()
        return self.passages_so_far

    @property
    def built(self) -> Counter[str]:
        """Engines built, by target."""
        self.cells.sum_up()
        return self.built_so_far

    @staticmethod
    def count_user(counts: Counter[User], user: User | None) -> None:
        """One more of a user's; where the table is full, the user who came first is forgotten for a new one."""
        if user is not None:
            counts[user] += 1
            drop_oldest(counts, USERS)

    def clear(self) -> None:
        """Count from nothing again, in place: instrumented points hold the counters themselves, not the tally."""
        self.cells.sum_up()
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, (Counter, Histogram)):
                value.clear()
            elif not isinstance(value, Cells):
                setattr(self, name, 0)

    def activity(self) -> tuple[float, ...]:
        """Figures of which at least one is another as soon as anything was counted: cheap, and of no other use."""
        self.cells.sum_up()
        return tuple([_activity(getattr(self, name)) for name in self.__match_args__])

    def exits_by_route(self) -> dict[str, dict[str, int]]:
        """The same by route alone."""
        made: dict[str, dict[str, int]] = {}
        for (route, verdict), count in list(self.exits.items()):
            made.setdefault(route, {})[verdict] = count
        return made


def _activity(value: Any) -> float:
    if isinstance(value, Histogram):
        return value.seen
    return sum(value.values()) if isinstance(value, Counter) else value
