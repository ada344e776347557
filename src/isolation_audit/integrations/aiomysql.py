"""aiomysql's pool: what one user's work leaves on a connection, and another's meets there.

The pool resets nothing; it closes a connection that comes home in the middle of a transaction.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.statements.changes import Change, changes, granted
from isolation_audit.instrument.statements.mysql import MYSQL
from isolation_audit.integrations import Point
from isolation_audit.model.users import plain_text
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

CONNECTION: Final = "aiomysql.connection:Connection"
_ACQUIRE: Final = "aiomysql.pool:Pool._acquire"
_LIBRARIES: Final = ("aiomysql",)
_STATEMENTS: Final = {"query": "{}", "select_db": "USE {}", "commit": "COMMIT", "rollback": "ROLLBACK"}
"""The methods that everything ends in, and what they say to the server; parameters are filled in already."""


class Aiomysql:
    """The integration."""

    distribution = "aiomysql"
    since = "0.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The lending out, and statements."""
        if not runtime.config.watch.pools:
            return
        databases = runtime.listener(DatabaseSessions)
        yield Point(_ACQUIRE, partial(LendPoint, databases))
        for name in _STATEMENTS:
            yield Point(f"{CONNECTION}.{name}", partial(StatementPoint, name, databases))


class LendPoint(Interceptor):
    """Around the borrowing of a connection."""

    place = _ACQUIRE

    def __init__(self, databases: DatabaseSessions, layout: Layout) -> None:  # noqa: ARG002 - the points' form
        self._databases = databases

    def before(self, values: Values) -> bool:  # noqa: ARG002 - the interceptor's form
        """Wait for it."""
        return True

    def after(self, state: Any, connection: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Begin a lending out. An object of the connection's class is one connection."""
        self._databases.kept(connection, None, object(), plain_text(connection.db) or "")


class StatementPoint(Interceptor):
    """Around one statement."""

    def __init__(self, name: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = f"{CONNECTION}.{name}"
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._says = _STATEMENTS[name]
        self._given = layout.argument(0) if "{}" in self._says else None

    def before(self, values: Values) -> tuple[DatabaseSession, Any, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its end would."""
        connection = self._self_of(values)
        kept = self._databases.lent(connection)
        if kept is None:
            return None
        given = "" if self._given is None else _text(self._given(values))
        if given is None:
            kept.forget()
            return None
        statement = self._says.format(given)
        statements = MYSQL.statements(statement)
        done = changes(statements, None, MYSQL)
        self._databases.run(kept, statements, done, CONNECTION, _LIBRARIES)
        return (kept, connection, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any, list[Change]], result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Note what has changed; outside of a transaction it lasts."""
        kept, connection, done = state
        self._databases.change(kept, granted(done, lambda: _answer(connection)), _LIBRARIES, lasting=False)
        if not connection.get_transaction_status():
            kept.commit()

    def failed(self, state: tuple[DatabaseSession, Any, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - its form
        """Nobody knows; what could be gone is."""
        state[0].roll_back()


def _text(given: Any) -> str | None:
    """A statement, or the name of a database; statements may be bytes."""
    return given.decode(errors="replace") if type(given) is bytes else plain_text(given)


def _answer(connection: Any) -> Any:
    """The first value of the last result; None where it is read from the server bit by bit."""
    rows = getattr(connection._result, "rows", None)  # noqa: SLF001 - a cursor takes it from there
    return rows[0][0] if rows else None


integration = Aiomysql()
