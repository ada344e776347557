"""Service levels: how long runs, their first events and clean-ups take, and how many users are at work at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.tracking.observations import Slow
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Config
    from isolation_audit.instrument.tally import Tally
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

LEVELS: Final = ("first_event", "run", "cleanup")

_SYSTEM: Final = Kind.SYSTEM
_RUN_ID: Final = "run_id"


class Work:
    """One run: a user's outermost scope, or that of a run id; the scopes in it share it. Times are monotonic."""

    __slots__ = ("answered", "around", "ended", "origin", "run", "started", "target", "user")

    def __init__(self, user: User, run: str | None, scope: Scope) -> None:
        self.user = user
        self.run = run
        self.target = scope.target
        self.origin = scope.origin
        self.answered = False
        """True once its first event has come."""
        self.around = False
        """True once runs have begun in it: it is what surrounds them (a connection, say), and none itself."""
        self.ended = False
        self.started = time.monotonic()


class ServiceLevels:
    """Measures always, and publishes what breaks a limit."""

    def __init__(self, config: Config, tally: Tally, publish: Callable[[object], None]) -> None:
        self._first_event = config.service_levels.first_event
        self._run = config.service_levels.run
        self._cleanup = config.service_levels.cleanup
        self._run_ids = tuple(dict.fromkeys((_RUN_ID, *(protocol.key for protocol in config.protocols))))
        self._most = config.limits.users
        self._tally = tally
        self._publish = publish
        self._at_work: dict[str, set[Work]] = {}

    def clear(self) -> None:
        """A forked child: nobody is at work in it yet."""
        self._at_work.clear()

    def begin(self, scope: Scope, user: User | None) -> None:
        """A scope has begun: a run of its own, or a part of the one around it. The system's own work is no run."""
        if user is None or user.kind is _SYSTEM:
            return
        run = self._run_of(scope.ids) if scope.ids else None
        parent = scope.parent
        while parent is not None:
            work: Work | None = parent.work
            if work is not None and not work.ended and (same(work.user, user) or (run is not None and work.run == run)):
                if run is None or work.run is not None:
                    scope.work = work
                    return
                work.around = True
                self._rest(work)
            parent = parent.parent
        scope.work = work = Work(user, run, scope)
        scope.leads = True
        at_work = self._at_work
        if len(at_work) < self._most:
            works = at_work.get(user.id)
            if works is None:
                works = at_work.setdefault(user.id, set())
            works.add(work)
            self._tally.users_at_once = max(self._tally.users_at_once, len(at_work))

    def first_event(self, work: Work, event: str | None) -> None:
        """The first event of a run has come."""
        work.answered = True
        seconds = time.monotonic() - work.started
        self._tally.first_event.observe(seconds)
        limit = self._first_event
        if limit is not None and seconds > limit:
            self._publish(Slow("first_event", seconds, limit, work.user, work.target, event))

    def end(self, scope: Scope) -> None:
        """A scope has ended, and with the one that leads a run the run, whether or not it failed."""
        work: Work | None = scope.work
        if work is None or not scope.leads or work.ended:
            return
        work.ended = True
        if work.around:
            return
        self._rest(work)
        seconds = time.monotonic() - work.started
        self._tally.run.observe(seconds)
        limit = self._run
        if limit is not None and seconds > limit:
            self._publish(Slow("run", seconds, limit, work.user, work.target, origin=work.origin))

    def cleanup(self, started: float, target: str, method: str, user: Callable[[], User | None]) -> None:
        """A clean-up that began at ``started`` is over; ``user`` tells whose it was."""
        seconds = time.monotonic() - started
        self._tally.cleanup.observe(seconds)
        limit = self._cleanup
        if limit is not None and seconds > limit:
            self._publish(Slow("cleanup", seconds, limit, user(), target, method))

    def _run_of(self, ids: dict[str, str]) -> str | None:
        for kind in self._run_ids:
            if found := ids.get(kind):
                return found
        return None

    def _rest(self, work: Work) -> None:
        # Between threads a user's entry may get lost for the time of one run, and be counted too low; never too high.
        works = self._at_work.get(work.user.id)
        if works is None:
            return
        works.discard(work)
        if not works:
            self._at_work.pop(work.user.id, None)
