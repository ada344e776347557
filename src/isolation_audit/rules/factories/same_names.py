"""Same names: several classes of one name, for one role, are at work; and one file that is two modules.

Names that the configuration gives a role are looked for in every module of the application. Where two of its classes
have such a name, both are told once both are in use: somebody has built one, or called one of its class or static
methods. A name of one word (``Engine``, ``Context``) may mean many things: there the classes have to be alike.
"""

from __future__ import annotations

import os
import sys
import weakref
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.foundation.records import record
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.receivers import Receivers
from isolation_audit.instrument.resolve import Resolved, dict_of, find, function_of, mro_of, names
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.instrument.stacks import here
from isolation_audit.rules.factories.modules import SCRIPTS, Modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from isolation_audit.config.model import Config, Target
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

_WORDS: Final = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_NAMES: Final = 64
"""Classes of one name that are told apart."""


@record
class NamesClash:
    """A class is used here, and ``others`` of its name are in use, the first of them since ``first``."""

    name: str
    role: str
    used: str
    others: tuple[str, ...]
    first: RawStack


@record
class LoadedTwice:
    """One file was imported as two modules: each has classes and state of its own."""

    module: str
    other: str
    configured: bool


class SameNames:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._roles = _roles(runtime.config)
        self._modules = frozenset(target.module for target in _targets(runtime.config))
        self._classes: dict[str, dict[str, weakref.ref[type]]] = {name: {} for name in self._roles}
        config = runtime.config
        self._built = {str(one) for one in (*_of(config.engines), *_of(config.deprecations))}
        """Classes whose constructions are watched anyway; whoever judges these calls :meth:`used`."""
        self._used: dict[str, dict[str, RawStack]] = {}
        self._seen: dict[int, weakref.ref[type]] = {}
        """Classes whose objects have been seen, by their identity."""
        self._files: dict[str, str] = {}
        self._over: set[str] = set()
        """Classes of which nothing more is to be learned, and whose points are still there."""
        runtime.part(Modules).listen(self._module)
        runtime.settling.append(self._settle)

    def _settle(self, _grace: float) -> None:
        """Take back the points of classes that were used: other points of the same functions are alone again.

        Not at once, because to take code back has to wait for whoever is putting some in.
        """
        while self._over:
            self._runtime.places.release_code(("same name", self._over.pop()))

    def _module(self, module: ModuleType) -> None:
        self._file(module)
        inside = dict_of(module)
        for name in self._roles:
            cls: Any = inside.get(name)
            if not issubclass(type(cls), type) or dict_of(cls).get("__module__") != module.__name__:
                continue
            known = self._classes[name]
            if len(known) >= _NAMES:
                continue
            known[module.__name__] = weakref.ref(cls)
            if f"{module.__name__}:{name}" not in self._built:
                self._watch(name, cls)

    def _file(self, module: ModuleType) -> None:
        """Where one file is two modules at once, what is watched in one is not watched in the other."""
        name, file = module.__name__, dict_of(module).get("__file__")
        if name in SCRIPTS or type(file) is not str or file.endswith("__init__.py"):
            return
        path = _realpath(file)
        other = self._files.setdefault(path, name)
        if other == name or sys.modules.get(other) is None or sys.modules.get(name) is not module:
            self._files[path] = name
            return
        if any(issubclass(type(value), type) and value.__module__ == name for value in list(dict_of(module).values())):
            self._files[path] = name
            self._runtime.publish(LoadedTwice(name, other, other in self._modules or name in self._modules))

    def _watch(self, name: str, cls: type) -> None:
        place = f"{cls.__module__}:{cls.__qualname__}"
        places = self._runtime.places

        def make(layout: Layout) -> ClassPoint:
            return ClassPoint(self, name, place, Receivers(cls, subclasses=False), layout)

        def put() -> None:
            places.construction(cls, f"same name {place}", make)
            for method, raw in list(dict_of(cls).items()):
                if (type(raw) is classmethod or type(raw) is staticmethod) and not method.startswith("__"):
                    resolved = Resolved(cls, method, raw, cls)
                    places.callable(resolved, f"same name {place}", lambda layout: make(layout).of_class())

        places.meanwhile(("same name", place), put)

    def built(self, name: str, cls: type) -> None:
        """An object of a class of a watched name was made; of a class that is known there is nothing more to say."""
        known = self._seen.get(id(cls))
        if known is not None and known() is cls:
            return
        if len(self._seen) < _NAMES:
            self._seen[id(cls)] = weakref.ref(cls)
        self.used(name, f"{cls.__module__}:{cls.__qualname__}")

    def is_over(self, place: str) -> None:
        """Nothing more is learned of a class by its points."""
        self._over.add(place)

    def used(self, name: str, place: str) -> None:
        """A class of a watched name is used here."""
        users = self._used.setdefault(name, {})
        if place in users or name not in self._classes:
            return
        stack = here()
        living = (known() for known in self._classes[name].values())
        # Whether a class is there is asked of the reference: its metaclass may have a truth of its own.
        classes = {f"{dict_of(one).get('__module__')}:{name}": one for one in living if one is not None}
        cls = classes.get(place)
        others = [] if cls is None else [one for one in users if one in classes and _alike(name, cls, classes[one])]
        if others:
            self._runtime.publish(NamesClash(name, self._roles[name], place, tuple(others), users[others[0]]))
        users[place] = stack


