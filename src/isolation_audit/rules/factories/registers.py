"""Registers: where a factory object keeps what it has built, and two factory objects that have built for one user.

Objects of one factory class that keep nothing may come and go with each request. Where each of two has a register of
its own, what one of them limits, finds or cleans up is unknown to the other.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.stacks import here
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from isolation_audit.instrument.observations import Manufactured
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_KINDS: Final = (dict, list, set, tuple, weakref.WeakValueDictionary, weakref.WeakKeyDictionary, weakref.WeakSet)
_LOOKED_AT: Final = 1_000
"""Entries of a register."""
_USERS: Final = 10_000
_EACH: Final = 8
"""Factory objects that are told apart for one user."""


@dataclass(slots=True, eq=False, repr=False)
class TwoRegisters:
    """A user has two engines at once, each in the register of a factory object of its own."""

    role: str
    factory: str
    register: str
    owner: User
    first: RawStack


@dataclass(slots=True, eq=False, repr=False)
class _Kept:
    factory: weakref.ref[Any]
    engine: weakref.ref[Any]
    register: str
    stack: RawStack


class Registers:
    """Which factory object has built for whom, as long as both are there."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], list[_Kept]] = {}

    def manufactured(self, made: Manufactured, role: str) -> TwoRegisters | None:
        """A factory has built an engine; what there is to tell of it."""
        owner = None if made.record is None else made.record.owner
        if owner is None or owner.kind is not Kind.USER:
            return None
        register = _register(made.factory, made.engine, owner.id)
        if register is None:
            return None
        name = f"{type(made.factory).__module__}:{type(made.factory).__qualname__}"
        key = (role, name, owner.id)
        living = [one for one in self._kept.pop(key, ()) if one.factory() is not None and one.engine() is not None]
        # What the first one has let go meanwhile is no longer in two hands.
        other = next((one for one in living if one.factory() is not made.factory and _still(one, owner.id)), None)
        try:
            living.append(_Kept(weakref.ref(made.factory), weakref.ref(made.engine), register, here()))
        except TypeError:
            return None
        self._kept[key] = living[-_EACH:]
        if len(self._kept) > _USERS:
            self._kept.pop(next(iter(self._kept)))
        return None if other is None else TwoRegisters(role, name, register, owner, other.stack)


def _still(one: _Kept, user_id: str) -> bool:
    return _register(one.factory(), one.engine(), user_id) is not None


def _register(factory: Any, engine: Any, user_id: str) -> str | None:
    """The attribute of a factory object that has an engine, or an entry under its user's id."""
    try:
        fields = object.__getattribute__(factory, "__dict__")
    except AttributeError:
        return None
    for name, value in list(fields.items()):
        if issubclass(type(value), _KINDS) and any(_is_for(entry, engine, user_id) for entry in _entries(value)):
            return str(name)
    return None


def _entries(register: Collection[Any]) -> Iterator[Any]:
    found = list(islice(register, _LOOKED_AT))
    yield from found
    if isinstance(register, Mapping):
        yield from list(islice(register.values(), _LOOKED_AT))


def _is_for(entry: Any, engine: Any, user_id: str) -> bool:
    if entry is engine:
        return True
    parts = entry if type(entry) is tuple else (entry,)
    return any(type(part) is str and (part == user_id or (len(user_id) > 4 and user_id in part)) for part in parts)
