"""What integrations of psycopg2 share: connections that tell what they run, fetch and end.

Its connections and cursors are C, and can't be watched. So connections are opened with a class of their own; a class of
connections that the application gives is left alone.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.records import dataclass
from isolation_audit.integrations.building_blocks.fetched_rows import named_as, telling_cursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.calls.probe import Probe

CONNECT: Final = "psycopg2:connect"
_FACTORY: Final = 2
"""Arguments of ``connect`` up to the class of connections."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that is about to run, told by itself; what is fetched is told as ``fetched_rows`` says."""

    cursor: Any
    """None where the connection itself says something to the server."""
    connection: Any
    sql: Any
    parameters: Any = None


def tells(connection: Any) -> bool:
    """True for a connection of such a class."""
    return getattr(type(connection), "_tells_isolation_audit", False) is True


def connecting(original: Any, probe: Probe) -> Any:
    """``psycopg2.connect``, with a class of connections that tell ``probe``."""
    # It is there: what this replaces is a function of its package.
    connection_class = _connection_class(sys.modules["psycopg2.extensions"], probe)

    @wraps(original)
    def connect(*args: Any, **kwargs: Any) -> Any:
        given = len(args) >= _FACTORY or kwargs.get("connection_factory") is not None
        if given or not len(probe):
            return original(*args, **kwargs)
        return original(*args, **{**kwargs, "connection_factory": connection_class})

    return connect


def _connection_class(extensions: Any, probe: Probe) -> type:
    made: dict[Any, Any] = {}

    def telling(factory: Any) -> Any:
        if not isinstance(factory, type):
            return factory
        if factory not in made:
            made[factory] = _cursor_class(factory, probe)
        return made[factory]

    class connection(extensions.connection):  # type: ignore[misc] # noqa: N801 - as the class is called there
        """A connection with such cursors."""

        _tells_isolation_audit = True

        def cursor(self, name: Any = None, cursor_factory: Any = None, *args: Any, **kwargs: Any) -> Any:
            factory = cursor_factory or self.cursor_factory or extensions.cursor
            return super().cursor(name, telling(factory), *args, **kwargs)

        def commit(self) -> Any:
            return _told(probe, Statement(None, self, "COMMIT"), super().commit)

        def rollback(self) -> Any:
            return _told(probe, Statement(None, self, "ROLLBACK"), super().rollback)

        def reset(self) -> Any:
            said = "ROLLBACK; RESET ALL; SET SESSION AUTHORIZATION DEFAULT"
            return _told(probe, Statement(None, self, said), super().reset)

    named_as(extensions.connection, connection)
    return connection


def _cursor_class(base: type, probe: Probe) -> type:
    """A class of cursors that tells what it runs as well."""

    class Cursor(telling_cursor(base, probe)):  # type: ignore[misc]
        """A cursor that tells what it runs and fetches."""

        def execute(self, query: Any, vars: Any = None) -> Any:  # noqa: A002 - as psycopg2 calls them
            told = Statement(self, self.connection, query, vars)
            return _told(probe, told, super().execute, query, vars)

        def executemany(self, query: Any, vars_list: Any) -> Any:
            told = Statement(self, self.connection, query)
            return _told(probe, told, super().executemany, query, vars_list)

    named_as(base, Cursor)
    return Cursor


def _told(probe: Probe, statement: Statement, call: Callable[..., Any], *arguments: Any) -> Any:
    """Make a call, and tell of it before and after."""
    states = probe.before((statement,))
    if states is None:
        return call(*arguments)
    try:
        result = call(*arguments)
    except BaseException as error:
        probe.failed(states, error)
        raise
    probe.after(states, result)
    return result
