"""Lazy names: what a function makes when it is not there yet, and where it keeps that.

``if _pool is None: _pool = Pool()`` is read off the compiled function: it gets at the name, decides, and stores it. The
name may be a global, an attribute, a name of the function around, or an entry of a dict.
"""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.code_names import Chain, Names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_STORES: Final = frozenset(dis.opmap[name] for name in ("STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF"))
_LONGEST: Final = 20_000
"""Bytes of code that are looked at; what is longer was generated."""

_GLOBALS: Final = Chain("globals", "")

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
    code = as_written(code)
    return len(code.co_code) <= 2 * _LONGEST and not _STORES.isdisjoint(code.co_code[::2])


def read(code: CodeType, others: frozenset[LazyName] = frozenset()) -> Reading:
    """The places that a function fills, and which of those and of ``others`` it asks for."""
    code = as_written(code)
    if len(code.co_code) > 2 * _LONGEST:
        return _NOTHING
    names = Names(code)
    stores = [(number, place) for number in names.stores for place in _filled(names, number)]
    stored = dict.fromkeys(place for _number, place in stores)
    # Most of a function is about other names, of which nothing needs to be known.
    wanted = {*stored, *others}
    if not wanted:
        return _NOTHING
    first, asked = _looks(names, wanted)
    lazy: dict[LazyName, None] = {}
    for number, place in stores:
        decided = max((one for one in names.decisions if one < number), default=-1)
        # A module's own __getattr__ is called because the name is not there.
        if first.get(place, number) < decided or (place.owner == _GLOBALS and code.co_name == "__getattr__"):
            lazy.setdefault(place)
    return Reading(tuple(lazy), frozenset(stored), frozenset(asked))


def _looks(  # noqa: C901 - one pass over the steps
    names: Names, wanted: set[LazyName]
) -> tuple[dict[LazyName, int], set[LazyName]]:
    """Where each place is looked at first, and those at which something looks before it decides."""
    words = {place.key.name for place in wanted if place.form != "item"}
    owners: dict[Chain, list[LazyName]] = {}
    for place in wanted:
        if place.form == "item" and place.owner is not None:
            owners.setdefault(place.owner, []).append(place)
    ends = {owner.attributes[-1] if owner.attributes else owner.name for owner in owners}
    first: dict[LazyName, int] = {}
    for number, step in enumerate(names.steps):
        if step.value.__hash__ is None or step.kind.startswith("set "):
            continue
        if step.value in words:
            for place in _looked_at(names, number):
                if place in wanted:
                    first.setdefault(place, number)
        if owners and (step.value in ends or step.kind in ("call", "local")):
            found = names.ending_at(number)
            for place in owners.get(found[0], ()) if found is not None else ():
                if not names.is_set_next(number):
                    first.setdefault(place, number)
    last = names.decisions[-1] if names.decisions else -1
    return first, {place for place, number in first.items() if number < last}


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
