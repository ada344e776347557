"""Sizes: about how many bytes an object has taken for itself. Nothing of the application runs for it."""

from __future__ import annotations

from collections import deque
from itertools import islice
from types import FunctionType
from typing import Any, Final

from isolation_audit.instrument.heap.parts import fields

_DEEPEST: Final = 4
_LOOKED_AT: Final = 64
"""Parts of one container that are measured, its first ones; the others are taken to be as large."""
_MOST: Final = 4_000
"""Parts of one object that are measured."""

_SEQUENCES: Final = (list, tuple, deque, set, frozenset)
_TEXTS: Final = (str, bytes, bytearray)

_PLAIN: Final = frozenset(map(id, (*_TEXTS, int, float, complex)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""


def size_of(obj: Any) -> int:
    """Its own, its attributes' and those of the plain containers and texts in them; other objects are not its own."""
    return _Measure().object(obj)


class _Measure:
    def __init__(self) -> None:
        self._left = _MOST
        self._seen: set[int] = set()

    def object(self, obj: Any) -> int:
        inside = fields(obj)
        return _own_size(obj) + sum(self._part(value, 1) for value in list(inside.values()))

    def _part(self, value: Any, depth: int) -> int:
        kind = type(value)
        if id(value) in self._seen or self._left <= 0:
            return 0
        if id(kind) in _PLAIN:
            self._left -= 1
            return _own_size(value)
        if depth > _DEEPEST or not issubclass(kind, (dict, *_SEQUENCES)) or issubclass(kind, FunctionType):
            return 0
        self._left -= 1
        self._seen.add(id(value))
        return _own_size(value) + self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> int:
        kind = type(value)
        if issubclass(kind, dict):
            looked_at = [part for pair in _some(value, dict.items) for part in pair]
            length = 2 * dict.__len__(value)
        else:
            plain = next(plain for plain in _SEQUENCES if issubclass(kind, plain))
            looked_at = _some(value, plain.__iter__)
            length = plain.__len__(value)
        if not looked_at:
            return 0
        measured = sum(self._part(one, depth + 1) for one in looked_at)
        return measured * length // len(looked_at)


def _some(value: Any, parts: Any) -> list[Any]:
    """The first parts of a container."""
    try:
        return list(islice(parts(value), _LOOKED_AT))
    except RuntimeError:  # it changes at this moment
        return []


def _own_size(value: Any) -> int:
    # Past a class's own __sizeof__, which is the application's code.
    kind = type(value)
    for plain in (dict, *_SEQUENCES, *_TEXTS, int, float, complex):
        if issubclass(kind, plain):
            return plain.__sizeof__(value)
    return object.__sizeof__(value)
