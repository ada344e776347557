"""Lazy singletons: a function makes an object when it is not there yet, and two calls of it do so at once.

Between the look at the name and the assignment another thread, or at an ``await`` another task, may look, too. Each
caller then goes on with an object of its own. Calls that find nothing are watched until the last of them is over.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.layout import MISSING
from isolation_audit.instrument.resolve import Resolved, dict_of, function_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.rules.concurrency import lazy_places
from isolation_audit.rules.concurrency.windows import Call, LookPlace, Windows
from isolation_audit.rules.factories.modules import Modules
from isolation_audit.targets.singleton import Singletons

if TYPE_CHECKING:
    from types import ModuleType

    from isolation_audit.analysis.lazy_names import LazyName
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SHARED: Final = 10_000
"""Objects that modules keep, and classes of them."""


class LazySingletons:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.windows = runtime.part(Windows)
        self.singletons: Singletons = runtime.part(Singletons)
        self._runtime = runtime
        self._modules = runtime.part(Modules)
        self._shared: dict[int, weakref.ref[Any]] = {}
        self._classes: dict[int, weakref.ref[type]] = {}
        self._functions: dict[int, tuple[weakref.ref[Any], str]] = {}
        """Functions that are watched, and by which name: others may have more names for one."""
        self._modules.listen(self._module)

    def _module(self, module: ModuleType) -> None:
        """Watch every function of a module that makes something when it is not there yet."""
        for resolved, lazy in _accessors(module):
            self._watch(module.__name__, resolved, lazy, of_objects=False)
        for value in lazy_places.kept_objects(module):
            self.share(value)

    def share(self, value: Any) -> None:
        """An object that everybody uses: what its methods make once is made for everybody."""
        cls = type(value)
        if len(self._shared) >= _SHARED or self._modules.of(cls) is None:
            return
        try:
            self._shared[id(value)] = weakref.ref(value, partial(self._gone, id(value)))
        except TypeError:
            return
        known = self._classes.get(id(cls))
        if known is None or known() is not cls:
            self._classes[id(cls)] = weakref.ref(cls)
            for resolved, lazy in lazy_places.of_objects(cls):
                self._watch(resolved.owner.__module__, resolved, lazy, of_objects=True)

    def is_shared(self, value: Any) -> bool:
        """Whether a module keeps this object."""
        known = self._shared.get(id(value))
        return known is not None and known() is value

    def _gone(self, key: int, _reference: Any) -> None:
        self._shared.pop(key, None)

    def _watch(self, module: str, resolved: Resolved, lazy: LazyName, *, of_objects: bool) -> None:
        place = f"{module}:{resolved.name}"
        if isinstance(resolved.owner, type):
            place = f"{module}:{resolved.owner.__qualname__}.{resolved.name}"
        function = function_of(resolved.raw)
        known = self._functions.get(id(function))
        if function is None or (known is not None and known[0]() is function and known[1] != place):
            return
        self._functions[id(function)] = weakref.ref(function), place

        def make(layout: Layout) -> LazyPoint:
            return LazyPoint(self, place, resolved, lazy, layout, of_objects=of_objects)

        placing = partial(self._runtime.places.callable, resolved, "lazy singleton", make)
        self._runtime.places.meanwhile(("lazy", place), placing)


class LazyPoint(Interceptor):
    """Around a function that makes what is not there yet."""

    def __init__(
        self,
        lazies: LazySingletons,
        place: str,
        resolved: Resolved,
        lazy: LazyName,
        layout: Layout,
        *,
        of_objects: bool,
    ) -> None:
        self.place = place
        self._place = LookPlace(place, str(lazy), entry=lazy.form == "item")
        self._lazies = lazies
        self._evident = lazy.form == "global" or (lazy.form == "attribute" and not of_objects)
        self._function = beneath(function_of(resolved.raw) or resolved.raw)
        self._slot = lazy_places.Slot(self._function, lazy, layout)
        self._self_of = layout.receiver_reader() if of_objects else None
        self._names = self._function.__globals__ if lazy.form == "global" else None
        self._key = lazy.key.name

    def before(self, values: Values) -> Call | None:
        """Note a call that finds nothing."""
        if self._names is not None and self._names.get(self._key) is not None:
            return None  # the usual call of the usual accessor
        if self._self_of is not None and not self._lazies.is_shared(self._self_of(values)):
            return None
        found = self._slot.find(values)
        if found is None or self._slot.value(*found) is not None:
            return None
        return self._lazies.windows.enter((self.place, *lazy_places.identity(*found)), found)

    def after(self, call: Call, result: Any) -> None:
        """Note what it has made; the last call compares."""
        kept = self._slot.value(*call.held)
        made = result if type(result) is type(kept) or kept is MISSING else kept
        window = self._lazies.windows.leave(self._place, call, made)
        if window is not None and self._evident:
            stack = window.makers[0].stack
            self._lazies.singletons.evident(kept, self.place, self._function, stack, self._place.name)
            self._lazies.share(kept)

    def failed(self, call: Call, _error: BaseException) -> None:
        """It has made nothing."""
        self._lazies.windows.fail(call)


def _accessors(module: ModuleType) -> list[lazy_places.Found]:
    """What a module makes once; looked for once a process, or again when its names stand for other things."""
    known = _found.get(module.__name__)
    things = [id(value) for value in list(dict_of(module).values())]
    if known is None or known[0]() is not module or known[1] != things:
        # No tuple() of a generator: where another thread looks at all objects meanwhile, that is a SystemError.
        known = _found[module.__name__] = (weakref.ref(module), things, [*lazy_places.of_module(module)])
    return known[2]


_found: dict[str, tuple[weakref.ref[ModuleType], list[int], list[lazy_places.Found]]] = {}
