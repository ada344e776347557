"""asgiref: ``Local``, in which Django keeps the language, the time zone and the URL configuration of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.model.running import running_task
from isolation_audit.vocabulary.libraries import TaskLocals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

LOCAL: Final = "asgiref.local:Local"
_CLASSES: Final = (LOCAL, "asgiref.local:_DefaultLocal", "asgiref.local:_ThreadCriticalLocal")
"""The first had it all until 3.11, and hands it down since."""

_PRIVATE: Final = "_"
_LIBRARIES: Final = ("asgiref",)
READ: Final = "work for {ambient} read from an asgiref Local what had been put there in other work, for {owner}"


class Asgiref:
    """The integration."""

    distribution = "asgiref"
    since = "3.6"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What is put into such an object, and what is read from it."""
        if runtime.config.watch.contexts:
            for cls in _CLASSES:
                yield Point(f"{cls}.__setattr__", lambda layout: SetPoint(layout, runtime))
                yield Point(f"{cls}.__getattr__", lambda layout: GetPoint(layout, runtime))


class SetPoint(Interceptor):
    """Around the setting of an attribute."""

    place = LOCAL

    def __init__(self, layout: Layout, runtime: Runtime) -> None:
        self._namespaces = runtime.listener(TaskLocals)
        self._self_of = layout.receiver_reader()
        self._name, self._value = layout.argument("key"), layout.argument("value")

    def before(self, values: Values) -> None:
        """Note who sets it."""
        name = self._name(values)
        if type(name) is str and not name.startswith(_PRIVATE):
            self._namespaces.set(self._self_of(values), name, self._value(values))


class GetPoint(Interceptor):
    """Around the reading of an attribute."""

    place = LOCAL

    def __init__(self, layout: Layout, runtime: Runtime) -> None:
        self._namespaces = runtime.listener(TaskLocals)
        self.gate = self._namespaces.gate
        self._self_of = layout.receiver_reader()
        self._name = layout.argument("key")

    def before(self, values: Values) -> Any:
        """Wait for what is read in a task."""
        if running_task() is None:
            return None
        name = self._name(values)
        return (self._self_of(values), name) if type(name) is str and not name.startswith(_PRIVATE) else None

    def after(self, state: Any, value: Any) -> None:
        """Compare with who has set it."""
        namespace, name = state
        self._namespaces.get(namespace, name, value, READ, _LIBRARIES)


integration = Asgiref()
