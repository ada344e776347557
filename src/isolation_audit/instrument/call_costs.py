"""What the auditor costs inside the application's calls: a few hooks at a time are timed, each in its turn.

Nothing is added to a hook that is not timed at the moment. One that is has a watch put before it for half a second: its
first calls are timed, with the clock of the thread, and the others are only counted. What was measured counts for the
whole round in which each hook is timed once.
"""

from __future__ import annotations

from time import thread_time_ns
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import raised_by_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.probe import Asks, AsksKnowing, Probe, States

_AT_ONCE: Final = 32
"""Hooks that are timed at the same time."""
_TIMED: Final = 32
"""Calls of a hook that are timed each time; of more, it is counted how many there are."""


class CallCosts:
    """The measurement of one audit; :meth:`look` is called twice a second, on the auditor's own thread."""

    def __init__(self, probes: Callable[[], list[Probe]]) -> None:
        self._probes = probes
        self._waiting: list[Probe] = []
        self._steps = 1
        self._watches: list[_Watch] = []
        self._ending: list[_Watch] = []
        """Those that were taken away in the last step."""
        self._clock = _cost_of_clock()
        self.seconds = 0.0
        """CPU time inside of calls, as far as it was measured: an estimate."""

    def look(self) -> None:
        """Take the figures of the hooks that were timed, and time the next ones."""
        self._take_away()
        if not self._waiting:
            # Each once: a hook under several names has one probe.
            self._waiting = list({id(probe): probe for probe in self._probes() if len(probe)}.values())
            self._steps = -(-len(self._waiting) // _AT_ONCE)
        chosen, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        self._watches = [_Watch(probe, self._clock, self._steps) for probe in chosen]
        for watch in self._watches:
            watch.probe.watched_by(watch.around)

    def stop(self) -> None:
        """Take all figures, and time nothing any more."""
        self._take_away()
        self._take_away()
        self._waiting = []

    def _take_away(self) -> None:
        for watch in self._watches:
            watch.probe.watched_by(None)
        # A round later: calls that were timed at their beginning may have ended meanwhile.
        self.seconds += sum(watch.nanoseconds for watch in self._ending) / 1e9
        self._ending, self._watches = self._watches, []

    def after_fork(self) -> None:
        """In a forked child: begin anew."""
        self.stop()
        self.seconds = 0.0


class _Watch:
    """One hook that is timed. What it does after the call is timed as well, where it has something to do there."""

    __slots__ = ("_calls", "_clock", "_share", "_spent", "_timed", "probe")

    reads_nothing = True  # for the probe: it asks us at once, and we ask the others as it would
    minds_results = minds_failures = True

    def __init__(self, probe: Probe, clock: int, share: int) -> None:
        """It is timed for one of ``share`` equal spans of time."""
        self.probe = probe
        self._clock = clock
        self._share = share
        self._spent = self._timed = self._calls = 0

    @property
    def nanoseconds(self) -> float:
        """What all calls have cost, by what those have cost that were timed."""
        net = max(0, self._spent - self._timed * self._clock)
        return net * self._calls * self._share / self._timed if self._timed else 0.0

    @property
    def interceptor(self) -> _Watch:
        """Who is told of results."""
        return self

    def around(self, before: Asks, passes: AsksKnowing) -> tuple[Asks, AsksKnowing]:
        """What stands before what is asked."""
        return self._around(before), self._around(passes)

    def _around(self, ask: Callable[..., States | None]) -> Callable[..., Any]:
        def timed(*what: Any) -> Any:
            self._calls += 1
            try:
                if self._calls > _TIMED:
                    return ask(*what)
                begun = thread_time_ns()
                states = ask(*what)
                self._spent += thread_time_ns() - begun
            except RecursionError:
                return None  # at the end of the stack: without us there was room for one frame more
            self._timed += 1
            return None if states is None else ((self, states),)

        return timed

    def after(self, states: States, result: Any) -> None:
        """The call has ended: whoever waits for that is told, and timed."""
        begun = thread_time_ns()
        self.probe.after(states, result)
        self._spent += thread_time_ns() - begun - self._clock

    def failed(self, states: States, error: BaseException) -> None:
        """The call has raised: the same."""
        begun = thread_time_ns()
        self.probe.failed(states, error)
        self._spent += thread_time_ns() - begun - self._clock

    def absorb(self, error: Exception) -> None:
        """The probe absorbs what hooks raise; what is left is the application's own, from a signal handler."""
        if raised_by_signal(error):
            raise error


def _cost_of_clock() -> int:
    """Nanoseconds between two readings of the clock, one after the other."""
    costs = []
    for _ in range(20):
        begun = thread_time_ns()
        costs.append(thread_time_ns() - begun)
    return min(costs)
