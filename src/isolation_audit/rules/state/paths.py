"""Paths in words: how the application's modules lead to a container, such as ``app.registry:REGISTRY._agents['x']``.

Found from the modules' globals outwards, the shortest first, past everything that is code: from the modules that read
and write it, then from the others of their packages, then from the application's others. Nothing of the application
runs: fields are read where they are stored. Only a finding asks for a path, and each is asked for once.

A path also decides: a room that both have asked for is told by its key. So how far one search goes is counted in
objects, never in seconds, and is the same on a machine that is busy.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import replace
from itertools import chain, islice
from time import monotonic
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.heap.parts import parts
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.tables import loaded_modules
from isolation_audit.rules.state.contents import is_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

__builtins__ = BUILTINS

_LARGEST: Final = 20_000
"""Objects that are looked at from one set of modules of the same packages as the code that reads and writes."""

_OTHERS: Final = 10_000
"""Objects that are looked at from all other modules."""

_WIDE: Final = 2_000
"""Parts of one object, from its beginning and from its end: what came last is what most often matters."""

_KNOWN: Final = 500

_AT_FIRST: Final = 1.0
"""Seconds for all searches, before they are given a"""
_SHARE: Final = 0.02
"""of the time."""

_ENDS: Final = frozenset(map(id, (str, bytes, ModuleType, CodeType)))
_OURS: Final = "isolation_audit"

_SEQUENCES: Final = (list, tuple, deque, set, frozenset)


@dataclass(frozen=True, slots=True)
class StatePath:
    """A path from a module; ``target`` as configuration names it, ``keys`` the keys of mappings on the way.

    ``steps`` has keys as tuples of one: they may be somebody's data.
    """

    steps: tuple[str | tuple[str], ...]
    target: str = ""
    keys: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """The classes of the objects on the way, as ``module:Class``."""
    names: bool = False
    """True for a module or a class: what it holds has a target of its own."""

    @property
    def is_among_others(self) -> bool:
        """True where it leads through a container: there is one for each of several."""
        return any(type(step) is not str or step.startswith("[") for step in self.steps)

    def words(self, is_known: Callable[[str], bool]) -> str:
        """The path as text, with those keys that stand in the code."""
        return "".join(self.shown(is_known))

    def shown(self, is_known: Callable[[str], bool]) -> list[str]:
        """The same step by step."""
        return [
            step if type(step) is str else f"[{step[0]!r}]" if is_known(step[0]) else "[...]" for step in self.steps
        ]

    def target_of(self, key: object) -> str:
        """What configuration calls the place of this key."""
        if self.names and type(key) is str:
            return f"{self.target}{'.' if ':' in self.target else ':'}{key}"
        return self.target


class Paths:
    """Paths that have been asked for, by the identity of the container."""

    def __init__(self) -> None:
        self._known: dict[int, StatePath | None] = {}
        self._last: dict[Hashable, StatePath | None] = {}
        self._started = monotonic()
        self._spent = 0.0

    def of(self, identity: int, files: Iterable[str] = (), place: Hashable = None) -> StatePath | None:
        """The path to the container of this identity; None where nothing leads to it.

        Where searching has taken its share of the time, only the global is looked through at which the last path for
        the same ``place`` began; where that doesn't lead to it, it is the last path.
        """
        if identity in self._known:
            return self._known[identity]
        now = monotonic()
        exhausted = place in self._last and self._spent > _AT_FIRST + _SHARE * (now - self._started)
        for known in (self._known, self._last):
            if len(known) >= _KNOWN:
                known.clear()
        if exhausted:
            last = self._last.get(place)
            found = _search(identity, _global(last), _LARGEST) or last
        else:
            found = _search_in_order(identity, frozenset(files))
        self._known[identity] = self._last[place] = found
        self._spent += monotonic() - now
        return found


def _search_in_order(identity: int, files: frozenset[str]) -> StatePath | None:
    for modules, largest in zip(modules_by_nearness(files), (_LARGEST, _LARGEST, _OTHERS), strict=True):
        found = _search_modules(identity, modules, largest)
        if found is not None:
            return found
    return None


def _search_modules(identity: int, modules: list[tuple[str, ModuleType]], largest: int) -> StatePath | None:
    for name, module in modules:
        if id(vars(module)) == identity:
            return StatePath((name,), name, names=True)
    return _search(identity, (one for name, module in modules for one in of_module(name, module)), largest)


def of_module(name: str, module: ModuleType) -> Iterator[tuple[Any, StatePath]]:
    for key, value in list(vars(module).items()):
        if type(key) is str and not key.startswith("__"):
            yield value, StatePath((f"{name}.{key}",), f"{name}:{key}")


def _global(last: StatePath | None) -> list[tuple[Any, StatePath]]:
    """Where a path begins, as it is now."""
    name = "" if last is None else last.target.partition(":")[0]
    module = sys.modules.get(name)
    if last is None or type(module) is not ModuleType:
        return []
    return [one for one in of_module(name, module) if one[1].steps[0] == last.steps[0]]


def _search(identity: int, beginnings: Iterable[tuple[Any, StatePath]], largest: int) -> StatePath | None:
    seen: set[int] = set()
    held: list[Any] = []
    waiting: deque[tuple[Any, StatePath]] = deque()
    for value, path in chain(beginnings, _drained(waiting)):
        if len(seen) >= largest:
            break
        if id(value) == identity:
            return replace(path, names=issubclass(type(value), type))
        if id(value) in seen or is_scalar(value) or id(type(value)) in _ENDS or is_ours(type(value)):
            continue
        seen.add(id(value))
        held.append(value)  # its identity is its own as long as it lives
        for inner, step, under in _ends(list(parts(value)), identity):
            waiting.append((inner, longer(path, value, step, under)))
    return None


def _ends(found: list[Any], identity: int) -> Iterable[tuple[Any, str, object]]:
    """The first and the last parts of an object, where it has very many, and the one that is asked for."""
    if len(found) <= 2 * _WIDE:
        return found
    asked = [one for one in islice(found, _WIDE, len(found) - _WIDE) if id(one[0]) == identity]
    return [*found[:_WIDE], *asked[:1], *found[-_WIDE:]]


def _drained(waiting: deque[tuple[Any, StatePath]]) -> Iterator[tuple[Any, StatePath]]:
    while waiting:
        yield waiting.popleft()


def longer(path: StatePath, value: Any, step: str, key: object) -> StatePath:
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
    shown: str | tuple[str] = (key,) if type(key) is str else step
    return StatePath((*path.steps, shown), target, keys, (*path.classes, f"{module}:{cls.__qualname__}"))


def is_ours(kind: type) -> bool:
    module = type.__getattribute__(kind, "__module__")
    return type(module) is str and module.partition(".")[0] == _OURS


def modules_by_nearness(files: frozenset[str]) -> Iterator[list[tuple[str, ModuleType]]]:
    """The modules of these files, then the others of their packages, then the application's others."""
    first, later = [], []
    for name, module in loaded_modules():
        file = vars(module).get("__file__") if type(module) is ModuleType else None
        if type(module) is not ModuleType or type(file) is not str or name.partition(".")[0] == _OURS:
            continue
        if file in files:
            first.append((name, module))
        elif not is_installed(file):
            later.append((name, module))
    packages = {name.partition(".")[0] for name, _module in first}
    yield first
    yield [one for one in later if one[0].partition(".")[0] in packages]
    yield [one for one in later if one[0].partition(".")[0] not in packages]
