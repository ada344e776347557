"""What a pooled database connection keeps from one user's work to the next: settings, temporary tables, locks.

A connection is lent out, and comes back; what was changed in its database session is still there for whoever borrows it
next, unless the transaction took it back. Most of it is meant for everybody. So it takes evidence that it is the user's
who left it: a setting whose value names them, a role, another database, rows in a temporary table that the next one
reads, a lock that nobody can have released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.content.borders import mentions
from isolation_audit.content.index import Index, Mark
from isolation_audit.instrument.stacks import capture
from isolation_audit.instrument.statements.changes import DATABASE, ROLE, Act, Change, depends, reads, works_with_data
from isolation_audit.model.gates import Gate
from isolation_audit.model.owner_records import Record
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.pools.unread_answers import Dirty
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.analysis.sql import Statement
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_ORIGIN_FRAMES: Final = 8

KEPT: Final = 100
"""Settings, and tables, of one connection that are remembered; beyond it the oldest goes, and is counted."""

VALUES: Final = 10_000
"""Values of which is remembered who has set them; likewise."""

_SETTINGS: Final = frozenset({Act.SET, Act.UNSET})
_LOCKS: Final = frozenset({Act.LOCK, Act.TRY})
_FIRST: Final = frozenset({Act.SET, Act.CREATE, Act.LOCK})
"""With which anything begins that a session keeps; the others need something that is there already."""
_HOW: Final = {ROLE: "as the role of the database session", DATABASE: "as the database that the session uses"}


class _Left:
    """What a user's work has left: a setting, or rows in a table."""

    __slots__ = ("checkout", "place", "user", "value")

    def __init__(self, user: User, checkout: object, place: RawStack, value: int = 0) -> None:
        self.user = user
        self.checkout = checkout
        self.place = place
        self.value = value
        """The hash of what was set: values are the application's."""


class _Thing:
    """A setting, or a temporary table; ``left`` is None for one that holds nothing of a user's.

    ``lasting`` says of each of the two whether it is beyond a rollback.
    """

    __slots__ = ("lasting", "left", "left_lasting")

    def __init__(self, left: _Left | None, *, lasting: bool) -> None:
        self.left = left
        self.lasting = self.left_lasting = lasting


class ConnectionState(DatabaseSession):
    """What one connection to a database keeps; it holds nothing of the application's."""

    __slots__ = ("checkout", "connected", "database", "locks", "settings", "tables")

    def __init__(self, connected: Hashable, checkout: object, database: str) -> None:
        self.connected = connected
        """Which connection it was, say by when it was made: after a new one nothing of this is true."""
        self.database = database
        """The one that it was made to; empty where that is not known."""
        self.checkout = checkout
        """What stands for the lending out that goes on."""
        self.settings: dict[str, _Thing] = {}
        self.tables: dict[str, _Thing] = {}
        self.locks: dict[str, _Thing] = {}

    @property
    def unsettled(self) -> bool:
        """True where something would be taken back by a rollback."""
        return not all(one.lasting and one.left_lasting for one in (*self.settings.values(), *self.tables.values()))

    def forget(self) -> None:
        """Know nothing any more."""
        for table in (self.settings, self.tables, self.locks):
            table.clear()

    def roll_back(self) -> None:
        """Forget what has not been committed."""
        for table in (self.settings, self.tables):
            for name, thing in list(table.items()):
                if not thing.lasting:
                    table.pop(name, None)
                elif not thing.left_lasting:
                    thing.left = None

    def commit(self) -> None:
        """From now on it lasts."""
        for thing in (*self.settings.values(), *self.tables.values()):
            thing.lasting = thing.left_lasting = True


