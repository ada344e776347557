"""Lazy singletons: a function makes an object when it is not there yet, and two calls of it do so at once.

Between the look at the name and the assignment another thread, or at an ``await`` another task, may look, too. Each
caller then goes on with an object of its own. Calls that find nothing are watched until the last of them is over; what
they have made by then is compared, and told once it is known whether more than one of the objects has stayed.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import weakref
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.lazy_names import LazyName, lazy_name
from isolation_audit.instrument.layout import MISSING
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.instrument.resolve import Resolved, dict_of, find, function_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.instrument.stacks import here
from isolation_audit.model import scopes
from isolation_audit.rules.factories.modules import Modules
from isolation_audit.targets.singleton import Singletons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_PLAIN: Final = (type(None), str, bytes, int, float, bool, complex, tuple, frozenset, type, FunctionType, ModuleType)
_LONGEST: Final = 1.0
"""Seconds for which a second object may be around: whoever has made it may still be at work with it."""
_MADE: Final = 64
"""Objects of one window that are told apart."""


@dataclass(slots=True, eq=False, repr=False)
class Raced:
    """Several calls of ``target`` have each made the object that ``name`` stands for; both places, and how many."""

    target: str
    name: str
    made: int
    kept: int
    """How many of them are still there."""
    how: str
    seconds: float
    first: RawStack
    second: RawStack


@dataclass(slots=True, eq=False, repr=False)
class _Call:
    """One call that has found nothing."""

    key: int
    stack: RawStack
    began: float
    thread: int
    task: int
    values: Any


@dataclass(slots=True, eq=False, repr=False)
class _Window:
    """From the first call that finds nothing to the end of the last one; it holds what they have made."""

    calls: int = 0
    objects: list[Any] = field(default_factory=list)
    makers: list[_Call] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class _Doubt:
    """A window in which several were made, until it is known how many stay."""

    point: LazyPoint
    makers: list[_Call]
    made: int
    references: list[weakref.ref[Any]]
    over: float
    test: Any


class LazySingletons:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.singletons: Singletons = runtime.part(Singletons)
        self.doubts: list[_Doubt] = []
        runtime.part(Modules).listen(self._module)
        runtime.settling.append(self._settle)

    def _module(self, module: ModuleType) -> None:
        """Watch every function of a module that makes something when it is not there yet."""
        for resolved, lazy in _accessors(module):
            place = f"{module.__name__}:{resolved.name}"
            if isinstance(resolved.owner, type):
                place = f"{module.__name__}:{resolved.owner.__qualname__}.{resolved.name}"

            def make(layout: Layout, place: str = place, resolved: Resolved = resolved, lazy: Any = lazy) -> LazyPoint:
                return LazyPoint(self, place, resolved, lazy, layout)

            placing = partial(self.runtime.places.callable, resolved, "lazy singleton", make)
            self.runtime.places.meanwhile(("lazy", place), placing)

    def _settle(self, grace: float) -> None:
        now = time.monotonic()
        waiting, self.doubts = self.doubts, []
        for doubt in waiting:
            if now - doubt.over < min(grace, _LONGEST):
                self.doubts.append(doubt)
                continue
            kept = sum(reference() is not None for reference in doubt.references)
            first, second = sorted(doubt.makers[:2], key=attrgetter("began"))
            how = f"{doubt.made} tasks" if first.thread == second.thread else f"{doubt.made} threads"
            with scopes.of_test(doubt.test):
                self.runtime.publish(
                    Raced(
                        doubt.point.place,
                        doubt.point.name,
                        doubt.made,
                        kept,
                        how,
                        second.began - first.began,
                        first.stack,
                        second.stack,
                    )
                )


class LazyPoint(Interceptor):
    """Around a function that makes what is not there yet."""

    def __init__(self, lazies: LazySingletons, place: str, resolved: Resolved, lazy: LazyName, layout: Layout) -> None:
        self.place = place
        self.name = lazy.name
        self._lazies = lazies
        self._function = beneath(function_of(resolved.raw) or resolved.raw)
        self._owner_of = _owner_reader(self._function, lazy, layout)
        self._windows: dict[int, _Window] = {}
        # Re-entrant: a garbage collection inside may close a coroutine that is at such a call.
        self._lock = threading.RLock()

    def before(self, values: Values) -> _Call | None:
        """Note a call that finds nothing."""
        owner = self._owner_of(values)
        if owner is None or _read(owner, self.name) is not None:
            return None
        call = _Call(id(owner), here(), time.monotonic(), threading.get_ident(), _task(), owner)
        with self._lock:
            self._windows.setdefault(call.key, _Window()).calls += 1
        return call

    def after(self, state: _Call, result: Any) -> None:
        """Note what it has made; the last call compares."""
        kept = _read(state.values, self.name)
        made = result if type(result) is type(kept) else kept
        with self._lock:
            window = self._windows.get(state.key)
            if window is None:
                return
            window.calls -= 1
            known = any(made is one for one in window.objects)
            if not known and not issubclass(type(made), _PLAIN) and len(window.objects) < _MADE:
                window.objects.append(made)
                window.makers.append(state)
            if window.calls:
                return
            del self._windows[state.key]
        if window.objects:
            self._lazies.singletons.evident(kept, self.place, self._function, window.makers[0].stack, self.name)
        if len(window.objects) > 1:
            self._doubt(window)

    def failed(self, state: _Call, _error: BaseException) -> None:
        """It has made nothing."""
        with self._lock:
            window = self._windows.get(state.key)
            if window is not None:
                window.calls -= 1
                if not window.calls:
                    del self._windows[state.key]

    def _doubt(self, window: _Window) -> None:
        references = [reference for one in window.objects if (reference := _reference(one)) is not None]
        test = scopes.test_variable.get()
        makers = window.makers[:2]
        self._lazies.doubts.append(_Doubt(self, makers, len(window.objects), references, time.monotonic(), test))


def _accessors(module: ModuleType) -> Iterator[tuple[Resolved, LazyName]]:
    """The functions and class methods of a module that make something once; found once a module."""
    known = _found.get(module.__name__)
    names = dict_of(module)
    if known is None or known[0]() is not module or known[1] != len(names):
        found = tuple(_search(module))
        known = _found[module.__name__] = (weakref.ref(module), len(names), found)
    yield from known[2]


_found: dict[str, tuple[weakref.ref[ModuleType], int, tuple[tuple[Resolved, LazyName], ...]]] = {}


def _search(module: ModuleType) -> Iterator[tuple[Resolved, LazyName]]:
    for name, value in list(dict_of(module).items()):
        if type(value) is FunctionType:
            if lazy := _of_function(value, module, of_class=False):
                yield Resolved(module, name, value, module), lazy
        elif issubclass(type(value), type) and dict_of(value).get("__module__") == module.__name__:
            for method, raw in list(dict_of(value).items()):
                of_class = type(raw) is classmethod or method == "__new__"
                function = function_of(raw)
                if function is not None and (lazy := _of_function(function, module, of_class=of_class)):
                    yield Resolved(value, method, raw, value), lazy


def _of_function(function: FunctionType, module: ModuleType, *, of_class: bool) -> LazyName | None:
    code = beneath(function).__code__
    if function.__module__ != module.__name__ or code.co_flags & _GENERATORS:
        return None
    lazy = lazy_name(code)
    if lazy is None or not lazy.owner:
        return lazy
    first = code.co_varnames[0] if code.co_argcount else ""
    # What a method makes for its own object is that object's; of a local variable nothing is known.
    return lazy if (of_class if lazy.owner == first else lazy.owner not in code.co_varnames) else None


def _owner_reader(function: FunctionType, lazy: LazyName, layout: Layout) -> Callable[[Values], Any]:
    """Who has the name: the module's globals as a dict, or a class."""
    names = function.__globals__
    if not lazy.owner:
        return lambda _values: names
    if function.__code__.co_argcount and function.__code__.co_varnames[0] == lazy.owner:
        self_of = layout.receiver_reader()
        # `__new__` is a static method: its class is a plain first value.
        first = self_of if layout.receiver else (lambda values: values[0] if layout.exact else values[0][0])
        return lambda values: _class(first(values))
    return lambda _values: _class(names.get(lazy.owner))


def _class(found: Any) -> Any:
    return found if issubclass(type(found), type) else None


def _read(owner: Any, name: str) -> Any:
    """What the name stands for now; None where there is nothing."""
    found = owner.get(name) if type(owner) is dict else find(owner, name)[1]
    return None if found is MISSING else found


def _reference(made: Any) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(made)
    except TypeError:
        return None


def _task() -> int:
    try:
        return id(asyncio.current_task())
    except RuntimeError:
        return 0