class ClassPoint(Interceptor):
    """Around what makes or uses a class."""

    def __init__(self, same: SameNames, name: str, place: str, receivers: Receivers, layout: Layout) -> None:
        self.place = place
        self._same = same
        self._name = name
        self._receivers = receivers
        self._self_of = layout.receiver_reader()
        self._of_class = False
        self._told = False

    def of_class(self) -> ClassPoint:
        """For a class or static method: whoever calls it means this class."""
        self._of_class = True
        return self

    def before(self, values: Values) -> None:
        """Tell of the first use."""
        if not self._told and (self._of_class or self._receivers.accept(type(self._self_of(values)))):
            self._told = True
            self._same.used(self._name, self.place)
            self._same.is_over(self.place)


def _roles(config: Config) -> dict[str, str]:
    """Names that the configuration gives a role."""
    found: dict[str, str] = {}
    for role, entries in (
        ("engine", config.engines),
        ("deprecated engine", config.deprecations),
        ("emitter", config.emitters),
        ("singleton", config.singletons),
    ):
        found |= {entry.target.qualname: role for entry in entries if _is_class(entry.target) and role not in found}
    for factory in config.factories:
        name = factory.target.qualname.partition(".")[0]
        if name[:1].isupper():
            found.setdefault(name, "factory")
    found |= {target.qualname: "user context" for target in config.identity.context_types if _is_class(target)}
    return found


def _is_class(target: Target) -> bool:
    return target.qualname[:1].isupper() and "." not in target.qualname


def _targets(config: Config) -> Iterator[Target]:
    for entries in (config.engines, config.deprecations, config.emitters, config.singletons, config.factories):
        yield from _of(entries)


def _of(entries: Iterable[Any]) -> Iterator[Target]:
    return (entry.target for entry in entries)


def _alike(name: str, one: type, other: type) -> bool:
    """True where the name has several words, or both have a public method or a constructor's parameter in common."""
    if len(_WORDS.findall(name)) > 1:
        return True
    return bool((_methods(one) & _methods(other)) or (_parameters(one) & _parameters(other)))


def _methods(cls: type) -> set[str]:
    public = (name for name in names(cls) if not name.startswith("_"))
    return {name for name in public if function_of(find(cls, name)[1]) is not None}


def _parameters(cls: type) -> set[str]:
    function = function_of(find(cls, "__init__")[1])
    if function is None or mro_of(cls)[0] is object:
        return set()
    code = beneath(function).__code__
    return set(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])


@lru_cache(maxsize=4_000)  # each audit of a process asks for all files of the application
def _realpath(file: str) -> str:
    return os.path.realpath(file)
