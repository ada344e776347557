"""A walk through the heap from roots outwards, the nearest first, with the way to each object that it meets.

It is made off the application's path, within a budget of objects and of time. What it looks at is kept alive while it
lasts: an object's identity is its own only as long as it lives.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter, sleep
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.instrument.heap.parts import parts
from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__builtins__ = BUILTINS

_TURN: Final = 2_000
"""Objects after which other threads have their turn."""

_WIDEST: Final = 20_000
"""Parts of one object."""


class Way(NamedTuple):
    """One step of the way to an object; ``holder`` is what the step leaves from."""

    before: Way | None
    holder: Any
    word: str
    key: object = None

    def steps(self) -> list[Way]:
        """From the root on."""
        found: list[Way] = []
        step: Way | None = self
        while step is not None:
            found.append(step)
            step = step.before
        return found[::-1]


class Walk:
    """One walk."""

    def __init__(self, largest: int, seconds: float, passes: Callable[[Any], bool] = lambda _value: False) -> None:
        self._largest, self._seconds = largest, seconds
        self._passes = passes
        """True for what is told, and not followed."""
        self.seen = 0
        self.partial = ""
        """Why the walk has not been to its end; empty where it has."""

    def through(self, beginnings: Iterable[tuple[Any, Way]]) -> Iterator[tuple[Any, Way]]:
        """Every object that is reached, once, and texts wherever they lie."""
        known: dict[int, Any] = {}
        waiting = deque(beginnings)
        until = perf_counter() + self._seconds
        while waiting:
            value, way = waiting.popleft()
            kind = type(value)
            if kind is str or kind is bytes:
                yield value, way
                continue
            if id(value) in known or id(kind) in _ENDS:
                continue
            if self.seen >= self._largest:
                self.partial = f"{self._largest:,} objects"
                return
            known[id(value)] = value
            self.seen += 1
            if not self.seen % _TURN:
                sleep(0)
                if perf_counter() > until:
                    self.partial = f"{self._seconds:g} seconds"
                    return
            yield value, way
            if not self._passes(value):
                for place, (inner, word, key) in enumerate(parts(value)):
                    if place >= _WIDEST:
                        self.partial = f"{_WIDEST:,} parts of one object"
                        break
                    waiting.append((inner, Way(way, value, word, key)))


_ENDS: Final = frozenset(map(id, (int, float, complex, bool, type(None), ModuleType, CodeType)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""


def mermaid(names: list[str]) -> str:
    """A way as text for Mermaid: one box a step."""
    boxes = [f'  n{number}["{_escaped(name)}"]' for number, name in enumerate(names)]
    arrows = [f"  n{number} --> n{number + 1}" for number in range(len(names) - 1)]
    return "\n".join(["graph LR", *boxes, *arrows])


def _escaped(name: str) -> str:
    return name.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
