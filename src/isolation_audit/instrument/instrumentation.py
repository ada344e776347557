"""Instrumentation: watches for the configured modules, instruments their targets, and takes everything back."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

from isolation_audit.instrument import hooks
from isolation_audit.instrument.applying import Applier
from isolation_audit.instrument.observations import Problem
from isolation_audit.instrument.patches import PatchTable
from isolation_audit.instrument.resolve import UnresolvedError, resolve
from isolation_audit.instrument.shims import UnshimmableError
from isolation_audit.instrument.targets import State, Watched

if TYPE_CHECKING:
    from types import ModuleType

    from isolation_audit.instrument.runtime import Runtime


class Instrumentation:
    """All targets of one configuration, on and off."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._patches = PatchTable()
        self._applier = Applier(runtime, self._patches)
        self._lock = threading.RLock()
        self._running = False
        self.targets: list[Watched] = self._applier.plan()

    def start(self) -> None:
        """Instrument what is imported already and wait for the rest."""
        self._running = True
        early = [name for name in self._modules() if hooks.when_imported(name, self._imported)]
        self._report_escaped(early)

    def stop(self) -> None:
        """Undo every patch and forget the hooks."""
        with self._lock:
            self._running = False
            for name in self._modules():
                hooks.forget(name, self._imported)
            self._patches.undo()

    def refresh(self) -> None:
        """Look again: modules that were still being imported, reloaded or removed, subclasses completed by a decorator."""
        with self._lock:
            if not self._running:
                return
            for watched in self.targets:
                module = sys.modules.get(watched.target.module)
                if module is None:
                    hooks.rearm(watched.target.module)
                elif self._outdated(watched, module):
                    self._apply(watched, module)
            self._applier.revisit()

    def _modules(self) -> list[str]:
        return list(dict.fromkeys(watched.target.module for watched in self.targets))

    def _imported(self, module: ModuleType) -> None:
        with self._lock:
            if self._running:
                for watched in self.targets:
                    if watched.target.module == module.__name__:
                        self._apply(watched, module)

    @staticmethod
    def _outdated(watched: Watched, module: ModuleType) -> bool:
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            return False
        if watched.state is State.WAITING:
            return True
        if watched.found is None or not watched.target.qualname:
            return False
        try:
            return resolve(module, watched.target).raw is not watched.found
        except UnresolvedError:
            return False

    def _apply(self, watched: Watched, module: ModuleType) -> None:
        again = watched.state in (State.APPLIED, State.LATE)
        try:
            # Noted first: where instrumenting replaces the attribute, the applier notes the replacement.
            watched.found = resolve(module, watched.target).raw if watched.target.qualname else module
            watched.apply(module, watched.target)
            watched.found = resolve(module, watched.target).raw if watched.target.qualname else module
        except UnresolvedError as error:
            watched.state = State.ABSENT if watched.optional else State.MISSING
            watched.detail = str(error)
            self._runtime.publish(Problem("IA901", str(watched.target), str(error), optional=watched.optional))
        except (UnshimmableError, TypeError, AttributeError) as error:
            watched.state, watched.detail = State.MISSING, f"can't be instrumented: {error}"
            self._runtime.publish(Problem("IA901", str(watched.target), watched.detail))
        except Exception as error:
            watched.state, watched.detail = State.MISSING, f"fault: {type(error).__name__}"
            self._runtime.barrier.fault(str(watched.target), error)
        else:
            watched.state = State.APPLIED
            if again:
                self._late(
                    watched, "it was replaced after it had been instrumented (a reload?); the gap was not watched"
                )

    def _late(self, watched: Watched, message: str) -> None:
        watched.state, watched.detail = State.LATE, message
        self._runtime.publish(Problem("IA902", str(watched.target), message))

    def _report_escaped(self, early: list[str]) -> None:
        classes: dict[type, list[Watched]] = {}
        for watched in self.targets:
            if watched.target.module in early and watched.state is State.APPLIED and isinstance(watched.found, type):
                classes.setdefault(watched.found, []).append(watched)
        if not classes:
            return
        counts = dict.fromkeys(classes, 0)
        for obj in gc.get_objects():
            # type(), not isinstance(): a proxy's __class__ property would run application code.
            for cls in type(obj).__mro__:
                if cls in counts:
                    counts[cls] += 1
        for cls, count in counts.items():
            if count:
                for watched in classes[cls]:
                    self._late(
                        watched,
                        f"{count} object(s) existed before the auditor came; their owners are bound at first use",
                    )
