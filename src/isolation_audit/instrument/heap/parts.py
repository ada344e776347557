"""What an object leads to, each part with the step in words. Nothing of the application runs for it."""

from __future__ import annotations

import gc
from collections import deque
from contextlib import suppress
from contextvars import Context, ContextVar
from itertools import islice
from threading import local
from types import CellType, FunctionType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Iterator

__builtins__ = BUILTINS

_FIELDS: Final = 400
"""Attributes of one object."""

_IN_C: Final = ("functools", "_functools", "itertools", "_queue")
"""Modules whose objects keep what only the garbage collector tells of."""

_CLASSES: Final = 5_000
_slots_of: Final[dict[int, tuple[ref[type], tuple[tuple[str, Any], ...]]]] = {}
"""By the identity of a class: its slots, which are there from when it is made."""

_SEQUENCES: Final = (list, tuple, deque, set, frozenset)

_CONTAINERS: Final = frozenset(map(id, (dict, *_SEQUENCES)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""


def fields(value: Any) -> dict[str, Any]:
    """What is stored in an instance, in its ``__dict__`` and its slots, past properties and ``__getattr__``."""
    found: dict[str, Any] = {}
    try:
        stored = object.__getattribute__(value, "__dict__")
    except AttributeError:
        stored = None
    if type(stored) is dict:
        found.update([*islice(stored.items(), _FIELDS)])
    for name, member in _slots(type(value)):
        try:
            found[name] = member.__get__(value)
        except AttributeError:
            continue  # a slot that was never filled
    return found


def _slots(kind: type) -> tuple[tuple[str, Any], ...]:
    known = _slots_of.get(id(kind))
    if known is None or known[0]() is not kind:
        if len(_slots_of) >= _CLASSES:
            _slots_of.clear()
        members = [
            (name, member)
            for cls in type.__dict__["__mro__"].__get__(kind)
            for name, member in list(type.__dict__["__dict__"].__get__(cls).items())
            if type(member) is MemberDescriptorType and not name.startswith("__")
        ]
        known = _slots_of[id(kind)] = (ref(kind), tuple(members))
    return known[1]


def parts(value: Any) -> Iterator[tuple[Any, str, object]]:
    """What an object leads to: each with the step in words, and the key where it is a mapping's."""
    kind = type(value)
    if kind is FunctionType:
        yield from _of_function(value)
    elif kind is MethodType:
        yield value.__func__, "", None
        yield value.__self__, ".__self__", None
    elif kind is CellType:
        with suppress(ValueError):  # an empty one
            yield value.cell_contents, "", None
    elif kind is ContextVar:
        with suppress(LookupError):  # it has no default
            yield Context().run(value.get), ".get()", None
    else:
        yield from _of_container(value, kind)
        yield from _of_instance(value, kind)
        if kind.__module__ in _IN_C:
            yield from ((inner, ".<kept>", None) for inner in gc.get_referents(value))


def _of_container(value: Any, kind: type) -> Iterator[tuple[Any, str, object]]:
    if issubclass(kind, dict):
        for key, inner in list(dict.items(value)):
            yield inner, f"[<{type(key).__name__}>]", key if type(key) is str or type(key) is int else None
    for plain in _SEQUENCES:
        if issubclass(kind, plain):
            for place, inner in enumerate(list(plain.__iter__(value))):
                yield inner, "[...]" if plain in (set, frozenset) else f"[{place}]", None


def _of_instance(value: Any, kind: type) -> Iterator[tuple[Any, str, object]]:
    if issubclass(kind, type):
        for name, inner in list(type.__dict__["__dict__"].__get__(value).items()):
            if not name.startswith("__"):
                yield inner, f".{name}", None
    elif id(kind) not in _CONTAINERS:
        for name, inner in (vars(value) if kind is local else fields(value)).items():
            yield inner, f".{name}", None


def _of_function(function: FunctionType) -> Iterator[tuple[Any, str, object]]:
    yield function.__code__, ".__code__", None
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        yield cell, f".<{name}>", None
    defaults = function.__defaults__ or ()
    code = function.__code__
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    for name, inner in [*zip(names, defaults, strict=False), *(function.__kwdefaults__ or {}).items()]:
        yield inner, f"({name}=...)", None
    for name, inner in list(vars(function).items()):
        yield inner, f".{name}", None
