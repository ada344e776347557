"""The contents of a value: the texts in it, and what it is in words; nothing of the application runs for that.

Unlike a payload, a value that was stored may be any object: its fields are followed, a few levels deep. Never into what
belongs to the process: modules, functions, tasks, locks, loggers, files.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import io
import logging
import queue
import threading
from array import array
from collections import deque
from contextvars import Context, ContextVar, Token
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import islice
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from weakref import ref

from isolation_audit.analysis.variables import variables_of
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.tables import first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__builtins__ = BUILTINS

NODES: Final = 400
"""Values inside of one value that are looked at."""

CHARACTERS: Final = 40_000
"""Characters of them."""

_SMALL: Final = 1_000
_HUGE: Final = 10**15

DEPTH: Final = 5
"""Levels of containers and objects."""

NUMBERS: Final = (int, float, complex, bool, Decimal)
SCALARS: Final = (*NUMBERS, type(None), Enum, date, time, timedelta, tzinfo, type(Ellipsis))
"""What tells nobody's story by itself."""

_ANSWERED: Final = (
    asyncio.Future,
    concurrent.futures.Future,
    asyncio.Queue,
    queue.Queue,
    asyncio.Event,
    threading.Event,
)

TEXTS: Final = (str, bytes, bytearray, UUID)
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)

_UNITS: Final[tuple[tuple[Any, str], ...]] = (
    *((str, "characters"), (bytes, "bytes")),
    *((one, "items") for one in (dict, *_SEQUENCES)),
)
"""What the size of a value is counted in."""
_SIZED: Final = tuple([kind for kind, _unit in _UNITS])
_PLAIN_SIZED: Final = frozenset(map(id, _SIZED))

_FILES: Final[Any] = io.IOBase.__base__
"""All of them. Of ``io.IOBase`` itself, which is abstract, a class is asked through its metaclass."""

OF_THE_PROCESS: Final = (
    *(ModuleType, FunctionType, BuiltinFunctionType, MethodType, CodeType, FrameType, TracebackType, type),
    *(Context, ContextVar, Token, ref, array),
    *(logging.Logger, logging.Handler, logging.Formatter, threading.Thread, threading.local, _FILES),
    *(
        asyncio.AbstractEventLoop,
        asyncio.BaseTransport,
        asyncio.Event,
        asyncio.Lock,
        asyncio.Handle,
        asyncio.Queue,
        queue.Queue,
        asyncio.Semaphore,
    ),
    *(type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event, BaseException),
)


_RUNNING: Final = ((GeneratorType, "gi_frame"), (CoroutineType, "cr_frame"), (AsyncGeneratorType, "ag_frame"))
"""What goes on later, and the name of its frame."""


def is_scalar(value: Any) -> bool:
    """True for numbers, dates and the like."""
    return issubclass(type(value), SCALARS)


def tells_nothing(value: Any) -> bool:
    """True for what is scalar, but for numbers of so many digits that they may be known again."""
    return is_scalar(value) and not ((type(value) is int or type(value) is float) and _SMALL <= abs(value) < _HUGE)


def is_number(value: Any) -> bool:
    """True for what is counted with."""
    return issubclass(type(value), NUMBERS) and type(value) is not bool


def is_of_the_process(value: Any) -> bool:
    """True for callables, locks, loggers, files and the like: whoever has made them, they are there for all."""
    return issubclass(type(value), OF_THE_PROCESS)


def is_sized(value: Any) -> bool:
    """True for Python's own texts and containers."""
    return id(type(value)) in _PLAIN_SIZED


def is_future(value: Any) -> bool:
    """True for what will have a result."""
    return type(value) is asyncio.Future or type(value) is asyncio.Task


def has_a_way_back(value: Any) -> bool:
    """True for what is handed to somebody who answers to it: a job with its future, its event or its queue."""
    held = [value, *islice(_inside(value), NODES)] if not is_future(value) else []
    return any(issubclass(type(one), _ANSWERED) for one in held)


def holds_jobs(value: Any) -> bool:
    """True for a list of such jobs."""
    return (type(value) is list or type(value) is deque) and any(map(has_a_way_back, first(value, 1)))


def is_plain(value: Any) -> bool:
    """True for data without behaviour of its own: texts and containers."""
    return issubclass(type(value), (*TEXTS, *_SEQUENCES, dict))


def texts(value: Any, nodes: int = NODES) -> list[str]:
    """The texts in a value, each once, within bounds: those that are nearest first."""
    found: list[str] = []
    seen: set[int] = set()
    level: list[Any] = [value]
    left = CHARACTERS
    for depth in range(DEPTH + 1):
        deeper: list[Any] = []
        for one in level:
            if nodes <= 0 or left <= 0:
                return found
            nodes -= 1
            text = one if type(one) is str else _text(one)
            if text is not None:
                found.append(text[:left])
                left -= len(text) + 1
            elif depth < DEPTH and one is not None and len(deeper) < nodes and id(one) not in seen:
                seen.add(id(one))
                deeper += _inside(one, nodes)
        level = deeper
    return found


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is dict or kind is list or value is None:
        return None
    if kind is int:
        return int.__repr__(value) if -(10**40) < value < 10**40 else None
    if kind is float:
        return float.__repr__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if kind is Decimal or kind is UUID:
        return str(value)
    if kind is bytes or kind is bytearray:
        return bytes(value[:CHARACTERS]).decode("utf-8", "replace")
    return None


