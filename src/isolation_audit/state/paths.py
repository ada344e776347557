"""Paths in words: how the application's modules lead to a container, such as ``app.registry:REGISTRY._agents['x']``.

Found from the modules' globals outwards, the shortest first, past everything that is code. Nothing of the application
runs: fields are read where they are stored. Only a finding asks for a path, and each is asked for once.
"""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass, replace
from itertools import islice
from threading import local
from types import CellType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.state.contents import fields, is_scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LARGEST: Final = 40_000
"""Objects that are looked at for one path."""

_WIDE: Final = 2_000
"""Parts of one object."""

_KNOWN: Final = 500

_SEQUENCES: Final = (list, tuple, deque, set, frozenset)


@dataclass(frozen=True, slots=True)
class Path:
    """A path from a module; ``target`` as configuration names it, ``keys`` the keys of mappings on the way."""

    words: str
    target: str = ""
    keys: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """The classes of the objects on the way, as ``module:Class``."""
    names: bool = False
    """True for a module or a class: what it holds has a target of its own."""

    def target_of(self, key: object) -> str:
        """What configuration calls the place of this key."""
        if self.names and type(key) is str:
            return f"{self.target}{'.' if ':' in self.target else ':'}{key}"
        return self.target


class Paths:
    """Paths that have been asked for, by the identity of the container."""

    def __init__(self) -> None:
        self._known: dict[int, Path | None] = {}

    def of(self, identity: int, files: Iterable[str] = ()) -> Path | None:
        """The path to the container of this identity; None where nothing leads to it."""
        if identity not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[identity] = _search(identity, frozenset(files))
        return self._known[identity]


def _search(identity: int, files: frozenset[str]) -> Path | None:
    seen: set[int] = set()
    held: list[Any] = []
    waiting: deque[tuple[Any, Path]] = deque()
    for name, module in _modules(files):
        if id(vars(module)) == identity:
            return Path(name, name, names=True)
        for key, value in list(vars(module).items()):
            if type(key) is str and not key.startswith("__"):
                waiting.append((value, Path(f"{name}.{key}", f"{name}:{key}")))
    while waiting and len(seen) < _LARGEST:
        value, path = waiting.popleft()
        if id(value) == identity:
            return replace(path, names=issubclass(type(value), type))
        if id(value) in seen or is_scalar(value) or type(value) in (str, bytes, ModuleType):
            continue
        seen.add(id(value))
        held.append(value)  # its identity is its own as long as it lives
        for inner, step, under in islice(_parts(value), _WIDE):
            waiting.append((inner, _longer(path, value, step, under)))
    return None


def _longer(path: Path, value: Any, step: str, key: object) -> Path:
    target = path.target
    if (
        issubclass(type(value), type)
        and step.startswith(".")
        and target.count(".") == target.partition(":")[0].count(".")
    ):
        target += step
    keys = path.keys if key is None else (*path.keys, str(key))
    cls = type(value)
    module = type.__getattribute__(cls, "__module__")
    return Path(path.words + step, target, keys, (*path.classes, f"{module}:{cls.__qualname__}"))


def _modules(files: frozenset[str]) -> Iterator[tuple[str, ModuleType]]:
    later = []
    for name, module in list(sys.modules.items()):
        file = vars(module).get("__file__") if type(module) is ModuleType else None
        if type(module) is not ModuleType or type(file) is not str or name.partition(".")[0] == "isolation_audit":
            continue
        if file in files:
            yield name, module
        elif not is_installed(file):
            later.append((name, module))
    yield from later


def _parts(value: Any) -> Iterator[tuple[Any, str, object]]:
    """What an object leads to: each with the step in words, and the key where it is a mapping's."""
    kind = type(value)
    if kind is FunctionType:
        yield from _of_function(value)
    elif kind is MethodType:
        yield value.__func__, "", None
        yield value.__self__, ".__self__", None
    elif kind is CellType:
        with suppress(ValueError):  # an empty one
            yield value.cell_contents, "", None
    elif kind is ContextVar:
        with suppress(LookupError):  # it has no default
            yield Context().run(value.get), ".get()", None
    else:
        yield from _of_container(value, kind)
        yield from _of_instance(value, kind)


def _of_container(value: Any, kind: type) -> Iterator[tuple[Any, str, object]]:
    if issubclass(kind, dict):
        for key, inner in list(dict.items(value)):
            shown = repr(key) if type(key) in (str, int, bytes, bool, type(None)) else f"<{type(key).__name__}>"
            yield inner, f"[{shown}]", key if type(key) is str else None
    for plain in _SEQUENCES:
        if issubclass(kind, plain):
            for place, inner in enumerate(list(plain.__iter__(value))):
                yield inner, "[...]" if plain in (set, frozenset) else f"[{place}]", None


def _of_instance(value: Any, kind: type) -> Iterator[tuple[Any, str, object]]:
    if issubclass(kind, type):
        for name, inner in list(type.__dict__["__dict__"].__get__(value).items()):
            if not name.startswith("__"):
                yield inner, f".{name}", None
    elif kind not in (dict, *_SEQUENCES):
        for name, inner in (vars(value) if kind is local else fields(value)).items():
            yield inner, f".{name}", None


def _of_function(function: FunctionType) -> Iterator[tuple[Any, str, object]]:
    yield function.__code__, ".__code__", None
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        yield cell, f".<{name}>", None
    defaults = function.__defaults__ or ()
    code = function.__code__
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    for name, inner in [*zip(names, defaults, strict=False), *(function.__kwdefaults__ or {}).items()]:
        yield inner, f"({name}=...)", None
    for name, inner in list(vars(function).items()):
        yield inner, f".{name}", None
