"""Rooms: who is in which, learned from the configured ways in and out; bounded, and what is dropped is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.users import plain_name, plain_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.owner_records import Objects, Record
    from isolation_audit.model.users import User

MEMBERS: Final = 10_000
"""Members of one room that are remembered."""


class Rooms:
    """(name of the table, room) -> members: ids as they were given, and records of objects.

    Whose they are is looked up when something is sent: a connection may get its user after it has joined.
    """

    def __init__(
        self, user_of: Callable[[object], User | None], bindings: Bindings, objects: Objects, *, limit: int = 100_000
    ) -> None:
        self._user_of = user_of
        self._bindings = bindings
        self._objects = objects
        self._limit = limit
        self._rooms: dict[tuple[str, str], dict[Any, str | None]] = {}
        self.evicted = 0

    def join(self, name: str, room: Any, binding: str | None, member: Any) -> None:
        """``member`` is in from now on: an id of the kind ``binding`` (None: a user's own), or an object."""
        key, entry = _text(room), self._entry(member)
        if key is None or entry is None:
            return
        rooms = self._rooms
        members = rooms.setdefault((name, key), {})
        if entry not in members and len(members) >= MEMBERS:
            self.evicted += 1
            return
        members[entry] = binding
        if len(rooms) > self._limit:
            drop_first(rooms)
            self.evicted += 1

    def leave(self, name: str, room: Any, member: Any) -> None:
        """``member`` is out; None closes the room."""
        key = _text(room)
        if key is None:
            return
        if member is None:
            self._rooms.pop((name, key), None)
            return
        members = self._rooms.get((name, key), {})
        members.pop(self._entry(member), None)
        if not members:
            self._rooms.pop((name, key), None)

    def members(self, name: str, room: Any) -> Iterator[User | None]:
        """The users of those who are in; None for those of whom nothing is known."""
        for entry, binding in list(self._rooms.get((name, _text(room) or ""), {}).items()):
            if type(entry) is not str:
                yield entry.owner if entry() is not None else None
            elif binding is not None:
                yield self._bindings.user_of(binding, entry)
            else:
                yield self._user_of(entry)

    def _entry(self, member: Any) -> str | Record | None:
        return _text(member) or self._objects.record(member)


def _text(value: Any) -> str | None:
    return plain_number(value) if type(value) is int else plain_name(value)
