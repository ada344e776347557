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
from isolation_audit.integrations.fetched_rows import FetchPoint, named_as, telling_cursor
from isolation_audit.rules.provenance.inputs import receiver

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
            made[factory] = telling_cursor(factory, probe)
        return made[factory]

    class connection(extensions.connection):  # type: ignore[misc] # noqa: N801 - as the class is called there
        """A connection with such cursors."""

        def cursor(self, name: Any = None, cursor_factory: Any = None, *args: Any, **kwargs: Any) -> Any:
            factory = cursor_factory or self.cursor_factory or extensions.cursor
            return super().cursor(name, telling(factory), *args, **kwargs)

    named_as(extensions.connection, connection)
    return connection


integration = Psycopg2Rows()
