"""Background work: what the auditor does on threads of its own, so that nobody in the application ever waits for it.

A :class:`Worker` is one daemon thread that does rounds of work: when there is news, or again and again. A round that
fails is tried again after a pause that grows. Its end is bounded: one last round, then what it does is broken off. A
:class:`Backlog` is what waits for it: bounded, and what is given up is counted.

A forked child has none of its parent's threads: whoever owns a worker makes another one there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from isolation_audit.foundation.own_threads import OwnThread
from isolation_audit.foundation.wakeup import Wakeup
from isolation_audit.instrument.barrier import enter_auditor, leave_auditor

if TYPE_CHECKING:
    from collections.abc import Callable

_Item = TypeVar("_Item")

NEWS: Final = -1.0
"""Instead of a number of seconds: whenever there is news, and only then."""

_BROKEN_OFF: Final = 0.2
"""Seconds that a thread has to end once its work was broken off; it is a daemon, and nobody waits any longer."""


class Backlog(Generic[_Item]):
    """What waits to be delivered, the oldest first; beyond ``limit`` the oldest are given up.

    No lock is taken: a signal handler may put something in while its thread is in here.
    """

    __slots__ = ("_waiting", "limit", "lost")

    def __init__(self, limit: int) -> None:
        self._waiting: deque[_Item] = deque()
        self.limit = limit
        self.lost = 0
        """How many were given up."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: _Item) -> None:
        """Take one; never waits."""
        self._waiting.append(item)
        while len(self._waiting) > self.limit and self.take(1):
            self.lost += 1

    def take(self, most: int) -> list[_Item]:
        """The oldest ones."""
        taken: list[_Item] = []
        while len(taken) < most:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:
                break
        return taken

    def put_back(self, items: list[_Item]) -> None:
        """What could not be delivered waits in front again, the newest of it where there is no room for all."""
        room = max(0, self.limit - len(self._waiting))
        kept = items[-room:] if room else []
        self.lost += len(items) - len(kept)
        self._waiting.extendleft(reversed(kept))

    def give_up(self) -> None:
        """Nothing of it will be delivered any more."""
        self.lost += len(self.take(len(self._waiting)))


class Worker:
    """One daemon thread. ``work`` is one round; it fails by raising, or by giving False.

    It is done when :meth:`wake` says that there is news, and every ``every`` seconds; with ``every=0`` it waits for
    news by itself, somewhere else. ``failed`` is told of what it raised. ``finish`` is the last that the thread does.
    ``break_off`` is called from the thread that ends it, where the last round takes too long. ``pauses`` are the
    shortest and the longest, in seconds, after a round that failed.
    """

    def __init__(
        self,
        work: Callable[[], bool | None],
        *,
        every: float = NEWS,
        news: Wakeup | None = None,
        failed: Callable[[Exception], None] = lambda _error: None,
        finish: Callable[[], None] = lambda: None,
        break_off: Callable[[], None] = lambda: None,
        pauses: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        self._work = work
        self._every = every
        self._news = news or Wakeup()
        self._failed = failed
        self._finish = finish
        self._break_off = break_off
        self._shortest, self._longest = pauses
        self.seconds = 0.0
        """CPU time that its rounds have used."""
        self._ending = threading.Event()
        self._thread = OwnThread(self._run)

    @property
    def ending(self) -> bool:
        """Whether the round that runs is the last one, or no other will begin."""
        return self._ending.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.alive

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There is news; never waits."""
        self._news.set()

    def retire(self) -> None:
        """Let no other round begin after the one that runs, which may be told of its own end."""
        self._ending.set()
        self._news.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread; False where it takes longer than ``timeout`` seconds."""
        self._thread.join(max(0.0, timeout))
        return not self.alive

    def end(self, timeout: float) -> bool:
        """One last round, for at most ``timeout`` seconds; what takes longer is broken off. False where that fails."""
        self.retire()
        if self.join(timeout):
            return True
        self._break_off()
        return self.join(_BROKEN_OFF)

    def _run(self) -> None:
        me = get_ident()
        # What the work calls may be instrumented. On this thread it is not the application's own.
        enter_auditor(me)
        try:
            self._rounds()
            self._finish()
        finally:
            leave_auditor(me)

    def _rounds(self) -> None:
        failures = 0
        while True:
            if self._every:
                self._news.wait(self._every)
            elif self.ending:
                return
            last = self.ending
            if self._round():
                failures = 0
            elif not last:
                self._ending.wait(min(self._shortest * 2.0 ** min(failures, 10), self._longest))
                failures += 1
                self._news.set()
            if last:
                return

    def _round(self) -> bool:
        begun = time.thread_time()
        try:
            return self._work() is not False
        except Exception as error:
            if not self.ending:
                self._failed(error)
            return False
        finally:
            self.seconds += time.thread_time() - begun
