"""Applying: which probes each role of a target puts where."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from fnmatch import fnmatchcase
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from isolation_audit.config.model import Deprecation, EventName, Target
from isolation_audit.instrument import wrappers
from isolation_audit.instrument.layout import Layout, loose_layout, value_reader
from isolation_audit.instrument.observations import Imported, Problem
from isolation_audit.instrument.points.construction import ConstructionPoint, ConstructorPoint, Registrar
from isolation_audit.instrument.points.emission import EmissionPoint
from isolation_audit.instrument.points.receivers import Receivers
from isolation_audit.instrument.points.scope import ScopePoint
from isolation_audit.instrument.points.subclassing import SubclassPoint
from isolation_audit.instrument.points.use import UsePoint
from isolation_audit.instrument.resolve import (
    Resolved,
    UnresolvedError,
    find,
    function_of,
    has_receiver,
    names,
    resolve,
)
from isolation_audit.instrument.shims import exact_layout
from isolation_audit.instrument.targets import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.config import model
    from isolation_audit.instrument.patches import PatchTable
    from isolation_audit.instrument.probe import Interceptor, Probe
    from isolation_audit.instrument.runtime import Runtime

    MakePoint = Callable[[Layout], Interceptor]


class Applier:
    """Knows for each role of the configuration what to read around which calls."""

    def __init__(self, runtime: Runtime, patches: PatchTable) -> None:
        self._runtime = runtime
        self._patches = patches
        self._covered: set[tuple[int, str, str]] = set()
        """(identity of the patched thing, attribute, purpose): each purpose is served once a place."""
        self._families: list[tuple[type, Callable[[type], None]]] = []

    def plan(self) -> list[Watched]:
        """Every target of the configuration with the way to instrument it; nothing is touched yet."""
        return list(self._plan(self._runtime.config))

    def revisit(self) -> None:
        """Instrument what decorators added to known subclasses after they had been created."""
        for base, instrument in self._families:
            for cls in _descendants(base):
                instrument(cls)

    def _plan(self, config: model.Config) -> Iterator[Watched]:
        if config.ambient.contextvar is not None:
            yield Watched(config.ambient.contextvar, "ambient", self._adopt)
        for engine in config.engines:
            registrar = Registrar(engine, self._runtime, self._runtime.tally.built)
            yield Watched(engine.target, "engine", self._engine(engine, registrar), engine.optional)
            for target in engine.constructors:
                yield Watched(target, "constructor", self._constructor(registrar), engine.optional)
        for deprecation in config.deprecations:
            registrar = Registrar(deprecation, self._runtime, self._runtime.tally.deprecated)
            yield Watched(
                deprecation.target, "deprecation", self._deprecation(deprecation, registrar), deprecation.optional
            )
            for target in deprecation.constructors:
                yield Watched(target, "deprecated constructor", self._constructor(registrar), deprecation.optional)
        for factory in config.factories:
            yield Watched(factory.target, "factory", self._factory(factory), factory.optional)
        for emitter in config.emitters:
            yield Watched(emitter.target, "emitter", self._emitter(emitter), emitter.optional)
        for scope in config.scopes:
            yield Watched(scope.target, "scope", self._scope(scope), scope.optional)

    # Roles

    def _adopt(self, module: ModuleType, target: Target) -> None:
        found = resolve(module, target).raw
        variable = getattr(found, "context_var", found)
        if not isinstance(variable, ContextVar):
            raise UnresolvedError(f"{target} is a {type(found).__name__}, not a ContextVar")
        path = self._runtime.config.ambient.user_id
        self._runtime.ambient.adopt(variable, None if path is None else value_reader(path))

    def _engine(self, entry: model.Engine, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            cls = _class(resolve(module, target), target)
            for name in entry.requires:
                if find(cls, name)[0] is None:
                    self._runtime.publish(Problem("IA901", str(target), f"the required method {name!r} is missing"))
            receivers = Receivers.of(cls, subclasses=entry.subclasses, exclude=entry.exclude)

            def instrument(kind: type) -> None:
                self._construction(kind, receivers, registrar)
                for name, raw in _instance_methods(kind, entry.methods):
                    self._method(
                        kind,
                        name,
                        raw,
                        "use",
                        lambda layout, name=name: UsePoint(entry, name, receivers, layout, self._runtime),
                    )  # type: ignore[misc]

            self._family(cls, receivers, instrument)

        return apply

    def _deprecation(self, entry: Deprecation, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            if not target.qualname:
                self._runtime.tally.seen[str(target)] += 1
                self._runtime.publish(Imported(entry, module))
                return
            resolved = resolve(module, target)
            cls = resolved.cls
            if cls is None:
                self._constructor(registrar)(module, target)
                return
            receivers = Receivers.of(cls, subclasses=entry.subclasses, exclude=entry.exclude)
            self._family(cls, receivers, lambda kind: self._construction(kind, receivers, registrar))

        return apply

    def _constructor(self, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            self._callable(
                resolve(module, target),
                f"constructor {registrar.place}",
                lambda layout: ConstructorPoint(registrar, target.qualname, layout),
            )

        return apply

    def _factory(self, entry: model.Factory) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            function: Any = function_of(resolve(module, target).raw)
            if function is None:
                raise UnresolvedError(f"{target} is no Python function, so nothing built by it can be told apart")
            # A decorated factory (a context manager, say) builds inside the function that the decorator wraps.
            while function is not None:
                for code in self._patches.codes_of(function):
                    self._runtime.factory_codes[id(code)] = (code, entry)
                function = getattr(function, "__wrapped__", None)

        return apply

    def _emitter(self, entry: model.Emitter) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = resolve(module, target)
            cls = resolved.cls
            if cls is None:
                name = resolved.name
                self._callable(
                    resolved,
                    "emission",
                    lambda layout: EmissionPoint(entry, name, entry.event, None, layout, self._runtime),
                )
                return
            for glob, _event in entry.methods:
                if glob.isidentifier() and find(cls, glob)[0] is None:
                    self._runtime.publish(Problem("IA901", str(target), f"the method {glob!r} is missing"))
            receivers = Receivers.of(cls, subclasses=entry.subclasses, exclude=entry.exclude)
            registrar = Registrar(entry, self._runtime, None)

            def instrument(kind: type) -> None:
                if entry.owner:
                    self._construction(kind, receivers, registrar)
                for name, raw, event in _emitting_methods(kind, entry):
                    bound = receivers if not isinstance(raw, (classmethod, staticmethod)) else None
                    self._method(
                        kind,
                        name,
                        raw,
                        "emission",
                        lambda layout, name=name, event=event, bound=bound: EmissionPoint(
                            entry, name, event, bound, layout, self._runtime
                        ),
                    )  # type: ignore[misc]

            self._family(cls, receivers, instrument)

        return apply

    def _scope(self, entry: model.Scope) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = resolve(module, target)
            function = function_of(resolved.raw)
            flags = function.__code__.co_flags if function is not None else 0
            if flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
                raise UnresolvedError(
                    f"{target} is a generator: its body runs in whatever context resumes it, so it can't be a scope"
                )
            self._callable(resolved, "scope", lambda layout: ScopePoint(entry, resolved.name, layout, self._runtime))

        return apply

    # Places

    def _family(self, cls: type, receivers: Receivers, instrument: Callable[[type], None]) -> None:
        instrument(cls)
        if not receivers.subclasses:
            return

        def on_subclass(kind: type) -> None:
            if receivers.accept(kind):
                instrument(kind)

        for kind in _descendants(cls):
            on_subclass(kind)
        self._families.append((cls, on_subclass))
        point = SubclassPoint(str(cls), on_subclass)
        own = function_of(vars(cls).get("__init_subclass__"))
        if own is not None:
            self._patches.function(own).add(point, self._runtime.barrier)
            return
        probe = self._patches.attribute(
            cls, "__init_subclass__", None, lambda probe: wrappers.passthrough_init_subclass(cls, probe)
        )
        probe.add(point, self._runtime.barrier)

    def _construction(self, cls: type, receivers: Receivers, registrar: Registrar) -> None:
        home, raw = find(cls, "__init__")
        purpose = f"construction {registrar.place}"
        if type(raw) is FunctionType and (home is cls or _same_package(home, cls)):
            self._shim(
                raw,
                purpose,
                exact_layout(raw, receiver=True),
                lambda layout: ConstructionPoint(registrar, receivers, layout),
            )
        elif self._cover(home, "__init__", purpose) and (home is cls or self._cover(cls, "__init__", purpose)):
            layout = loose_layout(raw if callable(raw) else None, receiver=True)
            probe = self._patches.attribute(cls, "__init__", raw, lambda probe: wrappers.passthrough_init(cls, probe))
            probe.add(ConstructionPoint(registrar, receivers, layout), self._runtime.barrier)

    def _method(self, cls: type, name: str, raw: Any, purpose: str, make: MakePoint) -> None:
        function = function_of(raw)
        home = find(cls, name)[0]
        if function is not None and (home is cls or _same_package(home, cls)):
            self._shim(function, purpose, exact_layout(function, receiver=has_receiver(cls, raw)), make)
        elif home is cls:
            self._callable(Resolved(cls, name, raw, home), purpose, make)
        elif self._cover(cls, name, purpose):
            layout = loose_layout(getattr(cls, name), receiver=True)
            probe = self._patches.attribute(cls, name, raw, lambda probe: wrappers.passthrough_method(cls, name, probe))
            probe.add(make(layout), self._runtime.barrier)

    def _callable(self, resolved: Resolved, purpose: str, make: MakePoint) -> None:
        owner, name, raw = resolved.owner, resolved.name, resolved.raw
        receiver = has_receiver(owner, raw)
        function = function_of(raw)
        if function is not None:
            self._shim(function, purpose, exact_layout(function, receiver=receiver), make)
            return
        if not callable(raw) and not hasattr(type(raw), "__get__"):
            raise UnresolvedError(f"{owner.__name__}.{name} is a {type(raw).__name__}, which can't be called")
        if not self._cover(owner, name, purpose):
            return
        layout = loose_layout(raw if callable(raw) else None, receiver=receiver)
        probe = self._patches.attribute(owner, name, raw, lambda probe: wrappers.proxy(raw, probe))
        probe.add(make(layout), self._runtime.barrier)
        if isinstance(owner, ModuleType):
            self._patches.aliases(raw, vars(owner)[name], probe)

    def _shim(self, function: FunctionType, purpose: str, layout: Layout, make: MakePoint) -> None:
        if self._cover(function, "", f"{purpose}"):
            probe: Probe = self._patches.function(function)
            probe.add(make(layout), self._runtime.barrier)

    def _cover(self, thing: Any, name: str, purpose: str) -> bool:
        key = (id(thing), name, purpose)
        if key in self._covered:
            return False
        self._covered.add(key)
        return True


def _class(resolved: Resolved, target: Target) -> type:
    if resolved.cls is None:
        raise UnresolvedError(f"{target} is a {type(resolved.raw).__name__}, not a class")
    return resolved.cls


def _same_package(one: type, other: type) -> bool:
    return one.__module__.partition(".")[0] == other.__module__.partition(".")[0]


def _descendants(cls: type) -> list[type]:
    found: dict[type, None] = {}
    waiting = type.__subclasses__(cls)
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found[kind] = None
            waiting += type.__subclasses__(kind)
    return list(found)


def _instance_methods(cls: type, globs: tuple[str, ...]) -> Iterator[tuple[str, FunctionType]]:
    for name in names(cls):
        home, raw = find(cls, name)
        if type(raw) is FunctionType and _same_package(home, cls) and any(fnmatchcase(name, glob) for glob in globs):
            yield name, raw


def _emitting_methods(cls: type, entry: model.Emitter) -> Iterator[tuple[str, Any, EventName]]:
    for name in names(cls):
        event = _event_of(name, entry)
        if event is None:
            continue
        home, raw = find(cls, name)
        named = (name, event) in entry.methods or name in entry.broadcast
        if named or (function_of(raw) is not None and not isinstance(raw, property) and _same_package(home, cls)):
            yield name, raw, event


def _event_of(name: str, entry: model.Emitter) -> EventName | None:
    if name.startswith("__"):
        return None
    exact = dict(entry.methods).get(name)
    if exact is not None:
        return exact
    for glob, event in entry.methods:
        if fnmatchcase(name, glob):
            return event
    return EventName() if any(fnmatchcase(name, glob) for glob in entry.broadcast) else None
