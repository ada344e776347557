"""Lazy names: what a function makes when it is not there yet, and where it keeps that.

``if _pool is None: _pool = Pool()`` is read off the compiled function: it gets at the name, decides, and stores it. The
name may be a global, an attribute, a name of the function around, or an entry of a dict.
"""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from isolation_audit.analysis.code_names import Chain, Names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_STORES: Final = frozenset(dis.opmap[name] for name in ("STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF"))
_LONGEST: Final = 20_000
"""Bytes of code that are looked at; what is longer was generated."""

Form = Literal["global", "free", "attribute", "item"]


class LazyName(NamedTuple):
    """Where a function keeps what it makes.

    ``owner`` leads to the object, class or dict that has it: None for a global and for a name of the function around.
    ``key`` is its name as a constant, or what leads to the key of an entry.
    """

    form: Form
    key: Chain
    owner: Chain | None = None

    def __str__(self) -> str:
        if self.form == "item":
            return f"{self.owner}[{self.key}]"
        return str(self.key.name) if self.owner is None else f"{self.owner}.{self.key.name}"


class Reading(NamedTuple):
    """What of this one function stores, and what it only looks at before it decides something."""

    lazy: tuple[LazyName, ...]
    stored: frozenset[LazyName]
    asked: frozenset[LazyName]


_NOTHING: Final = Reading((), frozenset(), frozenset())


def stores_something(code: CodeType) -> bool:
    """False, by one look at its bytes, for a function that keeps nothing."""
    return len(code.co_code) <= 2 * _LONGEST and not _STORES.isdisjoint(code.co_code[::2])


def lazy_name(code: CodeType) -> LazyName | None:
    """The first place that a function looks at, decides by, and then fills; None where it has none."""
    return next(iter(read(code).lazy), None) if stores_something(code) else None


def read(code: CodeType) -> Reading:
    """All places that a function fills or asks for."""
    if len(code.co_code) > 2 * _LONGEST:
        return _NOTHING
    names = Names(code)
    seen: dict[LazyName, int] = {}
    chains: dict[Chain, int] = {}
    asked: set[LazyName] = set()
    stored: dict[LazyName, None] = {}
    lazy: dict[LazyName, None] = {}
    decided = -1
    for number, step in enumerate(names.steps):
        if step.kind == "decide":
            decided = number
            asked |= seen.keys()
            continue
        for place in _filled(names, number):
            stored.setdefault(place)
            first = chains.get(place.owner, number) if place.form == "item" and place.owner else seen.get(place, number)
            # A module's own __getattr__ is called because the name is not there.
            if first < decided or (place.owner == Chain("globals", "") and code.co_name == "__getattr__"):
                lazy.setdefault(place)
        for place in _looked_at(names, number):
            seen.setdefault(place, number)
        found = names.ending_at(number)
        if found is not None and (number + 1 >= len(names.steps) or names.steps[number + 1].kind != "set item"):
            chains.setdefault(found[0], number)
    return Reading(tuple(lazy), frozenset(stored), frozenset(asked))


def _filled(names: Names, number: int) -> Iterator[LazyName]:
    step = names.steps[number]
    if step.kind in ("set global", "set free"):
        yield _name(step.kind, step.value)
    elif step.kind == "set attribute":
        owner = names.ending_at(number - 1)
        if owner is not None:
            yield LazyName("attribute", Chain("constant", step.value), owner[0])
    elif step.kind == "set item":
        key = names.ending_at(number - 1)
        owner = None if key is None else names.ending_at(key[1] - 1)
        if key is not None and owner is not None:
            yield LazyName("item", key[0], owner[0])


def _looked_at(names: Names, number: int) -> Iterator[LazyName]:
    step = names.steps[number]
    if step.kind in ("global", "free"):
        yield _name(step.kind, step.value)
    elif step.kind == "attribute" or (
        # Asked for by name: hasattr(cls, "_instance").
        step.kind == "constant" and type(step.value) is str and step.value.isidentifier()
    ):
        owner = names.ending_at(number - 1)
        if owner is not None:
            yield LazyName("attribute", Chain("constant", step.value), owner[0])


def _name(kind: str, name: str) -> LazyName:
    return LazyName("global" if kind.endswith("global") else "free", Chain("constant", name))
