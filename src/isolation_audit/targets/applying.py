"""Applying: which probes each role of a target puts where."""

from __future__ import annotations

import gc
import inspect
from dataclasses import replace
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from isolation_audit.config.model import Deprecation, Target
from isolation_audit.instrument.calls.receivers import Receivers
from isolation_audit.instrument.calls.renamed import by_names_of
from isolation_audit.instrument.patching.methods import constructor_names, emitting_methods, instance_methods
from isolation_audit.instrument.patching.shims import GENERATORS
from isolation_audit.instrument.patching.targets import Watched
from isolation_audit.instrument.resolve import (
    Resolved,
    UnresolvedError,
    dict_of,
    find,
    function_of,
    has_receiver,
    mro_of,
    resolve,
)
from isolation_audit.instrument.shim_codes import is_generated
from isolation_audit.instrument.tracking.observations import Imported, Problem
from isolation_audit.targets.cleanup import CleanupPoint
from isolation_audit.targets.construction import ConstructionPoint, ConstructorPoint, Registrar
from isolation_audit.targets.content import ContentPoint
from isolation_audit.targets.current_user import watching
from isolation_audit.targets.emission import EmissionPoint
from isolation_audit.targets.manufacture import FactoryPoint, Origins
from isolation_audit.targets.membership import MembershipPoint
from isolation_audit.targets.progress import ProgressPoint
from isolation_audit.targets.result import Results
from isolation_audit.targets.scope import ScopePoint
from isolation_audit.targets.singleton import Singletons
from isolation_audit.targets.use import UsePoint
from isolation_audit.targets.usual_event import UsualEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

    from isolation_audit.config import model
    from isolation_audit.config.model import Deprecation, EventName, Target
    from isolation_audit.instrument.calls.interceptors import Interceptor
    from isolation_audit.instrument.patching.patches import PatchTable
    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime


