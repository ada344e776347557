"""Rows that classes which tell what they fetch have fetched: a building block of drivers whose own classes are C."""

from __future__ import annotations

from itertools import repeat
from operator import is_
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.questions import of_statement
from isolation_audit.content.written_owners import writes
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.model.inputs import LIMIT, ROWS, Input

if TYPE_CHECKING:
    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.inputs.receiver import Receiver
    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.vocabulary.outside import RowsWritten


WRITTEN: Final[Any] = object()


_TUPLE: Final = repeat(tuple)


class FetchPoint(Interceptor):
    """Asked with ``((statement, parameters), rows, number of rows)`` after each fetch.

    Before a statement that changes rows there is :data:`WRITTEN` instead of them.
    """

    def __init__(self, place: str, inputs: Receiver, written: RowsWritten) -> None:
        self.place = place
        self._receive = inputs.receive
        self._written = written

    def before(self, values: Values) -> None:
        """Keep what was read."""
        asked, rows, number = values
        if rows is WRITTEN:
            self._written.wrote(self.place, asked[0], asked[1])
            return
        self._receive(Input(ROWS, rows, asked, texts=of_rows, asked=of_statement), number)


def of_rows(rows: Any) -> Any:
    """Rows of the class that has names for its columns are tuples otherwise."""
    if type(rows) is list:
        return rows if all(map(is_, map(type, rows), _TUPLE)) else [of_rows(row) for row in rows]
    return tuple(rows) if f"{type(rows).__module__}.{type(rows).__qualname__}" == "sqlite3.Row" else rows


def telling_cursor(base: Any, probe: Probe) -> Any:
    """A subclass of a driver's class of cursors, under its name, that tells ``probe`` what it fetches."""

    class Cursor(base):  # type: ignore[misc]
        """A cursor that tells what it fetches."""

        _told_asked: Any = None
        _told_file: str | None = None
        """Where a driver keeps each database in a file: that, which is told as a third part of what was asked."""
        _told_rows: Any = ()
        """What an iteration has read."""

        def execute(self, *args: Any, **kwargs: Any) -> Any:
            given = args[1] if len(args) > 1 else kwargs.get("vars")  # as psycopg2 calls its parameters
            asked = (args[0] if args else None, () if given is None else given)
            self._told_asked = asked if self._told_file is None else (*asked, self._told_file)
            self._told_rows = ()
            return super().execute(*args, **kwargs)

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

    named_as(base, Cursor)
    return Cursor


def writing_cursor(base: Any, probe: Probe) -> Any:
    """A subclass of a driver's class of cursors, under its name, that tells ``probe`` what it is about to write."""

    class Cursor(base):  # type: ignore[misc]
        """A cursor that tells what it writes."""

        def execute(self, *args: Any, **kwargs: Any) -> Any:
            if len(args) > 1 and writes(args[0]):
                probe.before((args, WRITTEN, 1))
            return super().execute(*args, **kwargs)

        def executemany(self, *args: Any, **kwargs: Any) -> Any:
            if len(args) > 1 and (type(args[1]) is list or type(args[1]) is tuple) and writes(args[0]):
                probe.before(((args[0], [*args[1]]), WRITTEN, 1))
            return super().executemany(*args, **kwargs)

    named_as(base, Cursor)
    return Cursor


def named_as(base: type, made: type) -> None:
    """Give ``made`` the names of the class that it stands for."""
    made.__name__, made.__qualname__, made.__module__ = base.__name__, base.__qualname__, base.__module__
