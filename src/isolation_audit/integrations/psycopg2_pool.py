"""psycopg2's pool: what one user's work leaves on a connection, and another's meets there.

The pool rolls back what comes home in a transaction, and does no more.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.statements.changes import Change, changes, granted
from isolation_audit.instrument.statements.postgresql import POSTGRESQL
from isolation_audit.instrument.work.sightings import Sighting, Sightings
from isolation_audit.integrations import Point, Replacement
from isolation_audit.integrations.psycopg2_connections import CONNECT, Statement, connecting, tells
from isolation_audit.integrations.sightings import LOANS
from isolation_audit.model.users import plain_text
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_LEND: Final = "psycopg2.pool:AbstractConnectionPool._getconn"
_EXECUTE: Final = "psycopg2.extensions:cursor.execute"
_LIBRARIES: Final = ("psycopg2", "isolation_audit", "contextlib.py")
_IDLE: Final = 0
"""The state of a transaction, as libpq counts them."""

_NAME: Final = "psycopg2's pool with connections of the application's own class"
_REMEDY: Final = "what one user leaves on such a connection is not seen: reset it when it is returned"


class Psycopg2Pool:
    """The integration."""

    distribution = "psycopg2"
    since = "2.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point | Replacement]:
        """The lending out, and what opens connections that tell what they run."""
        if not runtime.config.watch.pools:
            return
        databases = runtime.listener(DatabaseSessions)
        yield Replacement(CONNECT, StatementPoint(databases), connecting)
        yield Point(_LEND, partial(LendPoint, databases, runtime.part(Sightings)))


class LendPoint(Interceptor):
    """Around the borrowing of a connection."""

    place = _LEND

    def __init__(self, databases: DatabaseSessions, sightings: Sightings, layout: Layout) -> None:
        self._databases = databases
        self._sightings = sightings
        self._pool, self._key = layout.receiver_reader(), layout.argument("key")

    def before(self, values: Values) -> bool | None:
        """Wait for it; a key that is lent out already gives what it stands for, which stays where it is."""
        key = self._key(values)
        lent = vars(self._pool(values)).get("_used") or ()
        return None if key is not None and key in lent else True

    def after(self, _waits: bool, connection: Any) -> None:
        """Begin a lending out. An object of the connection's class is one connection."""
        if tells(connection):
            self._databases.kept(connection, None, object())
        else:
            self._sightings.lent(_NAME, partial(Sighting, LOANS, _REMEDY, "psycopg2"))


class StatementPoint(Interceptor):
    """Around one statement, and the end of a transaction, which is one as well."""

    place = CONNECT

    def __init__(self, databases: DatabaseSessions) -> None:
        self._databases = databases

    def before(self, values: Values) -> tuple[DatabaseSession, Statement, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its end would."""
        told = values[0]
        kept = self._databases.lent(told.connection) if type(told) is Statement else None
        if kept is None:
            return None
        sql = told.sql.decode(errors="replace") if type(told.sql) is bytes else plain_text(told.sql)
        if sql is None:
            # Put together by psycopg2.sql: only the connection could tell what it says.
            kept.forget()
            return None
        statements = POSTGRESQL.statements(sql)
        done = changes(statements, told.parameters, POSTGRESQL)
        self._databases.run(kept, statements, done, _EXECUTE, _LIBRARIES)
        return (kept, told, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Statement, list[Change]], result: Any) -> None:  # noqa: ARG002 - its form
        """Note what has changed. What a lock that was tried has answered is the application's to read."""
        kept, told, done = state
        lasting = told.connection.get_transaction_status() == _IDLE
        self._databases.change(kept, granted(done, lambda: None), _LIBRARIES, lasting=lasting)
        said = told.sql if told.cursor is None else told.cursor.statusmessage
        if said == "COMMIT":
            kept.commit()

    def failed(self, state: tuple[DatabaseSession, Statement, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - same
        """The transaction will be taken back."""
        state[0].roll_back()


integration = Psycopg2Pool()
