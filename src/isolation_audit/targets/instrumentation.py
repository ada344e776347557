"""Instrumentation: watches for the configured modules, instruments their targets, and takes everything back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.heap.kinds import kinds_of_all
from isolation_audit.instrument.patching import hooks
from isolation_audit.instrument.patching.ambient_targets import ambient_targets
from isolation_audit.instrument.patching.patches import PatchTable, withdraw_left_behind
from isolation_audit.instrument.patching.placing import Places
from isolation_audit.instrument.patching.replacements import is_another
from isolation_audit.instrument.patching.shims import UnshimmableError
from isolation_audit.instrument.patching.targets import State, Watched
from isolation_audit.instrument.resolve import UnresolvedError, leads_to, mro_of, resolve
from isolation_audit.instrument.tracking.observations import Problem
from isolation_audit.model.roles import AMBIENT, INTEGRATION
from isolation_audit.targets.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.rewrite.loading import Loading
    from isolation_audit.instrument.runtime import Runtime

Integrate = Callable[[Places], list[Watched]]
"""Loads an integration and gives its targets."""

_EVERY: Final = 20
"""Looks until the targets of integrations are looked at as well, where no module has come or gone meanwhile."""


class Instrumentation:
    """All targets of one configuration, on and off."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._patches = PatchTable()
        self.places = runtime.places = Places(self._patches, runtime.barrier)
        """Where points are put."""
        runtime.part(Drift)
        self._lock = threading.RLock()
        self._running = False
        self._hooks: dict[str, hooks.Hook] = {}
        self._awaited: dict[str, list[Watched]] = {}
        self.loading: Loading | None = None
        """What rewrites modules at their import, where state is watched."""
        if runtime.config.audit.depth != "calls":
            from isolation_audit.instrument.rewrite.loading import Loading  # with Python's parser

            self.loading = Loading(
                runtime.config.state.packages,
                runtime.barrier,
                lambda what, why: self._publish(Problem("IA902", what, why)),
                libraries=runtime.config.state.libraries,
            )
        self.targets: list[Watched] = self._plan()
        self.integrated: list[Watched] = []
        """Targets of integrations; their modules are waited for, and never imported on their behalf."""
        self._waiting: dict[str, list[Integrate]] = {}
        """By the module of their library, integrations that wait for it."""
        self._befores: dict[str, Callable[[], None]] = {}
        self.changes = 0
        """How often the state of a target has changed."""
        self._modules_seen = 0
        self._known_modules: dict[str, int] = {}
        """Identities of modules of the standard library at the latest look."""
        self._looks = 0

    def _plan(self) -> list[Watched]:
        """Every target of the configuration with the way to instrument it; nothing is touched yet."""
        runtime, config = self._runtime, self._runtime.config
        found = list(ambient_targets(config.ambient, runtime.ambient))
        roles = (config.engines, config.deprecations, config.factories, config.singletons)
        if any(roles) or any((config.emitters, config.rooms, config.scopes, config.users)):
            from isolation_audit.targets.applying import Applier  # with what is done around each role's calls

            found += Applier(runtime, self._patches).plan()
        return found

    def integrate(self, module: str | None, load: Integrate) -> None:
        """Watch what an integration gives: now, or, where its library's ``module`` is not there, before its import."""
        if module is None or module in sys.modules:
            self.integrated += load(self.places)
        else:
            self._waiting.setdefault(module, []).append(load)

    def _library_comes(self, module: str) -> None:
        """The application is about to import a library: its integrations have to be there before its code runs."""
        found = [watched for load in self._waiting.pop(module, ()) for watched in load(self.places)]
        with self._lock:
            self.integrated += found
            for watched in found:
                self._awaited.setdefault(watched.target.module, []).append(watched)
            for name in dict.fromkeys(watched.target.module for watched in found) if self._running else ():
                if name not in self._hooks:
                    hook = self._hooks[name] = partial(self._imported, name=name)
                    hooks.when_imported(name, hook)
                elif name in sys.modules and not hooks.being_imported(sys.modules[name]):
                    for watched in found:
                        if watched.target.module == name:
                            self._apply(watched, sys.modules[name])

    def probes(self) -> list[Probe]:
        """What is asked at everything that is instrumented at present."""
        return self._patches.probes()

    def start(self) -> None:
        """Instrument what is imported already and wait for the rest."""
        self.places.over = False
        withdraw_left_behind()
        if self.loading is not None:
            self.loading.start()
        for module in list(self._waiting):
            if module in sys.modules:
                self._library_comes(module)
            else:
                before = self._befores[module] = partial(self._library_comes, module)
                hooks.before_import(module, before)
        self._running = True
        self._awaited = {}
        for watched in self._everything():
            self._awaited.setdefault(watched.target.module, []).append(watched)
        self._hooks = {name: partial(self._imported, name=name) for name in self._awaited}
        self._passing(set(self._awaited))
        early = [name for name, hook in self._hooks.items() if hooks.when_imported(name, hook)]
        self._report_escaped(early, kinds_of_all, "existed before the auditor came")

    def stop(self) -> None:
        """Undo every patch and forget the hooks."""
        with self._lock:
            for watched in self.targets:
                main = sys.modules.get(watched.target.module)
                if watched.role == AMBIENT and watched.state is State.WAITING and main is not None:
                    self._apply(watched, main)  # it may have been made since the last look, and adopted by a reading
            self._running = False
            for name, hook in self._hooks.items():
                hooks.forget(name, hook)
            for name, before in self._befores.items():
                hooks.forget_before(name, before)
            self._hooks, self._befores = {}, {}
            self.places.release_all()
        if self.loading is not None:
            self.loading.stop()

    def after_fork(self) -> None:
        """In a forked child: a lock that another thread of the parent held is held by nobody here."""
        self._lock = threading.RLock()

    def look(self) -> None:
        """Look again as :meth:`refresh` does, at what may well have changed: an idle process must cost nothing.

        Configured targets each time; those of integrations when modules have come or gone, and now and then, because
        a reload changes no number of modules.
        """
        modules = len(sys.modules)
        self._looks = 0 if modules != self._modules_seen else (self._looks + 1) % _EVERY
        self._modules_seen = modules
        self._refresh(self.targets if self._looks else self._everything())

    def refresh(self) -> None:
        """Look again: modules still being imported then, reloaded or removed; subclasses completed by a decorator."""
        self._refresh(self._everything())

    def _refresh(self, targets: list[Watched]) -> None:
        with self._lock:
            if not self._running:
                return
            passing = self._passing({watched.target.module for watched in targets if watched.role == INTEGRATION})
            for watched in targets:
                module = sys.modules.get(watched.target.module)
                if watched.role == INTEGRATION and watched.target.module in passing:
                    continue
                if module is None:
                    hooks.rearm(watched.target.module)
                elif self._outdated(watched, module):
                    self._apply(watched, module)
            self.places.revisit()

    def _passing(self, names: set[str]) -> frozenset[str]:
        """The modules of the standard library in whose place something stands that may be gone in a moment.

        Libraries such as eventlet put modules of their own there, import something that is then built on them, and put
        the first ones back: what is there under its own name, and still at the next look, has come to stay.
        """
        passing = []
        for name in names & sys.stdlib_module_names:
            module = sys.modules.get(name)
            known = self._known_modules.setdefault(name, id(module))
            if known != id(module) or (module is not None and vars(module).get("__name__") != name):
                passing.append(name)
            self._known_modules[name] = id(module)
        return frozenset(passing)

    def told(self, seen: Mapping[str, int]) -> list[dict[str, Any]]:
        """What reports say of the targets that were asked for, and of those of libraries that were imported.

        ``seen`` has the calls of those that were asked for.
        """
        imported = [one for one in self.integrated if one.state is not State.WAITING]
        shown = [one for one in imported if not ((one.quiet or one.sighting) and one.state is State.APPLIED)]
        return [
            {
                "target": str(watched.target),
                "role": watched.role,
                "state": watched.state.value,
                "detail": watched.detail,
                "seen": watched.calls[0] if watched.library else seen[str(watched.target)],
            }
            for watched in (*self.targets, *shown)
        ]

    def _everything(self) -> list[Watched]:
        return [*self.targets, *self.integrated]

    def _imported(self, module: ModuleType, name: str) -> None:
        with self._lock:
            if self._running:
                for watched in self._awaited[name]:
                    self._apply(watched, module)
                # An object that a module makes of its own class and keeps is made before anybody is told of the import.
                self._report_escaped(
                    [name], lambda: map(type, vars(module).values()), "were made by their own module's import"
                )

    def _outdated(self, watched: Watched, module: ModuleType) -> bool:
        if hooks.being_imported(module):
            return False
        if watched.state is State.WAITING:
            return True
        if watched.found is None or not watched.target.qualname or leads_to(watched.found, module, watched.target):
            return False
        try:
            found = resolve(module, watched.target).raw
        except UnresolvedError:
            return False
        if watched.role == INTEGRATION and self.places.holds(found):
            return False  # a library that makes its functions anew, as its integration knows
        return is_another(found, watched.found)

    def _apply(self, watched: Watched, module: ModuleType) -> None:
        again = watched.state in (State.APPLIED, State.LATE)
        self.changes += 1
        places = self.places
        if again:
            # What a reload leaves behind would pile up, reload after reload.
            places.release(id(watched))
        try:
            # Noted first: where instrumenting replaces the attribute, the replacement is noted afterwards.
            watched.found = resolve(module, watched.target).raw if watched.target.qualname else module
            with places.on_behalf_of(id(watched), watched.calls):
                watched.apply(module, watched.target)
            watched.found = resolve(module, watched.target).raw if watched.target.qualname else module
        except UnresolvedError as error:
            if watched.role == AMBIENT and watched.target.module == "__main__":
                watched.state = State.WAITING  # a script makes its names while it runs, and nobody tells when
                return
            self._failed(watched, str(error), optional=watched.optional)
        except (UnshimmableError, TypeError, AttributeError) as error:
            self._failed(watched, f"can't be instrumented: {error}", optional=bool(watched.doubt()))
        except Exception as error:
            watched.state, watched.detail = State.MISSING, f"fault: {type(error).__name__}"
            self._runtime.barrier.fault(str(watched.target), error)
        else:
            watched.state, watched.detail = State.APPLIED, watched.doubt()
            if again and not (watched.role == INTEGRATION and _is_put_there(watched)):
                self._late(
                    watched,
                    "it was replaced after it had been instrumented (a reload?); what was made before is not watched",
                )

    def _failed(self, watched: Watched, why: str, *, optional: bool) -> None:
        watched.state = State.ABSENT if optional else State.MISSING
        watched.detail = "; ".join(filter(None, (why, watched.doubt())))
        self._publish(Problem("IA901", str(watched.target), watched.detail, optional=optional))

    def _publish(self, problem: Problem) -> None:
        # In the middle of the application's import: nothing may escape.
        try:
            self._runtime.publish(problem)
        except Exception as error:
            self._runtime.barrier.fault(problem.target, error)

    def _late(self, watched: Watched, message: str) -> None:
        watched.state, watched.detail = State.LATE, message
        self._runtime.escaped.add(str(watched.target))
        self._publish(Problem("IA902", str(watched.target), message))

    def _report_escaped(self, modules: list[str], kinds: Callable[[], Iterable[type]], how: str) -> None:
        # Keyed by identity: a metaclass may have an __eq__ or a __hash__ of its own.
        classes: dict[int, list[Watched]] = {}
        for watched in self.targets:
            cls: Any = watched.found
            if watched.target.module not in modules or watched.state is not State.APPLIED:
                continue
            # All later calls of an object are seen; only what its constructor was told has escaped.
            if issubclass(type(cls), type) and (watched.built_for is None or watched.built_for(cls)):
                classes.setdefault(id(cls), []).append(watched)
        if not classes:
            return
        counts = dict.fromkeys(classes, 0)
        for kind in list(kinds()):
            for base in mro_of(kind):
                if id(base) in counts:
                    counts[id(base)] += 1
        for key, count in counts.items():
            for watched in classes[key] if count else ():
                self._late(watched, f"{count} object(s) {how}; their owners are bound at first use")


def _is_put_there(watched: Watched) -> bool:
    """True where an application has put a function of its own in the place of a library's: nothing was made before."""
    module = getattr(watched.found, "__module__", None)
    return type(watched.found) is FunctionType and module != watched.target.module
