"""Names that stand for something else than they say: a fallback that has won, an alias of another class.

Names that the configuration gives a role are looked at in every module of the application, once it is complete.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.fallbacks import fallbacks
from isolation_audit.analysis.named_files import text_of
from isolation_audit.instrument.resolve import dict_of, function_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.rules.factories.modules import Modules

if TYPE_CHECKING:
    from isolation_audit.config.model import Config, Target
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_LARGEST: Final = 2_000_000


@dataclass(slots=True, eq=False, repr=False)
class OtherThing:
    """``name`` of ``module`` is ``thing``; ``wanted`` is the module whose import has failed, empty for an alias.

    ``own`` where that module is the application's, or where ``thing`` is deprecated.
    """

    module: str
    name: str
    thing: str
    wanted: str
    own: bool
    place: RawStack
    """Where the thing is defined, as far as it has code."""


class OtherThings:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._modules = runtime.part(Modules)
        self._names = frozenset(_names(runtime.config))
        self._deprecated = frozenset(_class_of(entry.target) for entry in runtime.config.deprecations)
        self._packages = frozenset(target.module.partition(".")[0] for target in _targets(runtime.config))
        self._replacements = _replacements(runtime.config)
        self._told: set[tuple[str, str]] = set()
        self._waiting: deque[weakref.ref[ModuleType]] = deque()
        self._modules.listen(self._complete)
        runtime.settling.append(self._settle)

    def _complete(self, module: ModuleType) -> None:
        """Look at it later: files are not read while the application imports, nor while the audit starts."""
        self._waiting.append(weakref.ref(module))

    def _settle(self, _grace: float) -> None:
        while self._waiting:
            try:
                module = self._waiting.popleft()()
            except IndexError:  # another thread settles as well
                return
            if module is not None:
                self._look(module)

    def _look(self, module: ModuleType) -> None:
        inside = dict_of(module)
        for name in self._names:
            if name in inside and (module.__name__, name) not in self._told:
                value = inside[name]
                found = self._fallback(module, name, value) or self._alias(module, name, value)
                if found is not None:
                    self._told.add((module.__name__, name))
                    self._runtime.publish(found)

    def _fallback(self, module: ModuleType, name: str, value: Any) -> OtherThing | None:
        file = dict_of(module).get("__file__")
        if value is None or type(file) is not str:
            return None
        text = text_of(file, _LARGEST)
        if "except" not in text:
            return None
        for found in fallbacks(text, {name}):
            wanted = _absolute(module, found.wanted)
            if wanted and not _is_there(wanted, name, value):
                thing = f"the fallback of line {found.line}"
                return OtherThing(module.__name__, name, thing, wanted, self._is_own(wanted), _definition(value))
        return None

    def _alias(self, module: ModuleType, name: str, value: Any) -> OtherThing | None:
        """A class or function under another one's name; of what is made by a decorator or a call, nobody can tell."""
        if type(value) is not FunctionType and not issubclass(type(value), type):
            return None
        own = value.__qualname__ if type(value) is FunctionType else type.__dict__["__qualname__"].__get__(value)
        home = str(value.__module__)
        if own == name or "<" in own or (home == module.__name__ and type(value) is FunctionType):
            return None
        thing = f"{home}:{own}"
        if (name, thing) in self._replacements or thing in _decorated(value):
            return None
        return OtherThing(module.__name__, name, thing, "", thing in self._deprecated, _definition(value))

    def _is_own(self, wanted: str) -> bool:
        top = sys.modules.get(wanted.partition(".")[0])
        known = issubclass(type(top), ModuleType) and self._modules.is_own(top)  # type: ignore[arg-type]
        return known or wanted.partition(".")[0] in self._packages


def _absolute(module: ModuleType, wanted: str) -> str:
    level = len(wanted) - len(wanted.lstrip("."))
    if not level:
        return wanted
    package = str(dict_of(module).get("__package__") or "").split(".")
    return ".".join([*package[: len(package) - level + 1], wanted[level:]]).strip(".")


def _is_there(wanted: str, name: str, value: Any) -> bool:
    """Whether the import has given what the name stands for."""
    module = sys.modules.get(wanted)
    return issubclass(type(module), ModuleType) and dict_of(module).get(name) is value  # type: ignore[arg-type]


def _definition(value: Any) -> RawStack:
    """A function, or the first of a class."""
    own = [value] if type(value) is FunctionType else []
    if issubclass(type(value), type):
        own = [function for raw in list(dict_of(value).values()) if (function := function_of(raw)) is not None]
        own = [function for function in own if function.__module__ == value.__module__]
    codes = [beneath(function).__code__ for function in own]
    return ((min(codes, key=_first_line), 0),) if codes else ()


def _first_line(code: CodeType) -> int:
    return code.co_firstlineno


def _decorated(value: Any) -> frozenset[str]:
    below = getattr(value, "__wrapped__", None) if type(value) is FunctionType else None
    return frozenset() if below is None else frozenset({f"{below.__module__}:{below.__qualname__}"})


def _targets(config: Config) -> list[Target]:
    found = [*config.identity.context_types]
    for entries in (config.engines, config.deprecations, config.emitters, config.singletons, config.factories):
        found += [entry.target for entry in entries]
    return found + [entry.replacement for entry in config.deprecations if entry.replacement is not None]


def _names(config: Config) -> set[str]:
    """The configured classes, and functions of modules that are factories."""
    return {target.qualname.partition(".")[0] for target in _targets(config) if target.qualname}


def _class_of(target: Target) -> str:
    return f"{target.module}:{target.qualname.partition('.')[0]}"


def _replacements(config: Config) -> frozenset[tuple[str, str]]:
    """The replacement under the name of what it replaces is what a migrated file says."""
    return frozenset(
        (entry.target.qualname.partition(".")[0], _class_of(new))
        for entry in config.deprecations
        for new in (entry.replacement, *(origin.replacement for origin in entry.origins))
        if new is not None
    )
