"""Parameters that an overriding method calls otherwise than the method of the class that the configuration names.

``args.message`` of ``send(self, user, message)`` means the second argument. A subclass may write
``send(self, u, m)``: whoever calls it by position, as the class allows, passes the same there.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.resolve import find, function_of
from isolation_audit.instrument.signatures import positional_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from isolation_audit.instrument.calls.interceptors import Interceptor
    from isolation_audit.instrument.reading.layout import Layout

    Make = Callable[[Layout], Interceptor]


def by_names_of(cls: type, name: str, kind: type, make: Make) -> Make:
    """``make`` with the layout of ``kind``'s method, in which names of ``cls``'s method lead somewhere too."""
    theirs, own = find(cls, name)[1], find(kind, name)[1]
    overridden, overriding = function_of(theirs), function_of(own)
    if overridden is None or overriding is None or overridden is overriding or _binds(theirs) is not _binds(own):
        return make
    renamed = _renamed(overridden, overriding)
    if not renamed:
        return make

    def with_names(layout: Layout) -> Interceptor:
        if not layout.exact:
            return make(layout)
        positions, passed_on = _with(renamed, layout.positions), _with(renamed, layout.passed_on)
        return make(replace(layout, positions=positions, passed_on=passed_on))

    return with_names


def _binds(raw: Any) -> type | None:
    """What decides whether a function's first parameter is the object, its class, or neither."""
    return type(raw) if issubclass(type(raw), (staticmethod, classmethod)) else None


def _with(renamed: dict[str, str], known: Mapping[str, int]) -> dict[str, int]:
    return {**{name: known[own] for name, own in renamed.items() if own in known}, **known}


def _renamed(overridden: Any, overriding: Any) -> dict[str, str]:
    """By name in the overridden function, the name at the same position; none where calls of one don't fit the other.

    A parameter that has moved is found by its name as before; where one was put in between, no position is the same.
    """
    theirs, own = positional_names(overridden), positional_names(overriding)
    if _required(overriding) > len(theirs):
        return {}
    pairs = zip(theirs, own, strict=False)
    return {name: other for name, other in pairs if name not in own and other not in theirs}


def _required(function: Any) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except Exception:  # none to be had, or a __signature__ of the application's making
        return 0
    passed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in passed and one.default is inspect.Parameter.empty for one in parameters)
