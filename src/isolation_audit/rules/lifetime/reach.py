"""What the objects of a user reach when they are made: a history, a client, a state that may stay when they have gone.

Nobody says of these that they are one user's. What several units have is shared, and left alone with its whole class.
One class is told of only where the same user has got another object of it with another engine, so that it was not made
to be kept for the user.
"""

from __future__ import annotations

from collections import Counter, deque
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.heap.walk import Walk, Way
from isolation_audit.rules.lifetime.interest import is_of_interest, is_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.model.users import User

_LARGEST: Final = 200
"""Objects that are looked at from one engine."""
_SECONDS: Final = 0.01
_SHARE: Final = 200
"""While the application runs, one is looked at after so many times as long as the last one took; in tests, each."""
_KINDS: Final = 5_000
_CONTAINERS: Final = frozenset(map(id, (dict, list, tuple, set, frozenset, deque)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""
_ENOUGH: Final = 2
"""Engines of the same user, each with an object of its own."""


class Reach:
    """What was found, by the target of the engine, the class, and the user."""

    def __init__(self) -> None:
        self.pause_until = 0.0
        self._had: Counter[tuple[str, str, User]] = Counter()

    def inside(self, obj: Any, *, in_test: bool) -> Iterator[Any]:
        """The objects of interest that ``obj`` leads to."""
        started = perf_counter()
        if not in_test and started < self.pause_until:
            return
        walk = Walk(_LARGEST, _SECONDS, lambda value: value is not obj and not _is_followed(type(value)))
        for value, _way in walk.through([(obj, Way(None, None, ""))]):
            kind = type(value)
            if value is not obj and id(kind) not in _CONTAINERS and not issubclass(kind, type) and is_of_interest(kind):
                yield value
        self.pause_until = perf_counter() + _SHARE * (perf_counter() - started)

    def had(self, within: str, target: str, owner: User) -> None:
        """An engine of ``within`` has an object of ``target`` that no other unit had."""
        key = (within, target, owner)
        if key in self._had or len(self._had) < _KINDS:
            self._had[key] += 1

    def is_proven(self, within: str, target: str, owner: User) -> bool:
        """Whether there was another one for the same user."""
        return self._had[within, target, owner] >= _ENOUGH


def _is_followed(kind: type) -> bool:
    return id(kind) in _CONTAINERS or is_own(kind)
