"""psycopg's pool: what one user's work leaves on a connection, and another's meets there.

The pool rolls back, and does no more unless it is given a ``reset``; that is the application's, and seen.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.statements.changes import Change, changes, granted
from isolation_audit.instrument.statements.postgresql import POSTGRESQL
from isolation_audit.integrations import Point
from isolation_audit.model.users import plain_text
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_POOLS: Final = ("psycopg_pool.pool:ConnectionPool", "psycopg_pool.pool_async:AsyncConnectionPool")
_CURSORS: Final = ("psycopg.cursor:Cursor", "psycopg.cursor_async:AsyncCursor")
_COMMAND: Final = "psycopg._connection_base:BaseConnection._exec_command"
_COMMITS: Final = ("psycopg.connection:Connection.commit", "psycopg.connection_async:AsyncConnection.commit")
_BLOCKS: Final = ("psycopg.transaction:Transaction.__exit__", "psycopg.transaction:AsyncTransaction.__aexit__")
_LIBRARIES: Final = ("psycopg", "psycopg_pool", "contextlib.py")
_IDLE, _FAILED = 0, 3
"""States of a transaction, as libpq counts them."""


class PsycopgPool:
    """The integration."""

    distribution = "psycopg-pool"
    since = "3.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The lending out, statements, and the commands that end a transaction."""
        if not runtime.config.watch.pools:
            return
        databases = runtime.listener(DatabaseSessions)
        for pool in _POOLS:
            yield Point(f"{pool}.getconn", partial(LendPoint, f"{pool}.getconn", databases))
        for cursor in _CURSORS:
            for name in ("execute", "executemany"):
                yield Point(f"{cursor}.{name}", partial(StatementPoint, f"{cursor}.{name}", databases))
        yield Point(_COMMAND, partial(CommandPoint, databases))
        for end in (*_COMMITS, *_BLOCKS):
            yield Point(end, partial(EndPoint, end, databases))


class LendPoint(Interceptor):
    """Around the borrowing of a connection."""

    def __init__(self, place: str, databases: DatabaseSessions, layout: Layout) -> None:  # noqa: ARG002 - the points' form
        self.place = place
        self._databases = databases

    def before(self, values: Values) -> bool:  # noqa: ARG002 - the interceptor's form
        """Wait for it."""
        return True

    def after(self, state: Any, connection: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Begin a lending out. An object of the connection's class is one connection."""
        self._databases.kept(connection, None, object())


class StatementPoint(Interceptor):
    """Around one statement."""

    def __init__(self, place: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = place
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._query = layout.argument("query")
        self._parameters = layout.argument("params") if place.endswith(".execute") else None

    def before(self, values: Values) -> tuple[DatabaseSession, Any, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its end would."""
        cursor = self._self_of(values)
        kept = _kept(self._databases, cursor.connection)
        if kept is None:
            return None
        statement = plain_text(self._query(values))
        if statement is None:
            # Put together by psycopg.sql: only the connection could tell what it says.
            kept.forget()
            return None
        statements = POSTGRESQL.statements(statement)
        done = changes(statements, None if self._parameters is None else self._parameters(values), POSTGRESQL)
        self._databases.run(kept, statements, done, self.place, _LIBRARIES)
        return (kept, cursor, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any, list[Change]], result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Note what has changed."""
        kept, cursor, done = state
        # In a pipeline there is no result yet.
        done = granted(done, lambda: cursor.pgresult and cursor.pgresult.get_value(0, 0))
        lasting = cursor.connection.pgconn.transaction_status == _IDLE
        self._databases.change(kept, done, _LIBRARIES, lasting=lasting)
        if cursor.statusmessage == "COMMIT":
            kept.commit()

    def failed(self, state: tuple[DatabaseSession, Any, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - its form
        """The transaction will be taken back."""
        state[0].roll_back()


class CommandPoint(Interceptor):
    """Around the commands that psycopg sends by itself: what takes a transaction back, or a part of it, is one of them.

    It is a generator function, so how a command ends is not seen here.
    """

    place = _COMMAND

    def __init__(self, databases: DatabaseSessions, layout: Layout) -> None:
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._command = layout.argument("command")

    def before(self, values: Values) -> None:
        """Take back what is taken back."""
        connection, command = self._self_of(values), self._command(values)
        kept = _kept(self._databases, connection)
        if kept is None or type(command) is not bytes:
            return
        # What has failed is taken back whatever is said.
        if b"ROLLBACK" in command or connection.pgconn.transaction_status == _FAILED:
            kept.roll_back()


class EndPoint(Interceptor):
    """Around what commits: a connection's method, or the end of a block. A commit may fail, and then takes all back."""

    def __init__(self, place: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = place
        self._databases = databases
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> tuple[DatabaseSession, Any] | None:
        """Wait for it, where something would last."""
        ending = self._self_of(values)
        connection = ending if self.place in _COMMITS else ending.connection
        kept = _kept(self._databases, connection)
        return (kept, connection) if kept is not None and kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any], result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """What was changed lasts, unless it was the end of a part only."""
        kept, connection = state
        if connection.pgconn.transaction_status == _IDLE:
            kept.commit()

    def failed(self, state: tuple[DatabaseSession, Any], error: BaseException) -> None:  # noqa: ARG002 - the interceptor's form
        """It was taken back, or nobody knows; what could be gone is."""
        state[0].roll_back()


def _kept(databases: DatabaseSessions, connection: Any) -> DatabaseSession | None:
    """What is known of a connection; None where no pool lends it."""
    return None if getattr(connection, "_pool", None) is None else databases.lent(connection)


integration = PsycopgPool()
