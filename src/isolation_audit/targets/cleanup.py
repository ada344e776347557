"""Clean-up: an engine lets go of what it holds; how long that takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.targets.ownership import owner_reader

if TYPE_CHECKING:
    from isolation_audit.config.model import Engine
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User


class CleanupPoint(Interceptor):
    """Around a method that ``engines.cleanup`` names; an override that calls super() is one clean-up."""

    def __init__(
        self, entry: Engine, method: str, receivers: Receivers, cleaning: set[int], layout: Layout, runtime: Runtime
    ) -> None:
        self.place = f"{entry.target} (cleanup)"
        self._target = str(entry.target)
        self._method = method
        self._receivers = receivers
        self._cleaning = cleaning
        self._self_of = layout.receiver_reader()
        self._runtime = runtime
        self._owner = owner_reader(entry, layout, runtime)

    def before(self, values: Values) -> Any:
        """Note when it begins; None for receivers that are not meant, or are being cleaned up already."""
        obj = self._self_of(values)
        if not self._receivers.accept(type(obj)) or id(obj) in self._cleaning:
            return None
        # The object is alive as long as it is listed: the call's own values hold it.
        self._cleaning.add(id(obj))
        return (time.monotonic(), obj, values)

    def after(self, state: Any, _result: Any) -> None:
        """Measure."""
        started, obj, values = state
        self._cleaning.discard(id(obj))
        if self._runtime.cleaned is not None:
            self._runtime.cleaned(obj, self._method)
        self._runtime.levels.cleanup(started, self._target, self._method, lambda: self._user(obj, values))

    def failed(self, state: Any, _error: BaseException) -> None:
        """A clean-up that failed took its time, too."""
        self.after(state, None)

    def _user(self, obj: Any, values: Values) -> User | None:
        ambient = self._runtime.ambient.current()
        if ambient is not None:
            return ambient
        record = self._runtime.objects.get(obj)
        return record.owner if record is not None else self._owner.read(values)
