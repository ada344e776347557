"""Drift: signatures that are not what the configuration, or the class that they replace, says.

Compared once, when the modules are there; nothing is imported for it, and nothing of the application's is called.
"""

from __future__ import annotations

import inspect
import sys
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.config.paths import Root
from isolation_audit.instrument.patching.hooks import being_imported
from isolation_audit.instrument.resolve import UnresolvedError, dict_of, find, function_of, has_receiver, resolve
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.instrument.tracking.observations import Drifted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from isolation_audit.config.model import Deprecation, Engine, Factory, Target
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_WRAPPED: Final = 32


class Signature:
    """What a Python function, or the constructor of a class, takes; and where it is defined."""

    def __init__(self, function: Any, *, receiver: bool) -> None:
        chain = list(_chain(function))
        code: CodeType = chain[-1].__code__
        self.stack: RawStack = ((code, 0),)
        self.awaited = any(one.__code__.co_flags & inspect.CO_COROUTINE for one in chain)
        names = code.co_varnames[: code.co_argcount]
        keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        defaults = len(chain[-1].__defaults__ or ())
        given = set(chain[-1].__kwdefaults__ or ())
        self.names = (*names[int(receiver) :], *keywords)
        needed = names[: len(names) - defaults][int(receiver) :]
        self.needed = (*needed, *(name for name in keywords if name not in given))
        self.anything = bool(code.co_flags & (inspect.CO_VARKEYWORDS | inspect.CO_VARARGS))


class Drift:
    """Compares what is there; each entry once an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._deprecations = list(runtime.config.deprecations)
        self._engines = list(runtime.config.engines)
        self._pairs = _pairs(runtime.config.factories)
        self._classes: dict[int, ref[type]] = {}
        """Subclasses that have been looked at, by identity: a metaclass may have an ``__eq__`` of its own."""
        runtime.settling.append(self.look)

    def look(self, _grace: float) -> None:
        """Compare the entries whose modules have come."""
        for entry in self._deprecations.copy():
            replacement = entry.replacement
            if replacement is None or not entry.target.qualname or not replacement.qualname:
                self._deprecations.remove(entry)
            elif _is_there(entry.target) and _is_there(replacement):
                self._deprecations.remove(entry)
                self._tell(str(replacement), self._replaced(entry, replacement))
        for engine in self._engines.copy():
            if _is_there(engine.target):
                self._engines.remove(engine)
                self._tell(str(engine.target), self._engine(engine))
        for pair in self._pairs.copy():
            if all(map(_is_there, pair)):
                self._pairs.remove(pair)
                self._tell(str(pair[1]), _factories(*pair))
        for engine in self._runtime.config.engines:
            if (engine.requires or engine.cleanup) and _is_there(engine.target):
                self._overriding(engine)

    def _overriding(self, engine: Engine) -> None:
        """Subclasses whose methods are called otherwise than the engine's own; each is looked at once."""
        cls = _class(engine.target)
        wanted = dict.fromkeys((*engine.requires, *engine.cleanup))
        for kind in () if cls is None else _subclasses(cls):
            known = self._classes.get(id(kind))
            if known is None or known() is not kind:
                self._classes[id(kind)] = ref(kind)
                name = f"{kind.__module__}:{kind.__qualname__}"
                found = (one for method in wanted for one in _overridden(kind, engine.target, method))
                self._tell(name, found)

    def _tell(self, target: str, found: Iterator[tuple[str, RawStack, RawStack, str]]) -> None:
        """One observation a definition: what is wrong with it is mended at once."""
        by_place: dict[RawStack, list[tuple[str, RawStack, str]]] = {}
        for what, stack, other, label in found:
            by_place.setdefault(stack, []).append((what, other, label))
        for stack, every in by_place.items():
            self._runtime.publish(Drifted(target, "; ".join(what for what, *_ in every), stack, *every[0][1:]))

    def _replaced(self, entry: Deprecation, replacement: Target) -> Iterator[tuple[str, RawStack, RawStack, str]]:
        new, old = _signature(replacement), _signature(entry.target)
        if new is None:
            return
        there, label = (old.stack if old else ()), f"{entry.target}, which it replaces, is defined here"
        for name in () if new.anything else [new_name for _old, new_name in entry.arguments if new_name]:
            if name not in new.names:
                close = get_close_matches(name, new.names, n=1)
                meant = f"; did you mean {close[0]!r}?" if close else ""
                yield (
                    f"deprecations.arguments gives {name!r}, and it has no such parameter{meant}",
                    new.stack,
                    there,
                    label,
                )
        if new.awaited != entry.awaited:
            what = "it is a coroutine function, and" if new.awaited else "it is no coroutine function, and"
            says = f"deprecations.await is {str(entry.awaited).lower()} for {entry.target}"
            yield f"{what} {says}", new.stack, there, label
        if entry.arguments and old is not None and not old.anything:
            renamed = dict(entry.arguments)
            given = {renamed.get(name, name) for name in old.names}
            for name in new.needed:
                if name not in given:
                    yield f"it needs {name!r}, which no call of {entry.target} gives", new.stack, there, label

    def _engine(self, engine: Engine) -> Iterator[tuple[str, RawStack, RawStack, str]]:
        signatures = [_signature(target) for target in (engine.target, *engine.constructors)]
        known = [one for one in signatures if one is not None]
        wanted = [path.argument for path in engine.owner if path.root is Root.ARGUMENT]
        names = [name for name in wanted if type(name) is str]
        alone = names and len(names) == len(engine.owner) and len(known) == len(signatures)
        if alone and not any(one.anything or set(names) & set(one.names) for one in known):
            yield f"owner reads {_listed(names)}, and its constructor has no such parameter", known[0].stack, (), ""
        for entry in self._runtime.config.deprecations:
            if entry.replacement == engine.target and entry.target.qualname and _is_there(entry.target):
                for name in engine.requires:
                    yield from _method(engine.target, entry.target, name)