def _inside(value: Any, most: int = NODES) -> Iterable[Any]:
    """What is in a value: of a mapping the first, as many as are asked for."""
    kind = type(value)
    if kind is dict:
        return _pairs(value, most)
    known = _ways.get(id(kind))
    if known is None or known[0]() is not kind:
        if len(_ways) >= _CLASSES:
            _ways.clear()
        known = _ways[id(kind)] = (ref(kind), _way_into(kind))
    way = known[1]
    return _pairs(value, most) if way is _pairs else way(value)


_CLASSES: Final = 5_000
_ways: Final[dict[int, tuple[ref[type], Callable[[Any], Iterable[Any]]]]] = {}
"""By the identity of a class: what is inside of its instances. To ask for each value what it is would take long."""


def _way_into(kind: type) -> Callable[[Any], Iterable[Any]]:
    if issubclass(kind, (*SCALARS, *OF_THE_PROCESS)) and not issubclass(kind, Enum):
        return _nothing
    if issubclass(kind, dict):
        return _pairs
    for plain in _SEQUENCES:
        if issubclass(kind, plain):
            return partial(_elements, plain)
    if kind is asyncio.Future or kind is asyncio.Task:
        return _result
    if any(kind is one for one, _name in _RUNNING):
        return lambda value: _parameters(value) or ()
    if is_of_a_collector(kind):
        return _nothing
    return lambda value: fields(value).values()


def is_of_a_collector(kind: type) -> bool:
    """True for objects of libraries that collect what passes, for whomever: an engine has its statements' values."""
    module = type.__getattribute__(kind, "__module__")
    return type(module) is str and module.partition(".")[0] in _COLLECTORS


_COLLECTORS: Final = frozenset({"isolation_audit", "sqlalchemy", "logging", "threading"})


def _nothing(_value: Any) -> Iterable[Any]:
    return ()


def _pairs(value: Any, most: int = NODES) -> Iterable[Any]:
    return [item for pair in first(dict.items(value), most) for item in pair]


def _elements(plain: Any, value: Any) -> Iterable[Any]:
    if plain in (list, tuple):
        last: Iterable[Any] = plain.__getitem__(value, slice(-NODES, None))
        return last
    return list(deque(plain.__iter__(value), NODES))


def _parameters(value: Any) -> list[Any] | None:
    """What a generator or a coroutine was started with, of which all that it gives is made; None for anything else."""
    kind = type(value)
    frame: FrameType | None = next((getattr(value, name) for one, name in _RUNNING if kind is one), None)
    if frame is None:
        return [] if any(kind is one for one, _name in _RUNNING) else None
    code, variables = frame.f_code, variables_of(frame)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [variables[name] for name in names if name in variables]


def _result(future: Any) -> list[Any]:
    if not future.done():
        # The task of a coroutine says what it works on before it has a result.
        return _parameters(future.get_coro()) or [] if type(future) is asyncio.Task else []
    if future.cancelled() or future._exception is not None:  # noqa: SLF001 - asking for it would mark it as seen
        return []
    return [future.result()]


def names(value: Any) -> list[str]:
    """The texts that a value is, or has as its own items or fields: what it is called by, not what it has collected."""
    own = _text(value)
    held = [own] if own is not None else [_text(one) for one in _own(value)]
    return [text for text in held if text is not None][:NODES]


def _own(value: Any) -> Iterable[Any]:
    kind = type(value)
    if issubclass(kind, (*SCALARS, *OF_THE_PROCESS)):
        return ()
    if issubclass(kind, dict):
        return list(dict.values(value))
    for plain in _SEQUENCES:
        if issubclass(kind, plain):
            return list(plain.__iter__(value))
    started_with = _result(value) if is_future(value) else _parameters(value)
    return fields(value).values() if started_with is None else started_with


def described(value: Any) -> str:
    """Type and size of a value: never what it holds."""
    return described_as(type(value), size_of(value))


def size_of(value: Any) -> int:
    """How many characters or items it has; 0 for what has none."""
    kind: Any = type(value)
    if not issubclass(kind, _SIZED):
        return 0
    plain: Any = next(one for one in _SIZED if issubclass(kind, one))
    size: int = plain.__len__(value)
    return size


def described_as(kind: type, size: int) -> str:
    """The same of a value of this class and size."""
    name = type.__dict__["__qualname__"].__get__(kind)
    for plain, unit in _UNITS:
        if issubclass(kind, plain):
            return f"a {name} of {size} {unit if size != 1 else unit[:-1]}"
    return f"an object of type {name}"
