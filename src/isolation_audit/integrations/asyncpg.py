"""asyncpg's pool: what one user's work leaves on a connection, and another's meets there.

The pool resets settings and releases locks by itself, unless told otherwise. The role and temporary tables stay.
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

CONNECTION: Final = "asyncpg.connection:Connection"
_LIBRARIES: Final = ("asyncpg",)


class Asyncpg:
    """The integration."""

    distribution = "asyncpg"
    since = "0.30"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The lending out, and what every statement ends in: one for those with arguments, one for those without."""
        if not runtime.config.watch.pools:
            return
        databases = runtime.listener(DatabaseSessions)
        yield Point(f"{CONNECTION}._set_proxy", partial(LendPoint, databases))
        for name in ("execute", "_execute", "_executemany"):
            yield Point(f"{CONNECTION}.{name}", partial(StatementPoint, name, databases))


class LendPoint(Interceptor):
    """Around the change of hands: a connection has a proxy while it is lent out, and another one each time."""

    place = f"{CONNECTION}._set_proxy"

    def __init__(self, databases: DatabaseSessions, layout: Layout) -> None:
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._proxy = layout.argument("proxy")

    def before(self, values: Values) -> None:
        """Begin a lending out. An object of the connection's class is one connection."""
        if self._proxy(values) is not None:
            self._databases.kept(self._self_of(values), None, object())


class StatementPoint(Interceptor):
    """Around one statement."""

    def __init__(self, name: str, databases: DatabaseSessions, layout: Layout) -> None:
        self.place = f"{CONNECTION}.{name}"
        self._databases = databases
        self._self_of = layout.receiver_reader()
        self._query = layout.argument("query")
        self._arguments = layout.argument("args") if name == "_execute" else None
        self._rest = layout.varargs if name == "execute" else None

    def before(self, values: Values) -> tuple[DatabaseSession, Any, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its end would."""
        connection, statement = self._self_of(values), plain_text(self._query(values))
        kept = None if connection._proxy is None else self._databases.lent(connection)  # noqa: SLF001 - who lends it
        if kept is None or statement is None or (self._rest is not None and values[self._rest]):
            return None
        parameters = None if self._arguments is None else self._arguments(values)
        statements = POSTGRESQL.statements(statement)
        done = changes(statements, parameters, POSTGRESQL)
        self._databases.run(kept, statements, done, CONNECTION, _LIBRARIES)
        return (kept, connection, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any, list[Change]], result: Any) -> None:
        """Note what has changed; what ends a transaction says how."""
        kept, connection, done = state
        done = granted(done, lambda: result[0][0] if type(result) is list and result else None)
        self._databases.change(kept, done, _LIBRARIES, lasting=not connection.is_in_transaction())
        if result == "COMMIT":
            kept.commit()

    def failed(self, state: tuple[DatabaseSession, Any, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - its form
        """The transaction will be taken back."""
        state[0].roll_back()


integration = Asyncpg()
