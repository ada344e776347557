"""Orders compiled to a deterministic automaton: one dictionary look-up an event."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from isolation_audit.analysis.orders.grammar import Choice, Event, Node, OrderError, Pair, Repeat, Sequence, parse_order

if TYPE_CHECKING:
    from collections.abc import Callable

_STATES = 10_000
WORK = 3_000_000
"""Steps of compiling that an order may take: about half a second."""

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
        reached: dict[str, set[int]] = {}
        coming: list[set[str]] = [set() for _ in self.steps]
        for steps in self.steps:
            for event, following in steps.items():
                reached.setdefault(event, set()).add(following)
                coming[following].add(event)
        starts = self.steps[START]
        pairs = {}
        for event, states in reached.items():
            closer = self._only_step(states)
            if closer is not None and closer not in starts and event not in starts and event not in self.openers:
                before = set().union(*[coming[state] for state, steps in enumerate(self.steps) if closer in steps])
                if before == {event}:
                    pairs[event] = closer
        return pairs

    def _only_step(self, states: set[int]) -> str | None:
        """The one event that may come in all of these states, where there is no other and no run may end."""
        only: str | None = None
        for state in states:
            steps = self.steps[state]
            if len(steps) != 1 or state in self.accepting or only not in (None, *steps):
                return None
            (only,) = steps
        return only

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


@lru_cache(maxsize=512)  # once for the configuration's check, and once for the audit
def compile_order(text: str) -> Automaton:
    """Parse and compile an order.

    Raises:
        OrderError: it is no order, or needs more than 10,000 states, or too much work to tell.
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
        for event, reached in sorted(fragments.ways_on(here).items()):
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
        self._closures: dict[int, frozenset[int]] = {}
        self._work = 0

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

    def ways_on(self, nodes: frozenset[int]) -> dict[str, set[int]]:
        """For each event that may come at these nodes, where it leads."""
        ways: dict[str, set[int]] = {}
        for node in nodes:
            for event, target in self.labelled[node]:
                ways.setdefault(event, set()).add(target)
        self._spend(len(nodes) + len(ways))
        return ways

    def closure(self, nodes: set[int]) -> frozenset[int]:
        """Everything that is reached without an event."""
        closures = [self._closure(node) for node in nodes]
        if len(closures) == 1:
            return closures[0]
        self._spend(sum(map(len, closures)))
        return frozenset().union(*closures)

    def _closure(self, node: int) -> frozenset[int]:
        known = self._closures.get(node)
        if known is not None:
            return known
        reached = {node}
        waiting = [node]
        while waiting:
            for following in self.silent[waiting.pop()]:
                if following not in reached:
                    reached.add(following)
                    waiting.append(following)
        self._spend(len(reached))
        found = self._closures[node] = frozenset(reached)
        return found

    def _spend(self, steps: int) -> None:
        self._work += steps
        if self._work > WORK:
            raise OrderError("this order allows too much at once to be compiled; say it more simply")

    def _new(self) -> int:
        self.labelled.append([])
        self.silent.append([])
        return len(self.labelled) - 1
