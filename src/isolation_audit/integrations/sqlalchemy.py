"""SQLAlchemy: one ``Session`` in two users' work, or one connection after the other's.

``AsyncSession`` and ``scoped_session`` end in a ``Session``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point, sqlalchemy_connections
from isolation_audit.vocabulary.pools import OrmSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

SESSION: Final = "sqlalchemy.orm.session:Session"
_LIBRARIES: Final = ("sqlalchemy", "greenlet", "contextlib.py")
_CHANGING: Final = ("add", "add_all", "delete", "merge")
_OTHERS: Final = ("flush", "execute", "scalar", "scalars", "get", "query", "refresh", "commit")


class Sqlalchemy:
    """The integration."""

    distribution = "sqlalchemy"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What changes and reads, and the commit, which is for whatever anybody has changed."""
        if not runtime.config.watch.pools:
            return
        sessions = runtime.listener(OrmSessions)
        for name in (*_CHANGING, *_OTHERS):
            yield Point(f"{SESSION}.{name}", partial(UsePoint, name, sessions))
        yield from sqlalchemy_connections.points(runtime)


class UsePoint(Interceptor):
    """Around a method that begins a transaction, or works in one."""

    def __init__(self, name: str, sessions: OrmSessions, layout: Layout) -> None:
        self.place = f"{SESSION}.{name}"
        self._changing = name in _CHANGING
        self._sessions = sessions
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Compare the users; where no transaction is under way, nobody can be in the middle of it: come back then."""
        self_of = self._self_of
        session = self_of(values)
        transaction = _transaction(session)
        if transaction is None:
            return session
        self._use(session, transaction)
        return None

    def after(self, session: Any, result: Any) -> None:  # noqa: ARG002 - the interceptor's form
        """Compare the users, and note whose transaction has begun."""
        transaction = _transaction(session)
        if transaction is not None:
            self._use(session, transaction)

    def failed(self, session: Any, error: BaseException) -> None:
        """The same; a statement that fails has begun one."""
        self.after(session, error)

    def _use(self, session: Any, transaction: Any) -> None:
        holder = self._sessions.holder(session)
        if holder is not None:
            self._sessions.use(holder, transaction, SESSION, _LIBRARIES, changing=self._changing)


def _transaction(session: Any) -> Any:
    """What is under way; until 1.3 a session has no method that tells."""
    get = getattr(session, "get_transaction", None)
    return vars(session).get("transaction") if get is None else get()


integration = Sqlalchemy()
