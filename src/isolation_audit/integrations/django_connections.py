"""Django's persistent connections (``CONN_MAX_AGE``): what one user's work leaves in a session, and another's meets.

A thread keeps its connection from request to request: a tenant's ``search_path``, a role, a lock. Nothing resets it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, ref

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.statements.changes import Change, changes
from isolation_audit.instrument.statements.harmless import Harmless
from isolation_audit.instrument.statements.mysql import MYSQL
from isolation_audit.instrument.statements.postgresql import POSTGRESQL, SQLITE
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import current_scope, current_unit
from isolation_audit.model.users import plain_text
from isolation_audit.vocabulary.pools import DatabaseSession, DatabaseSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_WRAPPER: Final = "django.db.backends.base.base:BaseDatabaseWrapper"
_CURSOR: Final = "django.db.backends.utils:CursorWrapper"
_LIBRARIES: Final = ("django", "contextlib.py")
_LANGUAGES: Final = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "mysql": MYSQL}
"""The databases whose statements are understood, by Django's word for them."""


class DjangoConnections:
    """The integration."""

    distribution = "Django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Connecting, statements, and the ends of transactions."""
        if not runtime.config.watch.pools:
            return
        connections = Connections(runtime.listener(DatabaseSessions))
        yield Point(f"{_WRAPPER}.connect", partial(ConnectPoint, connections))
        for name in ("_execute", "_executemany"):
            yield Point(f"{_CURSOR}.{name}", partial(StatementPoint, f"{_CURSOR}.{name}", connections))
        for name in ("_commit", "_rollback", "_savepoint_rollback"):
            yield Point(f"{_WRAPPER}.{name}", partial(EndPoint, f"{_WRAPPER}.{name}", connections))


class _Unit:
    """Stands for the unit of work that uses a connection at present; holds nothing of it."""

    __slots__ = ("__weakref__", "_of")

    def __init__(self, of: Any) -> None:
        self._of = None if of is None else ref(of)

    def is_of(self, unit: Any) -> bool:
        """True as long as the same unit runs."""
        return (None if self._of is None else self._of()) is unit


class Connections:
    """What is known of Django's connections: the session behind each, and the unit that uses it."""

    def __init__(self, databases: DatabaseSessions) -> None:
        self.databases = databases
        self._sessions: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._units: WeakKeyDictionary[Any, _Unit] = WeakKeyDictionary()

    def connected(self, wrapper: Any) -> None:
        """It is a new session."""
        self._sessions[wrapper] = self._sessions.get(wrapper, 0) + 1

    def of(self, wrapper: Any) -> DatabaseSession | None:
        """What is known of it; None where its statements are not understood, or we came after it had connected."""
        session = self._sessions.get(wrapper)
        if session is None or wrapper.vendor not in _LANGUAGES:
            return None
        running = current_unit().request or _outermost()
        unit = self._units.get(wrapper)
        if unit is None or not unit.is_of(running):
            unit = self._units[wrapper] = _Unit(running)
        return self.databases.kept(wrapper, session, unit)


class ConnectPoint(Interceptor):
    """Around connecting, and what Django sets then by itself."""

    place = f"{_WRAPPER}.connect"

    def __init__(self, connections: Connections, layout: Layout) -> None:
        self._connections = connections
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return self._self_of(values)

    def after(self, wrapper: Any, _result: Any) -> None:
        """Nobody has left anything."""
        self._connections.connected(wrapper)


class StatementPoint(Interceptor):
    """Around one statement, by a model or by hand."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        self.place = place
        self._connections = connections
        self._self_of, self._sql = layout.receiver_reader(), layout.argument("sql")
        self._parameters = layout.argument("params") if place.endswith("_execute") else None
        self._harmless = Harmless(connections.databases.gate)

    def before(self, values: Values) -> tuple[DatabaseSession, Any, list[Change]] | None:
        """Compare the users; come back where the statement changes something, or its failure would."""
        self_of, sql_of = self._self_of, self._sql
        wrapper, text = vars(self_of(values)).get("db"), sql_of(values)
        if wrapper is None or self._harmless.passes(text, wrapper.vendor):
            return None
        kept, sql = self._connections.of(wrapper), plain_text(text)
        if kept is None or sql is None:
            return None
        language = _LANGUAGES[wrapper.vendor]
        statements = language.statements(sql)
        self._harmless.note(sql, wrapper.vendor, statements)
        done = changes(statements, None if self._parameters is None else self._parameters(values), language)
        self._connections.databases.run(kept, statements, done, f"{_CURSOR}.execute", _LIBRARIES)
        return (kept, wrapper, done) if done or kept.unsettled else None

    def after(self, state: tuple[DatabaseSession, Any, list[Change]], result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Note what has changed."""
        kept, wrapper, done = state
        self._connections.databases.change(kept, done, _LIBRARIES, lasting=bool(vars(wrapper).get("autocommit")))

    def failed(self, state: tuple[DatabaseSession, Any, list[Change]], error: BaseException) -> None:  # noqa: ARG002 - its form
        """The transaction will be taken back."""
        state[0].roll_back()


class EndPoint(Interceptor):
    """Around the end of a transaction, or of a part of it."""

    def __init__(self, place: str, connections: Connections, layout: Layout) -> None:
        self.place = place
        self._connections = connections
        self._self_of = layout.receiver_reader()
        self.gate = connections.databases.gate

    def before(self, values: Values) -> DatabaseSession | None:
        """Wait for it."""
        return self._connections.of(self._self_of(values))

    def after(self, kept: DatabaseSession, result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """What was changed lasts, or is gone."""
        if self.place.endswith("._commit"):
            kept.commit()
        else:
            kept.roll_back()

    def failed(self, kept: DatabaseSession, error: BaseException) -> None:  # noqa: ARG002 - the interceptor's form
        """Nobody knows; what could be gone is."""
        kept.roll_back()


def _outermost() -> Any:
    """The outermost scope that runs."""
    scope = current_scope()
    while scope is not None and scope.parent is not None:
        scope = scope.parent
    return scope


integration = DjangoConnections()
