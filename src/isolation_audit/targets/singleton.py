"""Singletons: classes of which there is meant to be one object, as the configuration or a lazy accessor says."""

from __future__ import annotations

import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.records import record
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.receivers import Receivers
from isolation_audit.instrument.resolve import dict_of
from isolation_audit.instrument.shim_codes import beneath, code_of
from isolation_audit.instrument.stacks import here

if TYPE_CHECKING:
    from types import CodeType, FunctionType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_CLASSES: Final = 1_000


@record
class SecondInstance:
    """Another object of a singleton's class was built while the first one was there.

    ``by`` is the accessor that makes it evident; empty where it is declared.
    """

    target: str
    by: str
    first: RawStack


class _Singleton:
    """What is known of one class: its present object, where that was made, and the code that may replace it."""

    def __init__(self, target: str, by: str) -> None:
        self.target = target
        self.by = by
        self.codes: dict[int, CodeType] = {}
        self.stack: RawStack = ()
        self.reference: weakref.ref[Any] | None = None

    def present(self) -> Any:
        """The object, as long as it is there."""
        return None if self.reference is None else self.reference()

    def take(self, obj: Any, stack: RawStack) -> None:
        """From now on it is this one."""
        try:
            self.reference = weakref.ref(obj)
        except TypeError:
            return
        self.stack = stack


class Singletons:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[int, tuple[type, _Singleton]] = {}

    def declared(self, target: str, cls: type, receivers: Receivers) -> SingletonPlacing:
        """How the constructions of a declared singleton are watched."""
        return SingletonPlacing(self._runtime, self._singleton(cls, target, ""), receivers)

    def evident(self, obj: Any, by: str, accessor: FunctionType, stack: RawStack, name: str) -> None:
        """A lazy accessor has made ``obj``: others of its class, where that is its module's, are looked for."""
        cls = type(obj)
        if dict_of(cls).get("__module__") != accessor.__module__ or len(self._known) >= _CLASSES:
            return
        target = f"{cls.__module__}:{cls.__qualname__}"
        new = id(cls) not in self._known
        singleton = self._singleton(cls, target, f"{by}() keeps one as {name}")
        code = beneath(accessor).__code__
        singleton.codes[id(code)] = code
        singleton.take(obj, stack)
        if new:
            placing = SingletonPlacing(self._runtime, singleton, Receivers(cls, subclasses=False))
            self._runtime.places.meanwhile(("singleton", target), partial(placing.place, cls))

    def _singleton(self, cls: type, target: str, by: str) -> _Singleton:
        return self._known.setdefault(id(cls), (cls, _Singleton(target, by)))[1]


class SingletonPlacing:
    """Puts a point around the constructor of a singleton's class."""

    def __init__(self, runtime: Runtime, singleton: _Singleton, receivers: Receivers) -> None:
        self._runtime = runtime
        self._singleton = singleton
        self._receivers = receivers

    def place(self, cls: type) -> None:
        """Around the ``__init__`` of this class."""
        self._runtime.places.construction(cls, f"singleton {self._singleton.target}", self._make)

    def _make(self, layout: Layout) -> SingletonPoint:
        return SingletonPoint(self._runtime, self._singleton, self._receivers, layout)


class SingletonPoint(Interceptor):
    """Around ``__init__``."""

    def __init__(self, runtime: Runtime, singleton: _Singleton, receivers: Receivers, layout: Layout) -> None:
        self.place = singleton.target
        self._runtime = runtime
        self._singleton = singleton
        self._receivers = receivers
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the object for the end."""
        obj = self._self_of(values)
        return (obj,) if self._receivers.accept(type(obj)) else None

    def after(self, state: Any, _result: Any) -> None:
        """Compare with the one that is there."""
        (obj,) = state
        singleton = self._singleton
        present = singleton.present()
        if present is obj:
            return
        self._runtime.tally.seen_so_far[self.place] += 1
        if present is None or self._by_accessor():
            singleton.take(obj, here())
        else:
            self._runtime.publish(SecondInstance(singleton.target, singleton.by, singleton.stack))

    def _by_accessor(self) -> bool:
        codes = self._singleton.codes
        frame = sys._getframe(1) if codes else None  # noqa: SLF001 - the stack tells who builds
        while frame is not None:
            if id(code_of(frame)) in codes:
                return True
            frame = frame.f_back
        return False
