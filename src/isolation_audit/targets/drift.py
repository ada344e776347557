"""Drift: signatures that are not what the configuration, or the class that they replace, says.

Compared once, when the modules are there; nothing is imported for it, and nothing of the application's is called.
"""

from __future__ import annotations

import inspect
import sys
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.paths import Root
from isolation_audit.instrument.hooks import being_imported
from isolation_audit.instrument.observations import Drifted
from isolation_audit.instrument.resolve import UnresolvedError, find, function_of, has_receiver, resolve
from isolation_audit.instrument.shim_codes import beneath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from isolation_audit.config.model import Deprecation, Engine, Target
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
        what = "a coroutine function" if new.awaited else "no coroutine function"
        yield f"{name} is {what}, other than in {old_class}, which it replaces", new.stack, old.stack, label
    if not old.anything:
        for parameter in new.needed:
            if parameter not in old.names:
                what = f"{name} needs {parameter!r}, which {old_class}.{name} does not take"
                yield what, new.stack, old.stack, label


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
