"""Bounds: whether a container keeps no more than a number that it knows, such as a cache with a maximum."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.heap.parts import fields

_MAXIMUM: Final = pattern(r"(?i)(^|_)(max_?(size|len|length|entries|items|count|keys)|capacity)$")
"""Attributes that say how much is kept; cachetools has them behind its class's name."""

_LRU: Final = type(functools.lru_cache(len))


def is_bounded(holder: Any) -> bool:
    """True for a deque, a memoized function, a queue or a cache that has a maximum."""
    kind = type(holder)
    if issubclass(kind, deque):
        return deque.maxlen.__get__(holder) is not None
    if kind is _LRU:
        parameters = getattr(holder, "cache_parameters", None)  # the standard library's own function
        return parameters is not None and parameters()["maxsize"] is not None
    if kind.__module__ == "builtins" or issubclass(kind, type):
        return False
    found = list(fields(holder).items())
    return any(type(value) is int and value > 0 and _MAXIMUM.search(name) is not None for name, value in found)
