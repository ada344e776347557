"""The addressee witness of a call: one user, everyone, or the members of a room as they are at this moment."""

from __future__ import annotations

from collections import deque
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.paths import Root
from isolation_audit.instrument.reading.layout import MISSING, Reader, UserReader
from isolation_audit.model.users import EVERYONE, SEVERAL, Kind, User, same

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.config.model import Emitter
    from isolation_audit.config.paths import Path
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

MEMBERS: Final = 10_000
"""Members of one room that are looked at."""

_COLLECTIONS: Final[tuple[Any, ...]] = (list, tuple, set, frozenset, dict, deque, type({}.keys()), type({}.values()))
_NOBODY: Final[tuple[User, ...]] = ()


class Addressee:
    """The addressee witness of one emitting callable; false where its configuration names none."""

    __slots__ = ("_audiences", "_paths", "_rooms", "single", "to_everyone")

    def __init__(self, entry: Emitter, method: str, layout: Layout, runtime: Runtime) -> None:
        rooms = {one.name for one in runtime.config.rooms}
        single = tuple([path for path in entry.addressee if path.binding not in rooms])
        cells = runtime.paths.of(entry, "addressee")
        self.single = tuple([path for path in single if path.root is not Root.EVERYONE])
        """The paths that lead to one user, in order."""
        self._paths = UserReader(single, layout, runtime.names.meant, runtime.bindings, cells)
        self._audiences = [
            Audience(path, layout, runtime, cells(path)) for path in entry.addressee if path.root is not Root.EVERYONE
        ]
        self._rooms = entry.rooms
        self.to_everyone = any(fnmatchcase(method, glob) for glob in entry.broadcast)

    def __bool__(self) -> bool:
        return self.to_everyone or bool(self._audiences) or bool(self._paths) or self._paths.everyone

    def read(self, values: Values, sender: User | None) -> tuple[User | None, tuple[User, ...]]:
        """To whom this call of ``sender`` sends (None where that is unknown), and the members of a room who may get it.

        Of a room it is the member who may not, if there is one, and then nobody may.
        """
        if self.to_everyone:
            return EVERYONE, _NOBODY
        addressee = self._paths.read(values)
        if addressee is not None and addressee.kind is not Kind.PLACEHOLDER:
            return addressee, _NOBODY
        for audience in self._audiences:
            members = audience.members(values)
            if members:
                audience.gave()
                addressee = self._among(members, sender)
                allowed = addressee is SEVERAL or addressee is sender
                return addressee, members if allowed else _NOBODY
        return (EVERYONE if self._paths.everyone else None), _NOBODY

    def _among(self, members: tuple[User, ...], sender: User | None) -> User:
        if sender is None or sender.kind is not Kind.USER or self._rooms == "shared":
            return members[0] if len(members) == 1 and self._rooms != "shared" else SEVERAL
        joined = any(same(member, sender) for member in members)
        other = next((member for member in members if not same(member, sender)), sender)
        return sender if joined and self._rooms == "joined" else other


class Audience:
    """One path of an addressee that leads to several users: a collection of their ids, or of what is bound to them."""

    __slots__ = ("_bindings", "_cell", "_known", "_names", "_objects", "_reader", "_rooms")

    def __init__(self, path: Path, layout: Layout, runtime: Runtime, cell: list[int]) -> None:
        # With a cell of its own: a collection that can be read is not yet a user who is known.
        self._reader = Reader(path, layout, [0, 0])
        self._cell = cell
        self._rooms = runtime.rooms
        self._known = path.binding in {one.name for one in runtime.config.rooms}
        self._names = runtime.names
        self._bindings = runtime.bindings
        self._objects = runtime.objects

    def members(self, values: Values) -> tuple[User, ...]:
        """The users, each once; none where the path leads to no collection, or to no known user."""
        found = self._reader.read(values)
        if found is MISSING or found is None:
            return _NOBODY
        binding = self._reader.binding
        if self._known and binding is not None and (type(found) is str or type(found) is int):
            return _users_of(self._rooms.members(binding, found))
        for kind in _COLLECTIONS:
            if issubclass(type(found), kind):
                # The plain type's own way; a copy, so that another thread can't change what is being read.
                return _users_of(map(self._user, list(islice(kind.__iter__(found), MEMBERS))))
        return _NOBODY

    def gave(self) -> None:
        """Count that the path has led to users."""
        self._cell[1] += 1

    def _user(self, member: Any) -> User | None:
        if self._reader.binding is not None and not self._known:
            return self._bindings.user_of(self._reader.binding, member)
        user = self._names.meant(member)
        if user is None:
            record = self._objects.get(member)
            user = None if record is None else record.owner
        return user


def _users_of(members: Iterable[User | None]) -> tuple[User, ...]:
    found = {user.id: user for user in members if user is not None and user.kind is Kind.USER}
    return tuple(found.values())
