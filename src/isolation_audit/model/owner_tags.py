"""Whose objects are: small tables of users that touch nothing, keep nothing alive, and are bounded."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.tables import ByIdentity

if TYPE_CHECKING:
    from isolation_audit.model.users import User


class OwnerTags:
    """Object -> user, for objects that take a weak reference; gone with the object."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[int, tuple[weakref.ref[Any], User]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def put(self, obj: object, user: User) -> None:
        """Label ``obj``."""
        key, users = id(obj), self.entries
        users[key] = (weakref.ref(obj, lambda _gone: users.pop(key, None)), user)

    def get(self, obj: object) -> User | None:
        """The label, or None."""
        entry = self.entries.get(id(obj))
        return None if entry is None else entry[1]

    def take(self, obj: object) -> User | None:
        """The label, or None; it is taken off."""
        entry = self.entries.pop(id(obj), None)
        return None if entry is None else entry[1]


MOST_ITEMS: Final = 10_000
"""Labelled items of one queue; what is put in beyond them is nobody's."""


class Items:
    """The users of what lies in one queue, by the identity of each item: as long as it lies there, it is alive.

    One object may lie there several times (None, a constant). Where it was put in for several users, it is nobody's.
    """

    __slots__ = ("_users",)

    def __init__(self) -> None:
        self._users: dict[int, tuple[User | None, int]] = {}

    def __len__(self) -> int:
        return len(self._users)

    def put(self, item: object, user: User | None) -> None:
        """``user`` has put it in; None for unknown."""
        key, users = id(item), self._users
        known = users.get(key)
        if known is not None:
            users[key] = (user if known[0] is user else None, known[1] + 1)
        elif user is not None and len(users) < MOST_ITEMS:
            users[key] = (user, 1)

    def take(self, item: object) -> User | None:
        """It was taken out, or not put in after all: whose it is."""
        known = self._users.pop(id(item), None)
        if known is None:
            return None
        if known[1] > 1:
            self._users[id(item)] = (known[0], known[1] - 1)
        return known[0]


class Queues(ByIdentity[Items]):
    """Queue -> :class:`Items`; gone with the queue. None where nobody's was ever put in."""

    __slots__ = ()

    def added(self, queue: object) -> Items:
        """What is known of the items in ``queue``, from now on."""
        items = self.get(queue)
        return self.setdefault(queue, Items()) if items is None else items


def drop_first(table: dict[Any, Any]) -> None:
    """Let the oldest entry of a table go, though other threads fill it at this moment."""
    drop_oldest(table, len(table) - 1)


def drop_oldest(table: dict[Any, Any], limit: int) -> None:
    """Keep a table at its limit."""
    try:
        while len(table) > limit:
            table.pop(next(iter(table)), None)
    except (RuntimeError, StopIteration):
        return  # another thread fills or empties it at this moment
