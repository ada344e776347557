"""Replacements of what was instrumented: another tool's wrapper around it, or something new, as after a reload."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKED_AT: Final = 200
"""Functions that are looked through: wrappers of wrappers hold what they call, and some helpers beside it."""

_DESCRIPTORS: Final = (classmethod, staticmethod)
_CALLED: Final = (FunctionType, BuiltinFunctionType, MethodType, partial, *_DESCRIPTORS)


def is_another(found: Any, known: object) -> bool:
    """True where a name leads to something new: not to a wrapper around what was known, or a stand-in for it."""
    if type(found) is not type(known):
        return False
    return found is not known and not _calls(found, known)


def _calls(found: Any, known: Any) -> bool:
    """True where a function holds what was known: by ``__wrapped__``, in its closure, its defaults or its globals."""
    wanted = {id(known), id(_below(known))}
    waiting, seen = [found], set[int]()
    while waiting and len(seen) < _LOOKED_AT:
        one = waiting.pop()
        if id(one) in wanted:
            return True
        if id(one) not in seen:
            seen.add(id(one))
            waiting += _held(one)
    return False


def _below(one: Any) -> Any:
    return one.__func__ if issubclass(type(one), (*_DESCRIPTORS, MethodType)) else one


def _held(one: Any) -> Iterator[Any]:
    """What a function may call, as far as that can be told without running anything."""
    kind = type(one)
    if issubclass(kind, (*_DESCRIPTORS, MethodType)):
        yield one.__func__
    elif issubclass(kind, partial):
        yield one.func
    elif kind is FunctionType:
        values = [*(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values(), one.__dict__.get("__wrapped__")]
        values += _contents(one)
        values += [one.__globals__[name] for name in one.__code__.co_names if name in one.__globals__]
        for value in values:
            if issubclass(type(value), _CALLED):
                yield value
    else:
        yield getattr(one, "__dict__", {}).get("__wrapped__")


def _contents(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing is in there yet
            continue
