"""The drainer: one daemon thread takes findings and scopes from the recorder; each sink is fed on a lane of its own.

A sink that hangs (a full pipe, a receiver that does not answer) holds up neither the others nor the application's exit.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.background import Worker
from isolation_audit.exporters.base import Batch
from isolation_audit.foundation.wakeup import Wakeup
from isolation_audit.recording.occurrences import OCCURRENCES

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from isolation_audit.exporters.base import Sink
    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.recording.recorder import Recorder

INTERVAL = 0.5
"""Seconds between two looks when nothing is new."""

RARELY = 2.0
"""Seconds, at most, between two looks at targets, hooks and runs in a process in which nothing happens: each look that
is followed by no news doubles the time until the next one."""

FOR_SUMS = 1.0
"""Seconds that are kept for the report at the end, when other ways out have used up the time."""

AT_LEAST = 30.0
"""Seconds after which the sinks are fed although nothing seems to have happened: counts of the standard library's own
calls, which an idle process makes as well, are no news."""

PAUSE = 0.05
"""Seconds to wait after news, so that a burst of findings is written once."""


class SinkQueue:
    """One sink and its worker. What comes while the sink is busy waits in a single batch, so that stays bounded."""

    def __init__(self, sink: Sink, barrier: Barrier, recorder: Recorder) -> None:
        self._sink = sink
        self.name = sink.name
        self.sums_up: bool = getattr(sink, "sums_up", False)
        self._barrier = barrier
        self._recorder = recorder
        self._settled = threading.Condition()
        self._waiting: Batch | None = None
        self._busy = False
        self._worker = Worker(self._round, finish=self._close)

    @property
    def seconds(self) -> float:
        """CPU time that the sink has used."""
        return self._worker.seconds

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch; never waits for the sink."""
        with self._settled:
            if self._worker.ending:
                return
            self._waiting = batch if self._waiting is None else self._joined(self._waiting, batch)
        self._worker.wake()

    def join(self, deadline: float) -> None:
        """Wait for the end of the thread until ``deadline`` (monotonic seconds)."""
        self._worker.join(deadline - time.monotonic())

    def settle(self, deadline: float) -> None:
        """Wait until everything handed over has been drained, until ``deadline`` (monotonic seconds)."""
        with self._settled:
            self._settled.wait_for(
                lambda: not self._busy and self._waiting is None, max(0.0, deadline - time.monotonic())
            )

    def _joined(self, early: Batch, late: Batch) -> Batch:
        # Entries are distinct findings, which limits.findings bounds; scopes have no such bound of their own.
        scopes = early.scopes + late.scopes
        over = max(0, len(scopes) - (self._recorder.scopes.maxlen or 0))
        self._recorder.scopes_dropped += over
        occurrences = early.occurrences + late.occurrences
        too_many = max(0, len(occurrences) - OCCURRENCES)
        return Batch(
            early.entries + late.entries,
            scopes[over:],
            late.snapshot,
            early.last or late.last,
            occurrences[too_many:],
            early.dropped + late.dropped + too_many,
            early.scopes_dropped + late.scopes_dropped + over,
        )

    def _round(self) -> None:
        with self._settled:
            batch, self._waiting = self._waiting, None
            self._busy = batch is not None
        if batch is not None and (not self._guarded(self._sink.drain, batch) or batch.last):
            self._worker.retire()
        with self._settled:
            self._busy = False
            if self._worker.ending:
                self._waiting = None
            self._settled.notify_all()

    def _close(self) -> None:
        self._guarded(self._sink.close)

    def _guarded(self, step: Callable[..., None], *arguments: Batch) -> bool:
        """False when the sink has used up its allowance of faults."""
        try:
            step(*arguments)
        except Exception as error:
            return not self._barrier.fault(f"sink {self._sink.name}", error)
        return True


