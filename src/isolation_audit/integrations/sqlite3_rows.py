"""sqlite3: the rows that a unit of work reads by hand.

Its classes are C, and can't be watched. So the connections that are opened are of subclasses, which tell what they
fetch: those of the application, which may be an installed package itself, and of libraries such as peewee. Left alone
are libraries that keep entries in a file, as caches do, which are no inputs, and those whose own integration sees what
they read. Left alone is also what a pool of threads opens, for it is not known for whom.
"""

from __future__ import annotations

import sqlite3
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_standard, package_of
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.integrations import Replacement
from isolation_audit.integrations.building_blocks.fetched_rows import FetchPoint, named_as, telling_cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.runtime import Runtime

CONNECT: Final = "sqlite3:connect"


class Sqlite3Rows:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """What opens a connection."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Replacement(CONNECT, FetchPoint(CONNECT, inputs), _connecting)


def _connecting(original: Any, probe: Probe) -> Any:
    """The function, with classes of connections and cursors that tell ``probe`` what they fetch."""
    connection_class = _classes(probe)

    @wraps(original)
    def connect(*args: Any, **kwargs: Any) -> Any:
        own = len(args) <= _FACTORY and "factory" not in kwargs and len(probe) and _reads_inputs()
        return original(*args, **kwargs, factory=connection_class) if own else original(*args, **kwargs)

    connect.__module__ = "sqlite3"
    return connect


_FACTORY: Final = 5
"""The place of the argument that names the class."""


_SEEN_ELSEWHERE: Final = frozenset({"aiosqlite", "django", "sqlalchemy"})
_STORES: Final = frozenset(
    {"aiocache", "cachecontrol", "cachelib", "diskcache", "dogpile", "hishel", "huey", "joblib", "langgraph"}
    | {"persistqueue", "requests_cache", "sqlitedict", "streamlit", "vcr"}
)
_POOLS: Final = frozenset({"anyio", "asgiref", "gevent", "eventlet", "outcome", "trio"})
"""They call on threads of theirs what they are given: ``sqlite3.connect``, say, which anysqlite gives for hishel. A
pool of the standard library does so as well."""


def _reads_inputs() -> bool:
    """Whether whoever opens the connection reads rows that are inputs of the work that runs."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to a frame
    while is_ours(frame.f_code) and frame.f_back is not None:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return not is_standard(file) and package_of(file) not in _SEEN_ELSEWHERE | _STORES | _POOLS


def _classes(probe: Probe) -> type[sqlite3.Connection]:
    cursor_class = telling_cursor(sqlite3.Cursor, probe)

    class Connection(sqlite3.Connection):
        """A connection with such cursors."""

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            return super().cursor(*args, **kwargs) if args or kwargs else super().cursor(cursor_class)

        def execute(self, *args: Any, **kwargs: Any) -> Any:
            return self.cursor().execute(*args, **kwargs)

    named_as(sqlite3.Connection, Connection)
    return Connection


integration = Sqlite3Rows()
