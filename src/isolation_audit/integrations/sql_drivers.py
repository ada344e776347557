"""Database drivers that are used by hand: the rows that a unit of work reads through them, and what it asked with.

What SQLAlchemy and Django read through the same drivers is seen there as well; twice does no harm.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content.questions import GIVEN, of_statement
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.fetched_rows import of_rows
from isolation_audit.integrations.building_blocks.written_rows import Write, WritePoint
from isolation_audit.model.inputs import ROWS, Input
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

    Made = tuple[Input, int]
    Asked = WeakKeyDictionary[Any, Any]
    """By cursor: the statement that it has run, with its parameters."""

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

    def __init__(self, distribution: str, since: str, *results: Result, writes: tuple[Write, ...] = ()) -> None:
        self.distribution = distribution
        self.since = since
        self._results = results
        self._writes = writes

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Each of its methods."""
        inputs = receiver(runtime)
        if inputs is not None:
            for one in self._results:
                yield Point(one.place, partial(ResultPoint, one, inputs))
            for write in self._writes:
                yield Point(write.place, partial(WritePoint, write, runtime.listener(RowsWritten)))


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
    rows = type(result) is list and bool(result) and (type(result[0]) is tuple or type(result[0]) is dict)
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


class Aiosqlite:
    """The integration of aiosqlite, whose cursors do not tell what they have run: that is kept beside them."""

    distribution = "aiosqlite"
    since = "0.17"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What runs a statement, and what fetches rows."""
        inputs = receiver(runtime)
        if inputs is None:
            return
        asked: Asked = WeakKeyDictionary()
        for place in (f"{_CONNECTION}.execute", f"{_CURSOR}.execute"):
            yield Point(place, partial(AskingPoint, place, asked))
        for name in ("fetchone", "fetchmany", "fetchall"):
            yield Point(f"{_CURSOR}.{name}", partial(FetchingPoint, f"{_CURSOR}.{name}", inputs, asked))
        yield Point(f"{_CONNECTION}.execute_fetchall", partial(AllPoint, inputs))


class AskingPoint(Interceptor):
    """Around what runs a statement, and gives its cursor."""

    def __init__(self, place: str, asked: Asked, layout: Layout) -> None:
        self.place = place
        self._asked = asked
        self._statement_of = _statement_reader(layout)

    def before(self, values: Values) -> Any:
        """Keep the statement until its cursor is there."""
        return (self._statement_of(values),)

    def after(self, state: Any, result: Any) -> None:
        """Keep it as long as that."""
        self._asked[result] = state[0]


class FetchingPoint(Interceptor):
    """Around what fetches rows from a cursor."""

    def __init__(self, place: str, inputs: Receiver, asked: Asked, layout: Layout) -> None:
        self.place = place
        self._inputs = inputs
        self._asked = asked
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """What the cursor has run: it may run something else before the rows are there."""
        return (self._asked.get(self._self_of(values)),)

    def after(self, state: Any, result: Any) -> None:
        """Keep the rows."""
        _receive(self._inputs, state[0], result)


class AllPoint(Interceptor):
    """Around what runs a statement and fetches all its rows."""

    place = "aiosqlite.core:Connection.execute_fetchall"

    def __init__(self, inputs: Receiver, layout: Layout) -> None:
        self._inputs = inputs
        self._statement_of = _statement_reader(layout)

    def before(self, values: Values) -> Any:
        """Keep the statement."""
        return (self._statement_of(values),)

    def after(self, state: Any, result: Any) -> None:
        """Keep the rows."""
        _receive(self._inputs, state[0], result)


def _statement_reader(layout: Layout) -> Callable[[Values], Any]:
    statement, parameters = layout.argument("sql"), layout.argument("parameters")

    def read(values: Values) -> Any:
        given = parameters(values)
        return statement(values), given if id(type(given)) in GIVEN else ()

    return read


def _receive(inputs: Receiver, asked: Any, result: Any) -> None:
    if result:
        rows = len(result) if type(result) is list else 1
        inputs.receive(Input(ROWS, result, asked, texts=of_rows, asked=of_statement), rows)


_CONNECTION: Final = "aiosqlite.core:Connection"
_CURSOR: Final = "aiosqlite.cursor:Cursor"
_BIND: Final = "asyncpg.prepared_stmt:PreparedStatement._PreparedStatement__bind_execute"

psycopg = Driver(
    "psycopg",
    "3.1",
    Result("psycopg._cursor_base:BaseCursor._select_current_result", _of_psycopg),
    Result("psycopg:Connection.wait", _of_parts),
    Result("psycopg:AsyncConnection.wait", _of_parts),
    writes=(
        Write("psycopg.cursor:Cursor.execute", "query", "params"),
        Write("psycopg.cursor:Cursor.executemany", "query", "params_seq", many=True),
        Write("psycopg.cursor_async:AsyncCursor.execute", "query", "params"),
        Write("psycopg.cursor_async:AsyncCursor.executemany", "query", "params_seq", many=True),
    ),
)
asyncpg = Driver(
    "asyncpg",
    "0.27",
    Result("asyncpg.connection:Connection._execute", _of_asyncpg, "args"),
    Result(_BIND, _of_asyncpg, "args"),
    *(Result(f"asyncpg.cursor:BaseCursor.{name}", _of_asyncpg) for name in ("_bind_exec", "_exec")),
    writes=(
        Write("asyncpg.connection:Connection._execute", "query", "args"),
        Write("asyncpg.connection:Connection._executemany", "query", "args", many=True),
    ),
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
aiosqlite = Aiosqlite()