class Databases(DatabaseSessions):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.gate = Gate()
        self._setters: dict[int, User | None] = {}
        """Who has set a setting to a value, by their hash; None where several users have."""

    def kept(
        self, connection: Any, connected: Hashable, checkout: object, database: str = ""
    ) -> ConnectionState | None:
        """What is known of a pool's connection to a database, of which ``connected`` tells whether it is a new one.

        ``checkout`` is held, and stands for the lending out that goes on: another object for each, and none of the
        application's. A weak reference is one: an object has the same one for ever.
        """
        record = self._runtime.objects.record(connection)
        if record is None:
            return None
        known: ConnectionState | None = record.connection
        if known is None or known.connected != connected:
            known = record.connection = ConnectionState(connected, checkout, database)
        elif known.checkout is not checkout:
            # A pool rolls back what comes back to it.
            known.roll_back()
            known.checkout = checkout
        return known

    def lent(self, connection: Any) -> ConnectionState | None:
        """What :meth:`kept` gave last for a connection."""
        record = self._runtime.objects.get(connection)
        known = None if record is None else record.connection
        return known if isinstance(known, ConnectionState) else None

    def run(
        self,
        kept: ConnectionState,
        statements: tuple[Statement, ...],
        done: list[Change],
        target: str,
        libraries: tuple[str, ...],
    ) -> None:
        """Statements are about to run; tell where it meets what another user's work left at an earlier checkout."""
        user = self._user() if kept.settings or kept.tables or kept.locks else None
        if user is None:
            return
        acts = {change.act for change in done}
        if not acts & _SETTINGS:
            for name, left in _foreign(kept, kept.settings, user):
                if any(depends(statement, name) for statement in statements):
                    kept.settings.pop(name, None)
                    if self._setters.get(left.value, left.user) is not None:
                        how = _HOW.get(name, "in a setting of the database session")
                        self._tell(left, user, how, target, libraries)
        if Act.UNLOCK not in acts and (acts & _LOCKS or any(map(works_with_data, statements))):
            for name, left in _foreign(kept, kept.locks, user):
                kept.locks.pop(name, None)
                self._tell(left, user, "as a lock that the database session still holds", target, libraries)
        emptied = {change.name for change in done if change.act is Act.EMPTY}
        for name, left in _foreign(kept, kept.tables, user):
            if name not in emptied and any(reads(statement, name) for statement in statements):
                kept.tables[name].left = None
                self._tell(left, user, "in a temporary table of the database session", target, libraries)

    def change(self, kept: ConnectionState, done: list[Change], libraries: tuple[str, ...], *, lasting: bool) -> None:
        """A statement has succeeded; ``lasting`` where no transaction can take it back."""
        for change in done:
            if change.act in _FIRST:
                self.gate.open = True
            lasts = lasting or change.lasting
            if change.act is Act.ROLL_BACK:
                kept.roll_back()
            elif change.act is Act.UNSET:
                _forget(kept.settings, change.name, but=ROLE)
            elif change.act is Act.SET:
                self._set(kept, change, libraries, lasting=lasts)
            elif change.act in {Act.LOCK, Act.UNLOCK}:
                self._lock(kept, change, libraries)
            elif change.act is Act.CREATE:
                kept.tables.setdefault(change.name, _Thing(None, lasting=lasts))
                self._bound(kept.tables, KEPT)
            elif change.act is Act.DROP:
                _forget(kept.tables, change.name)
            elif change.name in kept.tables:
                self._fill_or_empty(kept, change, libraries, lasting=lasts)

    def _set(self, kept: ConnectionState, change: Change, libraries: tuple[str, ...], *, lasting: bool) -> None:
        kept.settings.pop(change.name, None)
        user = self._user()
        if user is None:
            return
        value = hash((change.name, change.value))
        setter = self._setters.setdefault(value, user)
        if setter is None or not same(setter, user):
            self._setters[value] = None
        elif _is_theirs(change, user, kept):
            kept.settings[change.name] = _Thing(_left(kept, user, libraries, value), lasting=lasting)
            self._bound(kept.settings, KEPT)
        self._bound(self._setters, VALUES)

    def _fill_or_empty(
        self, kept: ConnectionState, change: Change, libraries: tuple[str, ...], *, lasting: bool
    ) -> None:
        table = kept.tables[change.name]
        if change.act is Act.EMPTY:
            table.left = None
        elif table.left is None and (user := self._user()) is not None:
            table.left, table.left_lasting = _left(kept, user, libraries), lasting

    def _lock(self, kept: ConnectionState, change: Change, libraries: tuple[str, ...]) -> None:
        if change.act is Act.LOCK:
            user = self._user()
            if user is not None:
                kept.locks.setdefault(change.name, _Thing(_left(kept, user, libraries), lasting=True))
                self._bound(kept.locks, KEPT)
        else:
            # What is released under a name that we don't know may be any of them.
            _forget(kept.locks, change.name if change.name in kept.locks else "")

    def _user(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None

    def _bound(self, table: dict[Any, Any], limit: int) -> None:
        while len(table) > limit:
            drop_first(table)
            self._runtime.tally.entries_evicted += 1

    def _tell(self, left: _Left, user: User, how: str, target: str, libraries: tuple[str, ...]) -> None:
        record = Record(self)
        record.owner, record.origin, record.origin_label = left.user, left.place, "the session was changed for"
        stack = beneath(capture(self._runtime.config.limits.stack), libraries)
        self._runtime.publish(Dirty(target, how, left.user, user, record, stack))


def _left(kept: ConnectionState, user: User, libraries: tuple[str, ...], value: int = 0) -> _Left:
    return _Left(user, kept.checkout, beneath(capture(_ORIGIN_FRAMES), libraries), value)


def _foreign(kept: ConnectionState, table: dict[str, _Thing], user: User) -> list[tuple[str, _Left]]:
    """What another user's work left at an earlier checkout."""
    every = [(name, thing.left) for name, thing in list(table.items())]
    return [
        (name, left)
        for name, left in every
        if left is not None and left.checkout is not kept.checkout and not same(left.user, user)
    ]


def _forget(table: dict[str, Any], name: str, but: str = "") -> None:
    """Take out one, or without a name all ``but`` one."""
    for known in [name] if name else [known for known in table if known != but]:
        table.pop(known, None)


def _is_theirs(change: Change, user: User, kept: ConnectionState) -> bool:
    """True where a setting is the user's: a role, another database than before, a value that is, or holds, their id.

    Ids that are found nowhere else because they are so short, ``7``, count in the application's own settings.
    """
    if change.name == ROLE:
        return True
    if change.name == DATABASE and kept.database:
        return change.value != kept.database
    if ("." in change.name or change.name.startswith("@")) and change.value == user.id:
        return True
    index = Index()
    index.add(user.id, Mark(user))
    return bool(index.find(change.value)[0]) or mentions(change.value, user.id)
