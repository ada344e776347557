"""Runs: follows each run's events, layer by layer, through the automaton of its protocol; says where one deviates."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.orders.automaton import START, Automaton, compile_order
from isolation_audit.analysis.orders.openings import Closing, Openings
from isolation_audit.instrument.stacks import capture_again
from isolation_audit.instrument.tracking.layers import Passed
from isolation_audit.instrument.tracking.run_states import Deviation, LostBetween, Overdue, Run
from isolation_audit.model.contexts import test_variable
from isolation_audit.model.owner_tags import drop_oldest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.config.model import Protocol
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User

_FRAMES: Final = 8
"""Frames that are kept of a run's first event."""

_SEQUENCES: Final = 64
"""Numbers of a run's last events that are remembered, to know a repetition by its number."""


class Runs:
    """All runs of one protocol; ``user_of`` tells the user of a run by the kind of its id and the id.

    Bounded: beyond ``limit`` the run that began first is forgotten and counted.
    """

    def __init__(self, protocol: Protocol, *, limit: int, user_of: Callable[[str, str], User | None]) -> None:
        self.protocol = protocol
        self._user_of = user_of
        self.automaton: Automaton = compile_order(protocol.order)
        self.events = self.automaton.events
        self._first = self.automaton.steps[START]
        # Not a plain dict, which finds its first entry only behind the places of all that went before.
        self._runs: OrderedDict[tuple[str, str], Run] = OrderedDict()
        self._layers: dict[str, set[str]] = {}
        """Where runs were seen, with the events that have ever come there."""
        self._places: dict[str, RawStack] = {}
        """By layer, where a run was seen first the last time."""
        self._work: dict[str, set[Scope]] = {}
        """The scopes that are at work for a run, none inside another; several where its tasks have one each."""
        self._limit = limit
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._runs)

    def advance(  # noqa: C901 - at each layer of each event: nothing is called in the usual case
        self,
        layer: str,
        run_id: str,
        event: str,
        number: int | str | None = None,
        pair: int | str | None = None,
        *,
        repeated: bool,
    ) -> Deviation | None:
        """Take one event of a run; in the usual case this is one look-up, and None comes back.

        ``number`` is the event's own within the run, ``pair`` the id of what it opens or closes, if it has one;
        ``repeated`` says that this message came before.
        """
        run = self._runs.get((layer, run_id))
        if run is None:
            run = self._begin(layer, run_id)
        elif event in self._first and not repeated and (run.over or self._is_complete(run, event)):
            run = self._begin(layer, run_id, None if run.over else self._stray(run, event, number))
        run.seen = time.monotonic()
        times = run.had[event] = run.had.get(event, 0) + 1
        if times == 1:
            self._layers[layer].add(event)
        if number is not None and not repeated:
            numbers = run.numbers
            repeated = number in numbers
            numbers[number] = None
            if len(numbers) > _SEQUENCES:
                drop_oldest(numbers, _SEQUENCES)  # threads of one run may be at it at the same moment
        if repeated:
            return self._repetition(run, event)
        automaton = self.automaton
        if event in automaton.closers:
            return self._close(run, event, number, pair)
        state = run.state
        following = automaton.steps[state].get(event)
        if following is None:
            return self._out_of_order(run, event, number, pair)
        if event in automaton.openers and not self._open(run, event, pair):
            return self._repetition(run, event)
        previous, run.state, run.last, run.last_pair = run.last, following, event, pair
        if run.open and automaton.completes(state, event, following):
            run.missed_end = run.deviated = True
            return Deviation(run, automaton, event, state, previous, None, repeated=False, open=run.open.openers())
        return None

    def _is_complete(self, run: Run, event: str) -> bool:
        """Whether a first event is that of another run under the same id; scopes that are at work know better."""
        if run.id in self._work:
            return False
        complete = run.state in self.automaton.accepting and event not in self.automaton.steps[run.state]
        return complete or run.missed_end or run.failed

    def _stray(self, run: Run, event: str, number: object) -> Deviation:
        """What a first event is if nothing follows it: one more of a run that is over."""
        run.over, run.stray = True, None
        again = number in run.numbers
        return Deviation(run, self.automaton, event, run.state, run.last, None, repeated=again)

    def _repetition(self, run: Run, event: str) -> Deviation:
        run.deviated = True
        passed = self._passed(run, event)
        return Deviation(run, self.automaton, event, run.state, run.last, (), repeated=True, elsewhere=passed)

    def _close(self, run: Run, event: str, number: object, pair: int | str | None) -> Deviation | None:
        """The second event of a pair that may overlap with others: its state is what is open, not where the run is."""
        opener = self.automaton.closers[event]
        closing = Closing.NOTHING if run.open is None else run.open.close(opener, pair)
        if closing is Closing.CLOSED:
            return self._repetition(run, event)
        if closing is Closing.NOTHING:
            return self._out_of_order(run, event, number, pair)
        run.last, run.last_pair = event, pair
        return None

    @staticmethod
    def _open(run: Run, event: str, pair: int | str | None) -> bool:
        if run.open is None:
            run.open = Openings()
        return run.open.open(event, pair)

    def _out_of_order(self, run: Run, event: str, number: object, pair: int | str | None) -> Deviation:
        automaton, state = self.automaton, run.state
        opener = automaton.closers.get(event)
        missing = automaton.missing_before(state, event if opener is None else opener)
        if missing is not None and opener is not None:
            missing = (*missing, opener)
        # The same event right after itself was sent twice, unless its number or its pair says that it is another one.
        repeated = event == run.last and number is None and pair == run.last_pair
        run.deviated = True
        passed = self._passed(run, event if repeated else missing[-1] if missing else None)
        deviation = Deviation(run, automaton, event, state, run.last, missing, repeated=repeated, elsewhere=passed)
        if event in automaton.openers and not repeated:
            self._open(run, event, pair)
        if missing is not None and not repeated:
            # Go on as if what is missing had come, so that one mistake is one deviation.
            for step in missing if opener is not None else (*missing, event):
                state = automaton.steps[state][step]
            run.state, run.last, run.last_pair = state, event, pair
        return deviation

    def begin(self, scope: Scope) -> None:
        """A scope has begun: work for a run, which may have been over, or resumes."""
        run_id = scope.ids.get(self.protocol.key)
        if run_id is None or self._inside(scope, run_id):
            return
        if len(self._work) < self._limit:
            self._work.setdefault(run_id, set()).add(scope)
        for run in self._everywhere(run_id):
            if run.ended:
                run.over = run.missed_end or run.failed or run.state in self.automaton.accepting
                run.ended = run.ended if run.over else 0.0

    def end(self, scope: Scope) -> None:
        """A scope has ended; with the last outermost one of a run its work has ended, and its last event is overdue."""
        run_id = scope.ids.get(self.protocol.key)
        if run_id is None or self._inside(scope, run_id):
            return
        work = self._work.get(run_id, set())
        work.discard(scope)
        if not work:
            self._work.pop(run_id, None)
        now = time.monotonic()
        for run in self._everywhere(run_id):
            run.ended = run.ended if work else now
            run.failed = run.failed or scope.failed
            run.began = run.began or scope.origin or ()

    def _inside(self, scope: Scope, run_id: str) -> bool:
        """Whether a scope around this one is work for the same run."""
        parent = scope.parent
        while parent is not None:
            if parent.ids.get(self.protocol.key) == run_id:
                return True
            parent = parent.parent
        return False

    def _everywhere(self, run_id: str) -> list[Run]:
        """The run at every layer where it was seen."""
        return [run for layer in list(self._layers) if (run := self._runs.get((layer, run_id))) is not None]

    def _passed(self, run: Run, event: str | None) -> Passed | None:
        return Passed.of(event, _had(self._everywhere(run.id)))

    def after_fork(self) -> None:
        """In a forked child: what the parent has begun is the parent's to complete."""
        self._work.clear()
        for run in self._runs.values():
            run.missed_end = True

    def overdue(self, grace: float) -> Iterator[Overdue]:
        """Runs whose last event should have come: ``grace`` seconds after the work ended, or at the protocol's timeout.

        Each is given once; a run that failed owes nothing.
        """
        now = time.monotonic()
        for run in list(self._runs.values()):
            if run.missed_end or run.failed or (run.state in self.automaton.accepting and not run.open):
                continue
            if (run.ended and now - run.ended >= grace) or now - run.seen >= self.protocol.timeout:
                run.missed_end = True
                missing = self.automaton.missing_at_end(run.state)
                stray = run.stray if sum(run.had.values()) == 1 else None
                passed = self._passed(run, missing[-1] if missing else None)
                yield Overdue(run, run.open.openers() if run.open else (), missing, now - run.seen, passed, stray)

    def lost(self, grace: float) -> Iterator[LostBetween]:
        """What complete runs have had at one layer more often than at the next, where the order does not mind.

        An event that has never come to the next layer does not belong there.
        """
        now = time.monotonic()
        for (layer, run_id), run in list(self._runs.items()):
            if run.compared or run.deviated or run.state not in self.automaton.accepting or now - run.seen < grace:
                continue
            if run_id in self._work:
                continue
            run.compared = True
            here = [one for one in self._everywhere(run_id) if not one.deviated]
            for event, count in list(run.had.items()):
                passed = Passed.of(event, _had(here))
                after = passed and passed.next_after(layer)
                if passed and after and passed.counts[after] < count and event in self._layers[after]:
                    yield LostBetween(run, passed)

    def _begin(self, layer: str, run_id: str, stray: Deviation | None = None) -> Run:
        self._layers.setdefault(layer, set())
        key = (layer, run_id)
        earlier = self._runs.get(key)
        if earlier is not None and earlier.over:
            self._runs.pop(key, None)
        # Seen before it is in the table: the drainer's thread may look for what is overdue at this very moment.
        # One stack for each run, not for each event.
        place = self._places[layer] = capture_again(self._places.get(layer, ()), _FRAMES)
        begun = Run(run_id, layer, START, seen=time.monotonic(), place=place, test=test_variable.get())
        begun.user = self._user_of(self.protocol.key, run_id)
        begun.stray = stray
        run = self._runs.setdefault(key, begun)
        if len(self._runs) > self._limit:
            with suppress(KeyError):  # another thread evicts at this moment
                self._runs.popitem(last=False)
                self.evicted += 1
        return run


def _had(runs: Iterable[Run]) -> dict[str, dict[str, int]]:
    return {run.layer: run.had for run in runs}
