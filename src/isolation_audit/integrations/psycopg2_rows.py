"""psycopg2: the rows that a unit of work reads by hand, and what it asked with.

Its cursors are C, and can't be watched. So connections are opened with a class of their own, whose cursors tell what
they fetch; a class of connections that the application gives is left alone. What SQLAlchemy and Django read through it
is seen there as well; twice does no harm.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Replacement
from isolation_audit.integrations.fetched_rows import FetchPoint
from isolation_audit.rules.provenance.inputs import LIMIT, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.probe import Probe
    from isolation_audit.instrument.runtime import Runtime

CONNECT: Final = "psycopg2:connect"
_FACTORY: Final = 2
"""Arguments of ``connect`` up to the class of connections."""


class Psycopg2Rows:
    """The integration."""

    distribution = "psycopg2"
    since = "2.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """What opens a connection."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Replacement(CONNECT, FetchPoint(CONNECT, inputs), _connecting)


def _connecting(original: Any, probe: Probe) -> Any:
    """The function, with a class of connections whose cursors tell ``probe`` what they fetch."""
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

        def cursor(self, name: Any = None, cursor_factory: Any = None, *args: Any, **kwargs: Any) -> Any:
            factory = cursor_factory or self.cursor_factory or extensions.cursor
            return super().cursor(name, telling(factory), *args, **kwargs)

    connection.__module__ = extensions.connection.__module__
    connection.__qualname__ = extensions.connection.__qualname__
    return connection


def _cursor_class(base: Any, probe: Probe) -> type:
    class Cursor(base):  # type: ignore[misc]
        """A cursor that tells what it fetches."""

        _told_asked: Any = None
        _told_rows: Any = ()
        """What an iteration has read."""

        def execute(self, query: Any, vars: Any = None) -> Any:  # noqa: A002 - as it is called there
            self._told_asked, self._told_rows = vars, ()
            return super().execute(query, vars)

        def fetchone(self) -> Any:
            return self._told_of(super().fetchone())

        def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
            return self._told_of(super().fetchmany(*args, **kwargs), several=True)

        def fetchall(self) -> Any:
            return self._told_of(super().fetchall(), several=True)

        def __next__(self) -> Any:
            row = super().__next__()
            if not self._told_rows:
                self._told_rows = []
                probe.before((self._told_asked, self._told_rows, 1))
            if len(self._told_rows) < LIMIT:
                self._told_rows.append(row)
            return row

        def _told_of(self, fetched: Any, *, several: bool = False) -> Any:
            if fetched is not None and (fetched or not several):
                probe.before((self._told_asked, fetched, len(fetched) if several else 1))
            return fetched

    Cursor.__name__, Cursor.__qualname__, Cursor.__module__ = base.__name__, base.__qualname__, base.__module__
    return Cursor


integration = Psycopg2Rows()
