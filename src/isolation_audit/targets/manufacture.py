"""Manufacture: what a declared factory returns is its own; what no constructor has made has come another way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.shim_codes import code_of
from isolation_audit.instrument.tracking.observations import Manufactured, Unbuilt

if TYPE_CHECKING:
    from isolation_audit.config.model import Engine, Factory
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User
    from isolation_audit.targets.construction import Registrar


class FactoryPoint(Interceptor):
    """Around a declared factory: however it makes what it returns, by copying a template for one, it has made it."""

    def __init__(self, entry: Factory, runtime: Runtime, layout: Layout) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._self_of = layout.receiver_reader() if layout.receiver else None
        self._builds = str(entry.builds)
        self._runtime = runtime

    def before(self, values: Values) -> Any:
        """Wait for the result."""
        self._runtime.tally.seen_so_far[self.place] += 1
        return values

    def after(self, values: Values, result: Any) -> None:
        """Remember the result."""
        record = None if result is None else self._runtime.objects.record(result)
        if record is not None:
            if self._builds not in record.built_by:
                record.built_by = (*record.built_by, self._builds)
            factory = None if self._self_of is None else self._self_of(values)
            if factory is not None and not issubclass(type(factory), type):
                self._runtime.publish(Manufactured(self._entry, factory, result, record))


class Origins:
    """Whether a constructor has made an engine's objects; asked where a canonical factory should have."""

    def __init__(self, entry: Engine, registrar: Registrar) -> None:
        self._entry = entry
        self._registrar = registrar
        self._target = registrar.place

    def check(self, obj: Any, ambient: User | None) -> None:
        """Tell of an object that is used and was never built, once."""
        registrar, runtime = self._registrar, self._registrar.runtime
        record = runtime.objects.get(obj)
        if record is not None and self._target in record.built_by:
            return
        if id(obj) in registrar.constructing or self._target in runtime.escaped or self._in_constructor():
            return
        record = runtime.objects.record(obj)
        if record is not None:
            record.built_by = (*record.built_by, self._target)
            runtime.publish(Unbuilt(self._entry, ambient, record))

    def _in_constructor(self) -> bool:
        runtime = self._registrar.runtime
        makers = {*runtime.constructor_codes.get(self._target, ()), *runtime.factory_codes}
        frame = sys._getframe(1)  # noqa: SLF001 - the stack tells who is at work
        while frame is not None:
            if id(code_of(frame)) in makers or frame.f_code.co_name in ("__new__", "__setstate__", "__reduce_ex__"):
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False
