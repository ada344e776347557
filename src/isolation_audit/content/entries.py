"""What lies in a cache, as plain data: rows, records and other objects by what they hold."""

from __future__ import annotations

from collections import deque
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

_LEVELS: Final = 6
"""Objects and collections inside of each other: what is deeper stays as it is."""
_NODES: Final = 10_000
"""Of one entry; the rest stays as it is."""

_PLAIN: Final = frozenset(map(id, (str, bytes, bytearray, int, float, bool, complex, type(None))))
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)
_OF_RECORDS: Final = frozenset({"_sa_instance_state", "_state"})
"""What SQLAlchemy and Django keep in the fields of their records."""
_TEXTS: Final = (str, bytes, bytearray, int)
_CODE: Final = (type, FunctionType, MethodType, ModuleType)


def of_entry(value: Any) -> Any:
    """An entry with its objects as mappings of their fields, and rows of SQLAlchemy as tuples; nothing of it runs.

    An entry that is a single object of the application's own stays as it is: what stands in its fields may have been
    written there since it was put into the cache, in anybody's work. Records of an ORM, and what collections hold, is
    what was read.
    """
    return value if _is_written_to(value) else _Plain().of(value, _LEVELS)


def _is_written_to(value: Any) -> bool:
    kind = type(value)
    if id(kind) in _PLAIN or issubclass(kind, (dict, *_SEQUENCES)):
        return False
    held = _held_by(value, kind)
    return type(held) is dict and _OF_RECORDS.isdisjoint(held)


class _Plain:
    """One entry's."""

    def __init__(self) -> None:
        self._left = _NODES
        self._seen: set[int] = set()

    def of(self, value: Any, levels: int) -> Any:
        kind = type(value)
        if id(kind) in _PLAIN or not levels or self._left <= 0 or id(value) in self._seen:
            return value
        self._left -= 1
        self._seen.add(id(value))  # records lead back to each other
        if issubclass(kind, dict):
            return dict(self._pair(place, *pair, levels - 1) for place, pair in enumerate(self._items(value)))
        for plain in _SEQUENCES:
            if issubclass(kind, plain):
                return [self.of(one, levels - 1) for one in list(islice(plain.__iter__(value), self._left))]
        held = _held_by(value, kind)
        return value if held is None else self.of(held, levels - 1)

    def _items(self, mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
        return list(islice(dict.items(mapping), self._left))

    def _pair(self, place: int, key: Any, value: Any, levels: int) -> tuple[Any, Any]:
        """An item; one whose key is an object stands under its place, with the key beside the value."""
        held = self.of(value, levels)
        return (key, held) if id(type(key)) in _PLAIN else (place, [self.of(key, levels), held])


def _held_by(value: Any, kind: type) -> Any:
    """What an object holds, read past its own ways of being read; None for texts, and where that can't be told."""
    if issubclass(kind, (*_TEXTS, *_CODE)):
        return None
    name = "_data" if any(map(_is_row, type.__dict__["__mro__"].__get__(kind))) else "__dict__"
    try:
        return object.__getattribute__(value, name)
    except (AttributeError, TypeError):
        return None


def _is_row(cls: type) -> bool:
    """True for the class of SQLAlchemy's rows, which look like tuples and are none."""
    return cls.__name__ == "BaseRow" and cls.__module__.startswith("sqlalchemy.")
