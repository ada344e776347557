"""Database drivers that are used by hand: the rows that a unit of work reads through them, and what it asked with.

What SQLAlchemy and Django read through the same drivers is seen there as well; twice does no harm.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.fetched_rows import of_rows
from isolation_audit.model.inputs import ROWS, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

    Made = tuple[Input, int]

_ROWS: Final = 10_000
"""Rows of one result that are searched."""


@dataclass(frozen=True, slots=True)
class Result:
    """A method that gets a result.

    ``input_of`` makes an input and its number of rows of the object that the method belongs to, what it asked with, and
    its result; None where nothing has come in. ``argument`` names the parameter that it asks with.
    """

    place: str
    input_of: Callable[[Any, Any, Any], Made | None]
    argument: str | None = None


class Driver:
    """The integration of one driver."""

    def __init__(self, distribution: str, since: str, *results: Result) -> None:
        self.distribution = distribution
        self.since = since
        self._results = results

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Each of its methods."""
        inputs = receiver(runtime)
        if inputs is not None:
            for one in self._results:
                yield Point(one.place, partial(ResultPoint, one, inputs))


class ResultPoint(Interceptor):
    """Around what gets a result."""

    def __init__(self, one: Result, inputs: Receiver, layout: Layout) -> None:
        self.place = one.place
        self._receive = inputs.receive
        self._input_of = one.input_of
        self._self_of = layout.receiver_reader()
        self._asked = None if one.argument is None else layout.argument(one.argument)

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return self._self_of(values), None if self._asked is None else self._asked(values)

    def after(self, state: Any, result: Any) -> None:
        """Keep it."""
        made = self._input_of(state[0], state[1], result)
        if made is not None:
            self._receive(*made)


def _of_psycopg(cursor: Any, _asked: Any, _result: Any) -> Made | None:
    """The result as the server has sent it; it is read where it matters."""
    held = cursor.pgresult
    rows = 0 if held is None else held.ntuples
    return (Input(ROWS, held, cursor._query, _of_pgresult, _of_query), rows) if rows else None  # noqa: SLF001 - see below


def _of_parts(_connection: Any, _asked: Any, result: Any) -> Made | None:
    """What a named cursor fetches by parts; whatever else is waited for gives no list of rows."""
    rows = type(result) is list and bool(result) and type(result[0]) in (tuple, dict)
    return (Input(ROWS, result), len(result)) if rows else None


def _of_pgresult(held: Any) -> Any:
    columns = range(held.nfields)
    return [held.get_value(row, column) for row in range(min(held.ntuples, _ROWS)) for column in columns]


def _of_query(query: Any) -> Any:
    # The parameters as they were sent: no public name leads to them.
    return getattr(query, "params", None)


def _of_asyncpg(_connection: Any, asked: Any, result: Any) -> Made | None:
    rows = result[0] if type(result) is tuple and result else result
    return (Input(ROWS, rows, asked, _of_records), len(rows)) if type(rows) is list and rows else None


def _of_records(rows: Any) -> Any:
    return [tuple(row) for row in rows]


def _of_mysql(cursor: Any, asked: Any, _result: Any) -> Made | None:
    """A statement with its parameters in it, and all that has come."""
    return _with(asked, getattr(cursor, "_rows", None))


def _of_mysql_again(cursor: Any, _asked: Any, _result: Any) -> Made | None:
    """A further result of the statement that a cursor has run: only from its end on does a cursor say which that is."""
    return _with(getattr(cursor, "_executed", None), getattr(cursor, "_rows", None))


def _of_aiomysql(cursor: Any, _asked: Any, _result: Any) -> Made | None:
    return _with(getattr(cursor, "_last_executed", None), cursor._rows)  # noqa: SLF001 - fetching takes from it


def _with(asked: Any, rows: Any) -> Made | None:
    return (Input(ROWS, rows, asked), len(rows)) if rows else None


def _of_mysql_row(cursor: Any, _asked: Any, result: Any) -> Made | None:
    """One row of a cursor that is read as it comes."""
    return None if result is None else (Input(ROWS, result, getattr(cursor, "_executed", None)), 1)


def _of_mysqlclient(cursor: Any, _asked: Any, result: Any) -> Made | None:
    """Rows of a cursor that is read as it comes; one that has them all at once has been asked for them before."""
    if any(kind.__name__ == "CursorStoreResultMixIn" for kind in type(cursor).__mro__):
        return None
    return _with(getattr(cursor, "_executed", None), result)


def _of_aiosqlite(_cursor: Any, asked: Any, result: Any) -> Made | None:
    if not result:
        return None
    several = type(result) is list
    return Input(ROWS, result, asked, of_rows), len(result) if several else 1


def _asked_of_aiosqlite(_cursor: Any, asked: Any, _result: Any) -> Made | None:
    return (Input(ROWS, None, asked), 0) if asked else None


_BIND: Final = "asyncpg.prepared_stmt:PreparedStatement._PreparedStatement__bind_execute"
_AIOSQLITE: Final = "aiosqlite.cursor:Cursor"

psycopg = Driver(
    "psycopg",
    "3.1",
    Result("psycopg._cursor_base:BaseCursor._select_current_result", _of_psycopg),
    Result("psycopg:Connection.wait", _of_parts),
    Result("psycopg:AsyncConnection.wait", _of_parts),
)
asyncpg = Driver(
    "asyncpg",
    "0.27",
    Result("asyncpg.connection:Connection._execute", _of_asyncpg, "args"),
    Result(_BIND, _of_asyncpg, "args"),
    *(Result(f"asyncpg.cursor:BaseCursor.{name}", _of_asyncpg) for name in ("_bind_exec", "_exec")),
)
pymysql = Driver(
    "PyMySQL",
    "1.0",
    Result("pymysql.cursors:Cursor._query", _of_mysql, "q"),
    Result("pymysql.cursors:Cursor._nextset", _of_mysql_again),
    Result("pymysql.cursors:SSCursor.read_next", _of_mysql_row),
)
mysqlclient = Driver(
    "mysqlclient",
    "1.4",
    Result("MySQLdb.cursors:BaseCursor._query", _of_mysql, "q"),
    Result("MySQLdb.cursors:BaseCursor.nextset", _of_mysql_again),
    Result("MySQLdb.cursors:BaseCursor._fetch_row", _of_mysqlclient),
)
aiomysql = Driver(
    "aiomysql",
    "0.2",
    Result("aiomysql.cursors:Cursor._do_get_result", _of_aiomysql),
    Result("aiomysql.cursors:SSCursor._read_next", _of_mysql_row),
)
aiosqlite = Driver(
    "aiosqlite",
    "0.17",
    Result("aiosqlite.core:Connection.execute", _asked_of_aiosqlite, "parameters"),
    Result("aiosqlite.core:Connection.execute_fetchall", _of_aiosqlite, "parameters"),
    Result(f"{_AIOSQLITE}.execute", _asked_of_aiosqlite, "parameters"),
    *(Result(f"{_AIOSQLITE}.{name}", _of_aiosqlite) for name in ("fetchone", "fetchmany", "fetchall")),
)
