"""The import system: tells of each module of the application as soon as its code has been executed."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.modules import ImportedModules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

PLACE: Final = "importlib._bootstrap_external:_LoaderBasics.exec_module"


class Imports:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What executes the code of every module that is found as a file."""
        if not runtime.config.watch.factories:
            return
        modules = runtime.listener(ImportedModules)
        yield Point(PLACE, lambda layout: ImportPoint(modules, layout))


class ImportPoint(Interceptor):
    """Around ``exec_module``."""

    place = PLACE

    def __init__(self, modules: ImportedModules, layout: Layout) -> None:
        self._modules = modules
        self._module_of = layout.argument("module")
        modules.look()

    def before(self, values: Values) -> Any:
        """Keep the module for the end."""
        module = self._module_of(values)
        return module if issubclass(type(module), ModuleType) else None

    def after(self, state: Any, _result: Any) -> None:
        """It is complete."""
        self._modules.imported(state, state.__name__)


integration = Imports()
