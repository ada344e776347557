"""Tables that forget: what came first, or what is said of objects that are gone.

They are plain dicts: an OrderedDict needs three times their memory.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_PART: Final = 100
"""Of a full table this part is let go at once.

A dict finds its first entry only behind the places of all that went before: 16 us at 100,000.
"""

_TRIES: Final = 100


class ByIdentity(Generic[_Value]):
    """Object -> what is said of it, for objects that take a weak reference; gone with the object.

    ``WeakKeyDictionary`` calls the application's ``__hash__`` and ``__eq__``, which many objects do not even have, and
    takes three times as long.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[Any], _Value]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, obj: object) -> _Value | None:
        """What is said of ``obj``; None where nothing is."""
        entry = self._entries.get(id(obj))
        return None if entry is None else entry[1]

    def setdefault(self, obj: object, value: _Value) -> _Value:
        """What is said of ``obj``: ``value`` from now on, where nothing was."""
        key, entries = id(obj), self._entries
        # dict.setdefault decides between threads that come here at once.
        return entries.setdefault(key, (ref(obj, lambda _gone: entries.pop(key, None)), value))[1]


def let_go(table: dict[_Key, _Value], limit: int) -> Iterator[_Key]:
    """Take away what came first, where the table has more than ``limit`` entries; gives what this thread took away."""
    if len(table) <= limit:
        return
    for key in first(table, 1 + limit // _PART):
        try:
            del table[key]
        except KeyError:
            continue  # another thread does the same at this moment
        yield key


def first(values: Iterable[_Value], number: int) -> list[_Value]:
    """The first of ``values``, a container that other threads may change meanwhile."""
    for _ in range(_TRIES):
        try:
            return list(islice(values, number))
        except RuntimeError:
            continue  # it was changed between the making of the iterator and its use
    return []


def loaded_modules() -> list[tuple[str, Any]]:
    """All modules by name, also while some are imported.

    Of CPython 3.11 a garbage collection, and what goes on in it, may come in between while a list of pairs is filled.
    """
    return first(sys.modules.items(), sys.maxsize)
