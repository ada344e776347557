"""What the auditor costs inside the application's calls: a few hooks at a time are timed, each in its turn.

Nothing is added to a hook that is not timed at the moment. One that is has a watch put before it for half a second: its
first calls are timed, with the clock of the thread, and the others are only counted: by the cell in which the hook's
calls are counted anyway, where that is its own, so that the watch need not stand there any longer. What was measured
counts for the whole round in which each hook is timed once.
"""

from __future__ import annotations

from collections import Counter
from time import thread_time_ns
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.calls.interceptors import Asked, Guarded, States
    from isolation_audit.instrument.calls.probe import Probe

_AT_ONCE: Final = 32
"""Hooks that are timed at the same time."""
_TIMED: Final = 8
"""Calls of a hook that are timed each time; of more, it is counted how many there are."""
_FEW: Final = 64
"""Calls between two looks, of those that are timed, up to which a process counts as idle: a server's clock ticks."""
_RARELY: Final = 16
"""Looks after which a process that was idle all the time has the next hooks timed; until then the same ones stay."""


class CallCosts:
    """The measurement of one audit; :meth:`look` is called twice a second, on the auditor's own thread."""

    def __init__(self, probes: Callable[[], list[Probe]]) -> None:
        self._probes = probes
        self._waiting: list[Probe] = []
        self._counting: Counter[int] = Counter()
        """By identity of a cell, how many hooks count their calls in it."""
        self._steps = 1
        self._quiet = 0
        """Looks in a row at which next to no hook that was timed had been called."""
        self._watches: list[_Watch] = []
        self._ending: list[_Watch] = []
        """Those that were taken away in the last step."""
        self._clock = _cost_of_clock()
        self.seconds = 0.0
        """CPU time inside of calls, as far as it was measured: an estimate."""

    def look(self) -> None:
        """Take the figures of the hooks that were timed, and time the next ones."""
        self._quiet = 0 if sum([watch.new_calls() for watch in self._watches]) > _FEW else self._quiet + 1
        if self._quiet > self._steps + _RARELY and self._quiet % _RARELY:
            for watch in self._watches:
                watch.stays()
            return
        self._take_away()
        if not self._waiting:
            # Each once: a hook under several names has one probe.
            self._waiting = list({id(probe): probe for probe in self._probes() if len(probe)}.values())
            self._counting = Counter(id(cell) for probe in self._waiting for cell in probe.cells())
            self._steps = -(-len(self._waiting) // _AT_ONCE)
        chosen, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        self._watches = [_Watch(probe, self._clock, self._steps, self._own_cell(probe)) for probe in chosen]
        for watch in self._watches:
            watch.probe.watched_by(watch.around)

    def _own_cell(self, probe: Probe) -> list[int] | None:
        """The cell that has each call of this hook, and of no other; None where there is none."""
        # Compiled code counts the calls that it finds clean by itself.
        if probe.check is not None or probe.joins:
            return None
        return next((cell for cell in probe.cells() if self._counting[id(cell)] == 1), None)

    def stop(self) -> None:
        """Take all figures, and time nothing any more."""
        self._take_away()
        self._take_away()
        self._waiting = []

    def _take_away(self) -> None:
        for watch in self._watches:
            watch.probe.watched_by(None)
            watch.ends()
        # A round later: calls that were timed at their beginning may have ended meanwhile.
        self.seconds += sum(watch.nanoseconds for watch in self._ending) / 1e9
        self._ending, self._watches = self._watches, []

    def after_fork(self) -> None:
        """In a forked child: begin anew."""
        self.stop()
        self.seconds = 0.0


class _Watch:
    """One hook that is timed, and what was measured."""

    __slots__ = ("_calls", "_cell", "_clock", "_left_at", "_share", "_spans", "_spent", "_timed", "_told", "probe")

    def __init__(self, probe: Probe, clock: int, share: int, cell: list[int] | None) -> None:
        """It is timed for one of ``share`` equal spans of time, or for more of them: see :meth:`stays`.

        ``cell`` has the calls of this hook alone, where there is such a one.
        """
        self.probe = probe
        self._cell = cell
        self._left_at: int | None = None
        """What the cell had when nothing was left to be timed; None as long as each call is counted here."""
        self._clock = clock
        self._share = share
        self._spent = self._timed = self._calls = 0
        self._spans = 1
        self._told = 0

    def new_calls(self) -> int:
        """Calls of its hook since the last time that this was asked."""
        calls = self._all_calls()
        new, self._told = calls - self._told, calls
        return new

    def _all_calls(self) -> int:
        cell, left_at = self._cell, self._left_at
        return self._calls if cell is None or left_at is None else self._calls + max(0, cell[0] - left_at)

    def ends(self) -> None:
        """It is timed no more: what its cell counts from here on is none of this watch's."""
        self._calls = self._all_calls()
        self._cell = self._left_at = None

    def stays(self) -> None:
        """It is timed for one more span of time."""
        self._spans += 1

    @property
    def nanoseconds(self) -> float:
        """What all calls have cost, by what those have cost that were timed."""
        return max(0, self._spent) * self._calls * self._share / self._spans / self._timed if self._timed else 0.0

    def around(self, asked: Asked) -> Asked:
        """What stands before what is asked."""
        before, passes = asked
        return self._around(before), self._around(passes)

    def _around(self, ask: Callable[..., States | None]) -> Callable[..., Any]:
        def timed(*what: Any) -> Any:
            self._calls += 1
            begun = thread_time_ns() if self._calls <= _TIMED else None
            try:
                states = ask(*what)
            except RecursionError:
                return None  # at the end of the stack: without us there was room for one frame more
            if begun is None:
                return states
            self._spent += thread_time_ns() - begun - self._clock
            self._timed += 1
            if self._timed == _TIMED and self._cell is not None:
                self._leave(self._cell)
            return None if states is None else self._stand_for(states)

        return timed

    def _leave(self, cell: list[int]) -> None:
        """Stand before the hook no longer: from here on its own cell counts its calls."""
        try:
            self.probe.watched_by(None)
            self._left_at = cell[0]
        except RecursionError:
            return  # at the end of the stack: each call is counted here, as it was

    def _stand_for(self, states: States) -> Any:
        try:
            return tuple([(_Timed(guarded, self), state) for guarded, state in states])
        except RecursionError:
            return states  # whoever waits has to be told, timed or not

    def spent(self, begun: int) -> None:
        """Something has ended that began at that time of the clock."""
        self._spent += thread_time_ns() - begun - self._clock


class _Timed:
    """Stands for one that waits for the end of a call, and times what it does then."""

    __slots__ = ("_guarded", "_watch", "ends_quietly", "minds_failures", "minds_results")

    def __init__(self, guarded: Guarded, watch: _Watch) -> None:
        self._guarded = guarded
        self._watch = watch
        self.ends_quietly = guarded.ends_quietly
        self.minds_results = guarded.minds_results
        self.minds_failures = guarded.minds_failures

    @property
    def interceptor(self) -> _Timed:
        """Who is told."""
        return self

    @property
    def barrier(self) -> Barrier:
        """Where faults are counted."""
        return self._guarded.barrier

    def after(self, state: Any, result: Any) -> None:
        """The call has ended."""
        begun = thread_time_ns()
        self._guarded.interceptor.after(state, result)
        self._watch.spent(begun)

    def failed(self, state: Any, error: BaseException) -> None:
        """The call has raised."""
        begun = thread_time_ns()
        self._guarded.interceptor.failed(state, error)
        self._watch.spent(begun)

    def absorb(self, error: Exception) -> None:
        """A fault of the one that it stands for."""
        self._guarded.absorb(error)


def _cost_of_clock() -> int:
    """Nanoseconds between two readings of the clock, one after the other."""
    costs = []
    for _ in range(20):
        begun = thread_time_ns()
        costs.append(thread_time_ns() - begun)
    return min(costs)
