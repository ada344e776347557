"""Windows: from the first call that finds nothing to the end of the last one, with what those calls have made.

The last call compares. Where several objects were made, it is told once it is known how many of them have stayed.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from dataclasses import dataclass, field
from operator import attrgetter
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.stacks import here
from isolation_audit.model import contexts

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_PLAIN: Final = (type(None), str, bytes, int, float, bool, complex, tuple, frozenset, type, FunctionType, ModuleType)
_RECORDS: Final = frozenset(
    {"__dataclass_fields__", "__pydantic_fields__", "model_fields", "__attrs_attrs__", "__mapper__"}
)
"""What classes have whose objects are data: two equal ones do no harm."""
_LONGEST: Final = 1.0
"""Seconds for which a second object may be around: whoever has made it may still be at work with it."""
_MADE: Final = 64
"""Objects of one window that are told apart."""
_WINDOWS: Final = 10_000
"""Windows that are open at once."""


@dataclass(slots=True, eq=False, repr=False)
class Raced:
    """Several calls of ``target`` have each made the object that ``name`` stands for; both places, and how many."""

    target: str
    name: str
    made: int
    kept: int | None
    """How many of them are still there; None where nothing tells that."""
    harmless: bool
    """One entry of many, and nothing but data: it may well be computed twice."""
    how: str
    seconds: float
    first: RawStack
    second: RawStack


@dataclass(slots=True, eq=False, repr=False)
class LookPlace:
    """Where calls look: ``target`` is called and looks for ``name``; ``entry`` where that is one of many."""

    target: str
    name: str
    entry: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Call:
    """One call that has found nothing; ``held`` keeps alive whose identity is in the key."""

    key: Hashable
    held: Any
    stack: RawStack
    began: float
    thread: int
    task: int


@dataclass(slots=True, eq=False, repr=False)
class Window:
    """What the calls of one place have made; it holds that until the last of them is over."""

    calls: int = 0
    objects: list[Any] = field(default_factory=list)
    makers: list[Call] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class _Doubt:
    """A window in which several were made, until it is known how many stay."""

    place: LookPlace
    window: Window
    made: int
    references: list[weakref.ref[Any]]
    harmless: bool
    over: float
    test: Any


class Windows:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._open: dict[Hashable, Window] = {}
        self._doubts: list[_Doubt] = []
        # Re-entrant: a garbage collection inside may close a coroutine that is at such a call.
        self._lock = threading.RLock()
        runtime.settling.append(self._settle)

    def enter(self, key: Hashable, held: Any) -> Call | None:
        """A call has found nothing under ``key``."""
        call = Call(key, held, here(), time.monotonic(), threading.get_ident(), _task())
        with self._lock:
            window = self._open.get(key)
            if window is None:
                if len(self._open) >= _WINDOWS:
                    return None
                window = self._open[key] = Window()
            window.calls += 1
        return call

    def leave(self, place: LookPlace, call: Call, made: Any) -> Window | None:
        """It has made this. The window, where it is over and something was made."""
        with self._lock:
            window = self._open.get(call.key)
            if window is None:
                return None
            known = any(made is one for one in window.objects)
            if not known and not issubclass(type(made), _PLAIN) and len(window.objects) < _MADE:
                window.objects.append(made)
                window.makers.append(call)
            if not self._ended(call, window):
                return None
        if len(window.objects) > 1:
            self._doubt(place, window)
        return window if window.objects else None

    def fail(self, call: Call) -> None:
        """It has made nothing."""
        with self._lock:
            window = self._open.get(call.key)
            if window is not None:
                self._ended(call, window)

    def _ended(self, call: Call, window: Window) -> bool:
        window.calls -= 1
        if not window.calls:
            del self._open[call.key]
        return not window.calls

    def _doubt(self, place: LookPlace, window: Window) -> None:
        references = [reference for one in window.objects if (reference := _reference(one)) is not None]
        harmless = place.entry and all(map(is_data, window.objects))
        test = contexts.test_variable.get()
        kept = Window(makers=window.makers[:2])
        self._doubts.append(_Doubt(place, kept, len(window.objects), references, harmless, time.monotonic(), test))

    def _settle(self, grace: float) -> None:
        now = time.monotonic()
        waiting, self._doubts = self._doubts, []
        for doubt in waiting:
            if now - doubt.over < min(grace, _LONGEST):
                self._doubts.append(doubt)
            else:
                self._tell(doubt)

    def _tell(self, doubt: _Doubt) -> None:
        kept = sum(reference() is not None for reference in doubt.references) if doubt.references else None
        first, second = sorted(doubt.window.makers, key=attrgetter("began"))
        how = f"{doubt.made} {_how(first, second)}"
        with contexts.of_test(doubt.test):
            self._runtime.publish(
                Raced(
                    doubt.place.target,
                    doubt.place.name,
                    doubt.made,
                    kept,
                    doubt.harmless,
                    how,
                    second.began - first.began,
                    first.stack,
                    second.stack,
                )
            )


def _how(first: Call, second: Call) -> str:
    if first.thread != second.thread:
        return "threads"
    return "tasks" if first.task != second.task else "calls, one inside another"


def _task() -> int:
    try:
        return id(asyncio.current_task())
    except RuntimeError:
        return 0


def is_data(value: Any) -> bool:
    """True for plain values and records: objects without a behaviour of their own."""
    kind = type(value)
    if issubclass(kind, _PLAIN) or dict_of(kind).get("__module__", "builtins") == "builtins":
        return True
    return any(not _RECORDS.isdisjoint(dict_of(base)) for base in mro_of(kind))


def _reference(made: Any) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(made)
    except TypeError:
        return None
