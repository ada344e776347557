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
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.tracking.observations import Manufactured
    from isolation_audit.model.users import User

_KINDS: Final = (dict, list, set, tuple, weakref.WeakValueDictionary, weakref.WeakKeyDictionary, weakref.WeakSet)
_LOOKED_AT: Final = 1_000
"""Entries of a register."""
_USERS: Final = 10_000
_DOUBTS: Final = 1_000
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
    second: RawStack


@dataclass(slots=True, eq=False, repr=False)
class _Kept:
    """What one factory object has built, and where."""

    factory: weakref.ref[Any]
    engine: weakref.ref[Any]
    stack: RawStack

    def register(self, user_id: str) -> str | None:
        """The attribute of the factory object in which it is, as long as both are there."""
        factory, engine = self.factory(), self.engine()
        return None if factory is None or engine is None else _register(factory, engine, user_id)


class Registers:
    """The mechanism, one an audit: which factory object has built for whom, as long as both are there."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._kept: dict[tuple[str, str, str], list[_Kept]] = {}
        self._doubts: list[tuple[str, str, User, _Kept, _Kept]] = []
        runtime.settling.append(self._settle)

    def manufactured(self, made: Manufactured, role: str) -> None:
        """A factory has built an engine; it may enter it into its register when this is over."""
        owner = None if made.record is None else made.record.owner
        if owner is None or owner.kind is not Kind.USER:
            return
        name = f"{type(made.factory).__module__}:{type(made.factory).__qualname__}"
        key = (role, name, owner.id)
        try:
            new = _Kept(weakref.ref(made.factory), weakref.ref(made.engine), here())
        except TypeError:
            return
        living = [one for one in self._kept.pop(key, ()) if one.factory() is not None and one.engine() is not None]
        self._kept[key] = [*living, new][-_EACH:]
        if len(self._kept) > _USERS:
            drop_first(self._kept)
        others = (one for one in living if one.factory() is not made.factory)
        # What the first one has let go meanwhile is no longer in two hands.
        other = next((one for one in others if one.register(owner.id) is not None), None)
        if other is None:
            return
        doubt = (role, name, owner, other, new)
        if not self._tell(doubt) and len(self._doubts) < _DOUBTS:
            self._doubts.append(doubt)

    def _settle(self, _grace: float) -> None:
        waiting, self._doubts = self._doubts, []
        for doubt in waiting:
            self._tell(doubt)

    def _tell(self, doubt: tuple[str, str, User, _Kept, _Kept]) -> bool:
        role, name, owner, first, second = doubt
        register = second.register(owner.id) if first.register(owner.id) is not None else None
        if register is not None:
            self._runtime.publish(TwoRegisters(role, name, register, owner, first.stack, second.stack))
        return register is not None


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
