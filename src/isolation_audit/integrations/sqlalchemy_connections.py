"""SQLAlchemy's connections: what one user's work leaves in the database session, and another's meets there.

Its events would tell the same, but a listener on the class ``Engine`` can't be taken back without a trace, and what it
raises reaches the application. So the methods are watched in which these events are raised.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.statements.changes import Change, changes, granted
from isolation_audit.instrument.statements.harmless import Harmless
from isolation_audit.instrument.statements.mysql import MYSQL
from isolation_audit.instrument.statements.postgresql import POSTGRESQL, SQLITE
from isolation_audit.integrations import Point
from isolation_audit.integrations.sqlalchemy_listeners import may_clean
from isolation_audit.model.users import plain_text
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

CONNECTION: Final = "sqlalchemy.engine.base:Connection"
_LIBRARIES: Final = ("sqlalchemy", "greenlet", "contextlib.py")
_LANGUAGES: Final = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "mysql": MYSQL, "mariadb": MYSQL}
"""The databases whose statements are understood, by dialect."""


def points(runtime: Runtime) -> Iterator[Point]:
    """What runs a statement, and what ends a transaction."""
    databases = runtime.listener(DatabaseSessions)
    for name in ("_exec_single_context", "_exec_insertmany_context"):
        yield Point(f"{CONNECTION}.{name}", partial(StatementPoint, name, databases))
    for name in ("_commit_impl", "_rollback_impl", "_rollback_to_savepoint_impl"):
        yield Point(f"{CONNECTION}.{name}", partial(EndPoint, name, databases))


class StatementPoint(Interceptor):
    """Around one statement."""

    def __init__(self, name: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = f"{CONNECTION}.{name}"
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._context = layout.argument("context")
        self._harmless = Harmless(databases.gate)

    def before(self, values: Values) -> tuple[DatabaseSession, Any, Any, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its failure would."""
        self_of, context_of = self._self_of, self._context
        connection, context = self_of(values), context_of(values)
        text, dialect = context.statement, connection.dialect.name
        if self._harmless.passes(text, dialect):
            return None
        kept, statement = _kept(self._databases, connection), plain_text(text)
        if kept is None or statement is None:
            return None
        parameters = context.parameters
        language = _LANGUAGES[dialect]
        statements = language.statements(statement)
        self._harmless.note(statement, dialect, statements)
        done = changes(statements, parameters[0] if len(parameters) == 1 else None, language)
        self._databases.run(kept, statements, done, f"{CONNECTION}.execute", _LIBRARIES)
        return (kept, connection, context, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any, Any, list[Change]], result: Any) -> None:  # noqa: ARG002 - its form
        """Note what has changed."""
        kept, connection, context, done = state
        done = granted(done, lambda: _answer(context.cursor))
        lasting = connection._is_autocommit_isolation()  # noqa: SLF001 - get_isolation_level() would ask the database
        self._databases.change(kept, done, _LIBRARIES, lasting=lasting)

    def failed(self, state: tuple[DatabaseSession, Any, Any, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - its form
        """PostgreSQL takes a transaction back in which a statement has failed, even if it is committed."""
        state[0].roll_back()


class EndPoint(Interceptor):
    """Around the end of a transaction, or of a part of it."""

    def __init__(self, name: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = f"{CONNECTION}.{name}"
        self._commits = name == "_commit_impl"
        self._databases = databases
        self.gate = databases.gate
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> DatabaseSession | None:
        """Wait for the end."""
        return _kept(self._databases, self._self_of(values))

    def after(self, kept: DatabaseSession, result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """What was changed lasts, or is gone."""
        if self._commits:
            kept.commit()
        else:
            kept.roll_back()

    def failed(self, kept: DatabaseSession, error: BaseException) -> None:  # noqa: ARG002 - the interceptor's form
        """Nobody knows; what could be gone is."""
        kept.roll_back()


def _kept(databases: DatabaseSessions, connection: Any) -> DatabaseSession | None:
    """What is known of a connection; None where no pool lends it, or where it may be cleaned without us."""
    # The public property may connect anew. Until 1.3 it has another name, and statements are not seen either.
    checkout: Any = getattr(connection, "_dbapi_connection", None)
    pool = getattr(checkout, "_pool", None)
    if pool is None or connection.dialect.name not in _LANGUAGES:
        return None
    told, record = pool.dispatch, checkout._connection_record  # noqa: SLF001 - `info` is the application's
    if record is None:
        return None
    for moment in (told.reset, told.checkin, told.checkout):
        if moment and may_clean(moment):
            return None
    return databases.kept(record, record.starttime, ref(checkout), plain_text(connection.engine.url.database) or "")


def _answer(cursor: Any) -> Any:
    """The first value of a result that waits in a cursor, and goes on waiting; None where no driver shows it."""
    rows = getattr(cursor, "_rows", None)
    if (type(rows) is tuple or type(rows) is list or type(rows) is deque) and rows:
        return rows[0][0]
    result = getattr(cursor, "pgresult", None)
    return None if result is None else result.get_value(0, 0)