def _method(new_class: Target, old_class: Target, name: str) -> Iterator[tuple[str, RawStack, RawStack, str]]:
    new, old = (_signature(cls, name) for cls in (new_class, old_class))
    if new is None or old is None:
        return
    label = f"{old_class}.{name} is defined here"
    if new.awaited != old.awaited:
        yield f"{name} is {_kind(new)}, other than in {old_class}, which it replaces", new.stack, old.stack, label
    if not old.anything:
        for parameter in new.needed:
            if parameter not in old.names:
                what = f"{name} needs {parameter!r}, which {old_class}.{name} does not take"
                yield what, new.stack, old.stack, label


def _pairs(factories: tuple[Factory, ...]) -> list[tuple[Target, Target]]:
    """Factories of one name for one class: the canonical one, or the first, with each other one."""
    by_name: dict[tuple[str, Target], list[Target]] = {}
    for factory in sorted(factories, key=_not_canonical):
        by_name.setdefault((factory.target.qualname.rpartition(".")[2], factory.builds), []).append(factory.target)
    return [(first, other) for first, *others in by_name.values() for other in others]


def _not_canonical(factory: Factory) -> bool:
    return not factory.canonical


def _factories(first: Target, other: Target) -> Iterator[tuple[str, RawStack, RawStack, str]]:
    """Who changes the import from one to the other has to change the calls, too."""
    known, new = _signature(first), _signature(other)
    if known is not None and new is not None:
        yield from _called_otherwise(str(other), new, str(first), known)


def _overridden(kind: type, base: Target, name: str) -> Iterator[tuple[str, RawStack, RawStack, str]]:
    raw = dict_of(kind).get(name)
    function, known = function_of(raw), _signature(base, name)
    if function is not None and known is not None:
        new = Signature(function, receiver=has_receiver(kind, raw))
        yield from _called_otherwise(name, new, f"{base}.{name}", known)


def _called_otherwise(
    shown: str, new: Signature, other: str, known: Signature
) -> Iterator[tuple[str, RawStack, RawStack, str]]:
    label = f"{other} is defined here"
    if new.awaited != known.awaited:
        yield f"{shown} is {_kind(new)}, other than {other}", new.stack, known.stack, label
    if not known.anything:
        for parameter in new.needed:
            if parameter not in known.names:
                yield f"{shown} needs {parameter!r}, which {other} does not take", new.stack, known.stack, label


def _kind(signature: Signature) -> str:
    return "a coroutine function" if signature.awaited else "no coroutine function"


def _class(target: Target) -> type | None:
    try:
        return resolve(sys.modules[target.module], target).cls
    except (UnresolvedError, KeyError):
        return None


def _subclasses(cls: type) -> Iterator[type]:
    waiting: list[type] = type.__subclasses__(cls)
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += type.__subclasses__(kind)


def _is_there(target: Target) -> bool:
    module = sys.modules.get(target.module)
    return issubclass(type(module), ModuleType) and not being_imported(module)  # type: ignore[arg-type]


def _signature(target: Target, method: str = "__init__") -> Signature | None:
    """Of a function, or of a method of a class; None where there is none in Python."""
    try:
        resolved = resolve(sys.modules[target.module], target)
    except (UnresolvedError, KeyError):
        return None
    owner: Any = resolved.owner
    raw = resolved.raw
    if resolved.cls is not None:
        owner, raw = resolved.cls, find(resolved.cls, method)[1]
    elif method != "__init__":
        return None
    function = function_of(raw)
    return None if function is None else Signature(function, receiver=has_receiver(owner, raw))


def _chain(function: Any) -> Iterator[Any]:
    """A function, and what decorators have put below it."""
    for _ in range(_WRAPPED):
        if function_of(function) is None:
            return
        yield beneath(function)
        function = getattr(function, "__wrapped__", None)


def _listed(names: list[str]) -> str:
    return " and ".join(map(repr, names))
