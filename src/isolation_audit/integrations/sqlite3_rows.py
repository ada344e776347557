"""sqlite3: the rows that a unit of work reads by hand.

Its classes are C, and can't be watched. So the connections that are opened are of subclasses, which tell what they
fetch; a class of the application's own (``factory=``) gets one as well. Those count that are opened by the application,
which may be an installed package itself, and by libraries such as peewee. Left alone are libraries that keep entries in
a file, as caches do, which are no inputs, and those whose own integration sees what they read. Left alone is also what
a pool of threads opens, for it is not known for whom.
"""

from __future__ import annotations

import sqlite3
import sys
from functools import wraps
from pathlib import Path
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.frames import is_standard, package_of
from isolation_audit.content.questions import OfUser
from isolation_audit.content.users_in_paths import kept_for
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.integrations import Replacement
from isolation_audit.integrations.building_blocks.fetched_rows import (
    WRITTEN,
    FetchPoint,
    named_as,
    telling_cursor,
    writing_cursor,
)
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.users import same
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.inputs.receiver import Receiver
    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs

CONNECT: Final = "sqlite3:connect"


class Sqlite3Rows:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """What opens a connection."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Replacement(CONNECT, RowsPoint(runtime, inputs), _connecting)


class RowsPoint(FetchPoint):
    """Asked as its base is; where the database is kept for one user, the question is asked about that user."""

    def __init__(self, runtime: Runtime, inputs: Receiver) -> None:
        super().__init__(CONNECT, inputs, runtime.listener(RowsWritten))
        self._reader = runtime.ambient.current
        self._known = runtime.users.known

    def before(self, values: Values) -> None:
        """Keep what was read."""
        asked, rows, number = values
        if rows is not WRITTEN and asked is not None and len(asked) > _ASKED:
            asked = self._about(*asked)
        super().before((asked, rows, number))

    def _about(self, statement: Any, given: Any, file: str) -> Any:
        """The question: of another's database only where there is one of the reader's, which this unit has not read."""
        kept, reader, inputs = kept_for(file, self._known), self._reader(), current_inputs()
        if kept is None or reader is None or inputs is None:
            return statement, given
        if same(kept.user, reader):
            _forget_list(inputs, file)
            return OfUser(statement, given, reader.id, None)
        own = kept.of(reader)
        if own is None or own in inputs.files or not Path(own).exists():
            return statement, given
        return OfUser(statement, given, kept.user.id, own)


def _forget_list(inputs: Inputs, file: str) -> None:
    """Whoever reads the reader's own database as well goes through all of them."""
    inputs.files.setdefault(file, 0)
    for one in list(inputs.kept):
        if type(one.question) is OfUser and one.question.own == file:
            one.question = one.question[:_ASKED]
            inputs.strange[:] = [strange for strange in inputs.strange if strange is not one]


def _connecting(original: Any, probe: Probe) -> Any:
    """The function, with classes of connections and cursors that tell ``probe`` what they fetch."""
    telling = _Telling(probe)

    @wraps(original)
    def connect(*args: Any, **kwargs: Any) -> Any:
        if not len(probe) or not _reads_inputs():
            return original(*args, **kwargs)
        if len(args) > _FACTORY:
            return _with_file(
                original(*args[:_FACTORY], telling.connections(args[_FACTORY]), *args[_FACTORY + 1 :], **kwargs),
                args[0],
            )
        made = original(*args, **{**kwargs, "factory": telling.connections(kwargs.get("factory", sqlite3.Connection))})
        return _with_file(made, args[0] if args else kwargs.get("database"))

    connect.__module__ = "sqlite3"
    return connect


_ASKED: Final = 2
"""Parts of what was asked: a statement, and its parameters."""


def _with_file(connection: Any, database: Any) -> Any:
    """The connection, which knows the file of its database. One in memory has none."""
    if type(database) is str or isinstance(database, Path):
        path = str(database)
        if path and not path.startswith((":", "file:")) and hasattr(type(connection), "_told_file"):
            connection._told_file = str(Path(path).absolute())  # noqa: SLF001 - its class is ours
    return connection


_FACTORY: Final = 5
"""The place of the argument that names the class."""


_SEEN_ELSEWHERE: Final = frozenset({"aiosqlite", "django", "sqlalchemy"})
_STORES: Final = frozenset(
    {"aiocache", "cachecontrol", "cachelib", "diskcache", "dogpile", "hishel", "huey", "joblib", "langgraph"}
    | {"persistqueue", "requests_cache", "sqlitedict", "streamlit", "vcr"}
)
_POOLS: Final = frozenset({"anyio", "asgiref", "gevent", "eventlet", "outcome", "trio"})
"""They call on threads of theirs what they are given: ``sqlite3.connect``, say, which anysqlite gives for hishel. A
pool of the standard library does so as well."""


def _reads_inputs() -> bool:
    """Whether whoever opens the connection reads rows that are inputs of the work that runs."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to a frame
    while is_ours(frame.f_code) and frame.f_back is not None:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return not is_standard(file) and package_of(file) not in _SEEN_ELSEWHERE | _STORES | _POOLS


class _Telling:
    """The classes that tell what they fetch: one for each that somebody asks for."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._cursor = writing_cursor(telling_cursor(sqlite3.Cursor, probe), probe)
        self._cursors: WeakKeyDictionary[type, Any] = WeakKeyDictionary()
        self._connections: WeakKeyDictionary[type, Any] = WeakKeyDictionary()
        self._below = self._telling_connection()

    def connections(self, factory: Any) -> Any:
        """What stands for a class of connections; a function, or a class that can have no such subclass, is itself."""
        if not _can_be_told_of(factory, sqlite3.Connection):
            return factory
        made = self._connections.get(factory)
        if made is None:
            # Below the application's own class, whose `cursor()` asks for one of a class of its own.
            bases = (self._below,) if factory is sqlite3.Connection else (factory, self._below)
            try:
                made = type("Connection", bases, {})
            except TypeError:  # their layouts don't go together
                return factory
            named_as(factory, made)
            self._connections[factory] = made
        return made

    def _telling_connection(self) -> Any:
        cursors = self._telling_cursors

        class Connection(sqlite3.Connection):
            __slots__ = ()

            _told_file: str | None = None

            def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
                made = super().cursor(cursors(factory))
                if self._told_file is not None and hasattr(type(made), "_told_file"):
                    made._told_file = self._told_file  # noqa: SLF001 - its class is ours
                return made

            def execute(self, *args: Any, **kwargs: Any) -> Any:
                # As in C: whatever the application's class has for `cursor`, it is not asked.
                made = super().cursor(cursors(sqlite3.Cursor))
                if self._told_file is not None:
                    made._told_file = self._told_file  # noqa: SLF001 - the same
                return made.execute(*args, **kwargs)

            def executemany(self, *args: Any, **kwargs: Any) -> Any:
                return super().cursor(cursors(sqlite3.Cursor)).executemany(*args, **kwargs)

        return Connection

    def _telling_cursors(self, factory: Any) -> Any:
        if factory is sqlite3.Cursor:
            return self._cursor  # as nearly always
        if not _can_be_told_of(factory, sqlite3.Cursor):
            return factory
        made = self._cursors.get(factory)
        if made is None:
            made = self._cursors[factory] = writing_cursor(telling_cursor(factory, self._probe), self._probe)
        return made


def _can_be_told_of(factory: Any, base: type) -> bool:
    """True for a class that a subclass can be made of without any code of the application's."""
    return type(factory) is type and issubclass(factory, base) and type(factory.__init_subclass__) is BuiltinMethodType


integration = Sqlite3Rows()