class Applier:
    """Knows for each role of the configuration what to read around which calls."""

    def __init__(self, runtime: Runtime, patches: PatchTable) -> None:
        self._runtime = runtime
        self._patches = patches
        self.places = runtime.places
        self._roles: dict[str, WeakSet[Receivers]] = {}

    def plan(self) -> Iterator[Watched]:
        """Every target that calls are watched for."""
        config = self._runtime.config
        for engine in config.engines:
            registrar = Registrar(engine, self._runtime, self._runtime.tally.built_so_far)
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
        for singleton in config.singletons:
            yield Watched(singleton.target, "singleton", self._singleton(singleton), singleton.optional)
        yield from self._plan_of_events(config)

    def _plan_of_events(self, config: model.Config) -> Iterator[Watched]:
        for emitter in config.emitters:
            told = partial(constructor_names, emitter.owner)
            yield Watched(emitter.target, "emitter", self._emitter(emitter), emitter.optional, built_for=told)
        for rooms in config.rooms:
            for target in (rooms.join, *rooms.leave):
                yield Watched(target, "rooms", self._membership(rooms), rooms.optional)
        for scope in config.scopes:
            yield Watched(scope.target, "scope", self._scope(scope), scope.optional)
        for user in config.users:
            yield Watched(user.target, "users", watching(user, self.places, self._runtime), user.optional)

    # Roles

    def _engine(self, entry: model.Engine, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            cls = _class(resolve(module, target), target)
            for name in entry.requires:
                if find(cls, name)[0] is None:
                    self._runtime.publish(Problem("IA901", str(target), f"the required method {name!r} is missing"))
            for name in entry.cleanup:
                if find(cls, name)[0] is None:
                    self._runtime.publish(Problem("IA901", str(target), f"the method {name!r} is missing"))
            receivers = self._receivers("engine", cls, subclasses=entry.subclasses, exclude=entry.exclude)
            cleaning: set[int] = set()
            factories = self._runtime.config.factories
            canonical = any(factory.canonical and factory.builds == target for factory in factories)
            origins = Origins(entry, registrar) if canonical else None
            registrar.origins_asked = canonical

            def instrument(kind: type) -> None:
                self._construction(kind, receivers, registrar)
                self._cleanup(kind, entry, receivers, cleaning)
                for name, raw in instance_methods(kind, entry.methods):
                    function = function_of(raw)
                    found = [] if function is None else self._patches.codes_of(function)
                    codes = [code for code in found if not is_generated(code)]

                    def make(layout: Layout, name: str = name, codes: list[CodeType] = codes) -> Interceptor:
                        return UsePoint(entry, name, codes, receivers, layout, self._runtime, origins)

                    self.places.method(kind, name, raw, "use", by_names_of(cls, name, kind, make))

            self.places.family(cls, receivers, instrument)

        return apply

    def _cleanup(self, cls: type, entry: model.Engine, receivers: Receivers, cleaning: set[int]) -> None:
        for name in entry.cleanup:
            raw = find(cls, name)[1]
            if function_of(raw) is None or not has_receiver(cls, raw) or isinstance(raw, classmethod):
                continue

            def make(layout: Layout, name: str = name) -> Interceptor:
                return CleanupPoint(entry, name, receivers, cleaning, layout, self._runtime)

            self.places.method(cls, name, raw, "cleanup", make)

    def _deprecation(self, entry: Deprecation, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            if not target.qualname:
                self._runtime.tally.seen_so_far[str(target)] += 1
                self._runtime.publish(Imported(entry, module))
                return
            resolved = resolve(module, target)
            cls = resolved.cls
            if cls is None:
                registrar.every_call = True
                self._constructor(registrar)(module, target)
                return
            receivers = self._receivers("deprecation", cls, subclasses=entry.subclasses, exclude=entry.exclude)
            self.places.family(cls, receivers, lambda kind: self._construction(kind, receivers, registrar))

        return apply

    def _constructor(self, registrar: Registrar) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = resolve(module, target)
            codes = self._runtime.constructor_codes.setdefault(registrar.place, {})
            codes.update((id(code), (code, target.qualname)) for code in self._codes_of(function_of(resolved.raw)))
            self._runtime.builds = object()
            self.places.callable(
                resolved,
                f"constructor {registrar.place}",
                lambda layout: ConstructorPoint(registrar, target.qualname, layout),
            )

        return apply

    def _factory(self, entry: model.Factory) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = resolve(module, target)
            function: Any = function_of(resolved.raw)
            if function is None:
                raise UnresolvedError(f"{target} is no Python function, so nothing built by it can be told apart")
            if not any(code.co_flags & GENERATORS for code in self._codes_of(function)):
                self.places.callable(resolved, "factory", lambda layout: FactoryPoint(entry, self._runtime, layout))
            codes = self._runtime.factory_codes
            for key, (_code, known) in list(codes.items()):
                if known is entry:
                    del codes[key]
            for code in self._codes_of(function):
                codes[id(code)] = (code, entry)
            self._runtime.builds = object()

        return apply

    def _singleton(self, entry: model.Singleton) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            cls = _class(resolve(module, target), target)
            receivers = Receivers(cls, subclasses=entry.subclasses)
            placing = self._runtime.part(Singletons).declared(str(target), cls, receivers)
            self.places.family(cls, receivers, placing.place)

        return apply

    def _codes_of(self, function: Any) -> Iterator[CodeType]:
        """The code of a function; of a decorated one, as a context manager is, also of what the decorator wraps."""
        while function is not None:
            yield from self._patches.codes_of(function)
            function = getattr(function, "__wrapped__", None)

    def _emitter(self, entry: model.Emitter) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = resolve(module, target)
            cls = resolved.cls
            if cls is None:
                for purpose, make in self._emitting(entry, resolved.name, entry.event, None):
                    self.places.callable(entered(resolved), purpose, make)
                return
            for glob, _event in entry.methods:
                if glob.isidentifier() and find(cls, glob)[0] is None:
                    self._runtime.publish(Problem("IA901", str(target), f"the method {glob!r} is missing"))
            receivers = self._receivers("emitter", cls, subclasses=entry.subclasses, exclude=entry.exclude)
            registrar = Registrar(entry, self._runtime, None)

            def instrument(kind: type) -> None:
                if entry.owner:
                    self._construction(kind, receivers, registrar)
                for name, raw, event in emitting_methods(kind, entry):
                    has_self = has_receiver(kind, raw) and not isinstance(raw, classmethod)
                    for purpose, make in self._emitting(entry, name, event, receivers if has_self else None):
                        self.places.method(kind, name, raw, purpose, by_names_of(cls, name, kind, make))

            self.places.family(cls, receivers, instrument)

        return apply

    def _emitting(
        self, entry: model.Emitter, name: str, event: EventName, receivers: Receivers | None
    ) -> Iterator[tuple[str, Callable[[Layout], Interceptor]]]:
        """What watches one emitting callable, in the order in which it is asked."""
        runtime = self._runtime

        def emission(layout: Layout) -> Interceptor:
            point = EmissionPoint(entry, name, event, receivers, layout, runtime)
            point.usual = UsualEvents(entry, name, event, receivers, layout, runtime).joined
            return point

        yield "emission", emission
        if runtime.content is not None and entry.payload:
            content = runtime.content
            yield "content", lambda layout: ContentPoint(entry, name, receivers, layout, runtime, content)
        if runtime.runs:
            yield "progress", lambda layout: ProgressPoint(entry, name, event, receivers, layout, runtime)

    def _membership(self, entry: model.Rooms) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            self.places.callable(
                resolve(module, target),
                f"rooms {entry.name}",
                lambda layout: MembershipPoint(entry, target, layout, self._runtime),
            )

        return apply

    def _scope(self, entry: model.Scope) -> Callable[[ModuleType, Target], None]:
        def apply(module: ModuleType, target: Target) -> None:
            resolved = entered(resolve(module, target))
            function: Any = function_of(resolved.raw)
            # A function decorated with @contextmanager returns before its block begins: what it wraps tells.
            while function is not None:
                code = getattr(function, "__code__", None)
                if code is not None and code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
                    raise UnresolvedError(
                        f"{target} is a generator: its body runs in whatever context resumes it, so it can't be a "
                        "scope; name a function that is called inside it"
                    )
                function = getattr(function, "__wrapped__", None)
            runtime, content = self._runtime, self._runtime.content
            searched = content is not None and runtime.config.watch.payloads
            results = Results(entry, runtime, content) if content is not None and searched else None

            def make(layout: Layout) -> Interceptor:
                return ScopePoint(entry, resolved.name, layout, runtime, results)

            self.places.callable(resolved, "scope", make)

        return apply

    def _construction(self, cls: type, receivers: Receivers, registrar: Registrar) -> None:
        def make(layout: Layout) -> Interceptor:
            return ConstructionPoint(registrar, receivers, layout)

        self.places.construction(cls, f"construction {registrar.place}", make)

    def _receivers(self, role: str, cls: type, *, subclasses: bool, exclude: tuple[Target, ...]) -> Receivers:
        """Receivers of one entry; of several entries of one role, an object belongs to that of its nearest class."""
        made = Receivers(cls, subclasses=subclasses, exclude=exclude)
        for other in list(self._roles.setdefault(role, WeakSet())):
            if other.cls is cls:
                continue
            if type.__subclasscheck__(other.cls, cls):
                other.nearer.append(cls)
            elif type.__subclasscheck__(cls, other.cls):
                made.nearer.append(other.cls)
        self._roles[role].add(made)
        return made


def _class(resolved: Resolved, target: Target) -> type:
    if resolved.cls is None:
        raise UnresolvedError(f"{target} is a {type(resolved.raw).__name__}, not a class")
    return resolved.cls


def entered(resolved: Resolved) -> Resolved:
    """The function that an object holds and stands for, where the target is one: an actor, a task, a flow.

    A broker or a registry has the object itself, and calls it past the name in the module. The function, by its name
    and module, is found in what the object keeps, also in a proxy that has made nothing of it yet.
    """
    raw = resolved.raw
    known = function_of(raw) is not None or issubclass(type(raw), (type, partial))
    if known or not isinstance(resolved.owner, ModuleType):
        return resolved
    for value in (*_kept(raw), *(inner for held in _kept(raw) for inner in _kept(held))):
        function = function_of(value)
        if function is not None and (function.__module__, function.__name__) == (
            resolved.owner.__name__,
            resolved.name,
        ):
            return replace(resolved, raw=function)
    return resolved


def _kept(raw: Any) -> list[Any]:
    """What an object refers to, and what its class has: told by the interpreter, no attribute of it is read."""
    if issubclass(type(raw), (FunctionType, ModuleType, type)):
        return []
    referents = gc.get_referents(raw)
    inside = [
        value
        for one in referents
        if (type(one) is dict or type(one) is tuple or type(one) is list)
        for value in gc.get_referents(one)
    ]
    members = [value for cls in mro_of(type(raw)) for value in list(dict_of(cls).values())]
    return [*referents, *inside, *members][:_HELD]


_HELD: Final = 1_000
"""Values of one object that are looked at."""
