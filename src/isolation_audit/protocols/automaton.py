"""Orders compiled to a deterministic automaton: one dictionary look-up an event."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from isolation_audit.protocols.grammar import Choice, Event, Node, OrderError, Pair, Repeat, Sequence, parse_order

if TYPE_CHECKING:
    from collections.abc import Callable

_STATES = 10_000

START = 0


@dataclass(frozen=True)
class Automaton:
    """``steps[state][event]`` is the next state; state 0 is the start; a run may end in the ``accepting`` states.

    ``closers`` maps the second event of each declared pair to the first, its opener. Closers have no steps: one may
    come wherever its opener came before it and is still open, and the run stays in its state.
    """

    steps: tuple[dict[str, int], ...]
    accepting: frozenset[int]
    closers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def events(self) -> frozenset[str]:
        """Every event that the order names; others are none of its business."""
        return frozenset(self.closers).union(*self.steps)

    @cached_property
    def openers(self) -> dict[str, tuple[str, ...]]:
        """Opener -> its closers, for the declared pairs."""
        found: dict[str, tuple[str, ...]] = {}
        for closer, opener in self.closers.items():
            found[opener] = (*found.get(opener, ()), closer)
        return found

    @cached_property
    def final(self) -> frozenset[int]:
        """Accepting states from which nothing more may come."""
        return frozenset(state for state in self.accepting if not self.steps[state])

    @cached_property
    def pairs(self) -> dict[str, str]:
        """First -> second, for events that always come right after each other and never alone."""
        after: dict[str, set[frozenset[str]]] = {}
        before: dict[str, set[str]] = {}
        for steps in self.steps:
            for event, following in steps.items():
                allowed = frozenset(self.steps[following])
                after.setdefault(event, set()).add(allowed if following not in self.accepting else frozenset())
                for one in allowed:
                    before.setdefault(one, set()).add(event)
        starts = set(self.steps[START])
        pairs = {}
        for event, sets in after.items():
            only = next(iter(sets)) if len(sets) == 1 else frozenset()
            if len(only) == 1 and event not in starts:
                (closer,) = only
                if before[closer] == {event} and closer not in starts and event not in self.openers:
                    pairs[event] = closer
        return pairs

    def accepts(self, events: list[str]) -> bool:
        """Whether these events, and only these, make a whole run."""
        state = START
        waiting: Counter[str] = Counter()
        for event in events:
            opener = self.closers.get(event)
            if opener is not None:
                waiting[opener] -= 1
                if waiting[opener] < 0:
                    return False
                continue
            following = self.steps[state].get(event)
            if following is None or (self.completes(state, event, following) and waiting.total()):
                return False
            if event in self.openers:
                waiting[event] += 1
            state = following
        return state in self.accepting and not waiting.total()

    def completes(self, state: int, event: str, following: int) -> bool:
        """Whether this step completes a run, so that nothing may be open any more."""
        return following in self.accepting and state not in self.accepting and event not in self.openers

    def missing_before(self, state: int, event: str) -> tuple[str, ...] | None:
        """The fewest events that would have to come first for ``event`` to be in order; None if nothing helps."""
        return self._way(state, lambda here: event in self.steps[here])

    def missing_at_end(self, state: int) -> tuple[str, ...]:
        """The fewest events that are left to come in this state."""
        return self._way(state, self.accepting.__contains__) or ()

    def _way(self, state: int, arrived: Callable[[int], bool]) -> tuple[str, ...] | None:
        """The shortest way from ``state`` to one where ``arrived`` says yes."""
        ways: dict[int, tuple[str, ...]] = {state: ()}
        waiting = deque([state])
        while waiting:
            here = waiting.popleft()
            if arrived(here):
                return ways[here]
            for step, following in sorted(self.steps[here].items()):
                if following not in ways:
                    ways[following] = (*ways[here], step)
                    waiting.append(following)
        return None


def compile_order(text: str) -> Automaton:
    """Parse and compile an order.

    Raises:
        OrderError: it is no order, or needs more than 10,000 states.
    """
    fragments = _Fragments()
    begin, end = fragments.build(parse_order(text))
    numbers: dict[frozenset[int], int] = {}
    steps: list[dict[str, int]] = []
    accepting = set()
    waiting = [fragments.closure({begin})]
    numbers[waiting[0]] = START
    steps.append({})
    while waiting:
        here = waiting.pop()
        number = numbers[here]
        if end in here:
            accepting.add(number)
        for event in sorted({event for node in here for event, _target in fragments.labelled[node]}):
            reached = {target for node in here for label, target in fragments.labelled[node] if label == event}
            following = fragments.closure(reached)
            if following not in numbers:
                if len(steps) >= _STATES:
                    raise OrderError(f"this order needs more than {_STATES} states; say it more simply")
                numbers[following] = len(steps)
                steps.append({})
                waiting.append(following)
            steps[number][event] = numbers[following]
    return Automaton(tuple(steps), frozenset(accepting), fragments.closers)


class _Fragments:
    """A nondeterministic automaton, built piece by piece (Thompson's construction)."""

    def __init__(self) -> None:
        self.labelled: list[list[tuple[str, int]]] = []
        self.silent: list[list[int]] = []
        self.closers: dict[str, str] = {}

    def build(self, node: Node) -> tuple[int, int]:
        """Entry and exit of the fragment for ``node``."""
        begin, end = self._new(), self._new()
        match node:
            case Event(name):
                self.labelled[begin].append((name, end))
            case Pair(opener, closers):
                self.labelled[begin].append((opener, end))
                self.closers.update(dict.fromkeys(closers, opener))
            case Sequence(parts):
                here = begin
                for part in parts:
                    first, last = self.build(part)
                    self.silent[here].append(first)
                    here = last
                self.silent[here].append(end)
            case Choice(options):
                for option in options:
                    first, last = self.build(option)
                    self.silent[begin].append(first)
                    self.silent[last].append(end)
            case Repeat(part, least, many):
                first, last = self.build(part)
                self.silent[begin].append(first)
                self.silent[last].append(end)
                if many:
                    self.silent[last].append(first)
                if least == 0:
                    self.silent[begin].append(end)
        return begin, end

    def closure(self, nodes: set[int]) -> frozenset[int]:
        """Everything that is reached without an event."""
        reached = set(nodes)
        waiting = list(nodes)
        while waiting:
            for following in self.silent[waiting.pop()]:
                if following not in reached:
                    reached.add(following)
                    waiting.append(following)
        return frozenset(reached)

    def _new(self) -> int:
        self.labelled.append([])
        self.silent.append([])
        return len(self.labelled) - 1