class Drainer:
    """Feeds the sinks until it is stopped; a sink that fails is counted and, after its allowance, closed."""

    def __init__(
        self,
        recorder: Recorder,
        barrier: Barrier,
        sinks: list[Sink],
        snapshot: Callable[[], dict[str, Any]],
        refresh: Callable[[], None],
        activity: Callable[[], object] = object,
    ) -> None:
        """``activity`` gives something that equals what it gave before where nothing has happened since."""
        self._recorder = recorder
        recorder.takes_scopes = any(getattr(sink, "takes_scopes", True) for sink in sinks)
        recorder.takes_occurrences = any(getattr(sink, "takes_occurrences", False) for sink in sinks)
        self._barrier = barrier
        lanes = [SinkQueue(sink, barrier, recorder) for sink in sinks]
        self._lanes = sorted(lanes, key=lambda lane: lane.sums_up)
        self._snapshot = snapshot
        self._refresh = refresh
        self._activity = activity
        self._fed_at: tuple[float, object] | None = None
        self._dropped = (0, 0)
        self._first = True
        self._refreshed_at = float("-inf")
        self._pause = INTERVAL / 2
        """Seconds after a look in which there is no other one."""
        self._deadline = 0.0
        self._hurry = Wakeup()
        self._worker = Worker(
            self._round,
            every=INTERVAL,
            news=recorder.wake,
            failed=self._failed,
            finish=lambda: self._feed(last=True),
            pauses=(INTERVAL, INTERVAL),
        )

    def seconds(self) -> dict[str, float]:
        """CPU time of its own thread and of each sink's."""
        return {"drainer": self._worker.seconds, **{lane.name: lane.seconds for lane in self._lanes}}

    def start(self) -> None:
        """Start the threads; without a sink there is nobody to feed."""
        if self._lanes:
            for lane in self._lanes:
                lane.start()
            # At once, so that a process that does not live for half a second has been heard of.
            self._worker.wake()
            self._worker.start()

    def stop(self, timeout: float) -> None:
        """Feed what is left and close the sinks; waits at most ``timeout`` seconds for all of them together."""
        if not self._lanes:
            return
        self._deadline = time.monotonic() + timeout
        self._hurry.set()
        self._worker.retire()
        # The threads exist already: at the interpreter's end, none can be started any more.
        self._worker.join(timeout + FOR_SUMS)
        for lane in self._lanes:
            lane.join(self._deadline + FOR_SUMS)

    def flush(self, timeout: float) -> None:
        """Feed what there is; waits at most ``timeout`` seconds until all sinks have taken it."""
        deadline = time.monotonic() + timeout
        self._feed(last=False)
        for lane in self._lanes:
            lane.settle(deadline)

    def _round(self) -> None:
        news, quiet = False, self._pause > INTERVAL / 2
        if self._first:
            self._first = quiet = False
        else:
            if self._recorder.new:
                self._hurry.wait(PAUSE)
            if quiet and self._has_news():
                news, quiet, self._pause = True, False, INTERVAL / 2
            quiet = not self._look_again() and quiet
        if not quiet and (self._has_news() or news):
            self._pause = INTERVAL / 2
            self._feed(last=False)

    def _look_again(self) -> bool:
        """At most twice a second, where the sinks are fed more often, and more and more rarely while nothing happens.

        True where it was time for a look.
        """
        if 0 <= time.monotonic() - self._refreshed_at < self._pause:  # the application may set its clock back
            return False
        self._pause = min(RARELY, 2 * self._pause)
        try:
            self._refresh()
        except Exception as error:
            self._barrier.fault("refresh", error)
        self._refreshed_at = time.monotonic()
        return True

    def _has_news(self) -> bool:
        now, activity = time.monotonic(), self._activity()
        quiet = self._fed_at is not None and self._fed_at[1] == activity and 0 <= now - self._fed_at[0] < AT_LEAST
        if quiet and not (self._recorder.new or self._recorder.scopes or self._recorder.occurrences):
            return False
        self._fed_at = now, activity
        return True

    def _failed(self, error: Exception) -> None:
        self._barrier.fault("drainer", error)

    def _feed(self, *, last: bool) -> None:
        recorder = self._recorder
        entries, scopes, occurrences = _take(recorder.new), _take(recorder.scopes), _take(recorder.occurrences)
        counts = recorder.occurrences_dropped, recorder.scopes_overrun
        lost = [now - before for now, before in zip(counts, self._dropped, strict=True)]
        self._dropped = counts
        for lane in self._lanes:
            if last and lane.sums_up:
                for other in self._lanes:
                    if not other.sums_up:
                        other.join(self._deadline)
            lane.put(Batch(list(entries), list(scopes), self._snapshot, last, list(occurrences), *lost))


def _take(queue: deque[Any]) -> list[Any]:
    taken = []
    while queue:
        taken.append(queue.popleft())
    return taken
