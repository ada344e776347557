"""Modules of the application: whoever wants to look at each one is told once it is complete, wherever it came from.

The import system tells of what it has executed. What other loaders have brought in, and what was there before the audit
began, is found by a look at ``sys.modules``.
"""

from __future__ import annotations

import sys
import weakref
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.instrument.patching.hooks import being_imported
from isolation_audit.instrument.resolve import dict_of
from isolation_audit.instrument.stacks import is_our_file
from isolation_audit.model.tables import loaded_modules
from isolation_audit.vocabulary.modules import ImportedModules

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime

    Listener = Callable[[ModuleType], None]

SCRIPTS: Final = ("__main__", "__mp_main__")
"""Names under which a script runs; the same file may have its proper name beside."""


class Modules(ImportedModules):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._listeners: list[Listener] = []
        self._seen: dict[str, weakref.ref[ModuleType]] = {}
        self._counted = 0
        self._script = 0
        config = runtime.config
        targets = [*config.identity.context_types]
        for entries in (config.engines, config.deprecations, config.factories, config.emitters):
            targets += [entry.target for entry in entries]
        self._packages = frozenset(target.module.partition(".")[0] for target in targets)
        runtime.settling.append(self._settle)

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of every module of the application; it may be told again after a reload."""
        self._listeners.append(listener)

    def look(self) -> None:
        """Find what nobody has told of."""
        modules = loaded_modules()
        self._counted = len(modules)
        for name, module in modules:
            if not issubclass(type(module), ModuleType) or not self.is_own(module):
                continue
            if being_imported(module):
                self._counted = 0  # nobody may tell when it is complete: look again
            else:
                self.imported(module, name, again=False)

    def imported(self, module: ModuleType, name: str, *, again: bool = True) -> None:
        """A module is complete; ``again`` where its code has just been executed, for the first time or not."""
        known = self._seen.get(name)
        if (known is not None and known() is module and not again) or not self.is_own(module):
            return
        self._seen[name] = weakref.ref(module)
        for listener in self._listeners:
            try:
                listener(module)
            except Exception as error:
                self._runtime.barrier.fault("modules", error)

    def is_own(self, module: ModuleType) -> bool:
        """True for what is the application's: not installed, or in a package that the configuration names."""
        names = dict_of(module)
        file: Any = names.get("__file__")
        own = _is_own_file(file) if type(file) is str else None
        if own is not None:
            return own
        return str(names.get("__name__")).partition(".")[0] in self._packages

    def of(self, cls: type) -> ModuleType | None:
        """The application's module that a class says it is from; None for another's."""
        module = sys.modules.get(str(dict_of(cls).get("__module__")))
        return module if issubclass(type(module), ModuleType) and self.is_own(module) else None  # type: ignore[arg-type]

    def is_of_own(self, function: FunctionType) -> bool:
        """True for a function of the application's."""
        module = sys.modules.get(str(function.__module__))
        return issubclass(type(module), ModuleType) and self.is_own(module)  # type: ignore[arg-type]

    def _settle(self, _grace: float) -> None:
        if len(sys.modules) != self._counted:
            self.look()
        for name in SCRIPTS:  # a script makes its names while it runs, and nobody tells when
            script = sys.modules.get(name)
            if script is not None and len(dict_of(script)) != self._script:
                self._script = len(dict_of(script))
                self.imported(script, name)


@lru_cache(maxsize=20_000)  # each look at sys.modules asks for all files
def _is_own_file(file: str) -> bool | None:
    """Whether a file is the application's or the auditor's; None for one that is installed."""
    if is_our_file(file):
        return False
    return None if is_installed(file) else True
