"""SQLAlchemy, sync and async: the rows that a unit of work reads, whatever driver brings them."""

from __future__ import annotations

from functools import partial, wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.questions import with_statement
from isolation_audit.content.written_owners import writes
from isolation_audit.instrument.calls.interceptors import Interceptor, OfReceiver
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point, Replacement
from isolation_audit.model.inputs import LIMIT, ROWS, Input
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_RESULT: Final = "sqlalchemy.engine.cursor:CursorResult"
_DIALECT: Final = "sqlalchemy.engine.default:DefaultDialect"
_UNTIL_1_3: Final = "sqlalchemy.engine.result:ResultProxy"
_FETCHES: Final = ("_fetchone_impl", "_fetchmany_impl", "_fetchall_impl")


class SqlalchemyRows:
    """The integration."""

    distribution = "sqlalchemy"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point | Replacement]:
        """All ways in which a result gets its rows."""
        inputs = receiver(runtime)
        if inputs is not None:
            for place in (f"{result}.{name}" for result in (_RESULT, _UNTIL_1_3) for name in _FETCHES):
                yield Point(place, partial(FetchPoint, place, inputs))
            for name in ("do_execute", "do_executemany"):
                place = f"{_DIALECT}.{name}"
                yield Point(place, partial(WritePoint, place, runtime.listener(RowsWritten)))
            yield Replacement(f"{_RESULT}._fetchiter_impl", IterationPoint(inputs), _iterating)


class FetchPoint(OfReceiver):
    """Around one fetch of a result."""

    ends_quietly = True

    def __init__(self, place: str, inputs: Receiver, layout: Layout) -> None:
        super().__init__(layout)
        self.place = place
        self._receive = inputs.receive
        self._one = place.endswith("one_impl")

    def after(self, state: Any, result: Any) -> None:
        """Keep what was read; the statement's parameters are the question."""
        if result:
            self._receive(Input(ROWS, result, state.context, asked=_parameters), 1 if self._one else len(result))


class WritePoint(Interceptor):
    """Around the running of a statement."""

    def __init__(self, place: str, written: RowsWritten, layout: Layout) -> None:
        self.place = place
        self._written = written
        self._statement = layout.argument("statement")
        self._given = layout.argument("parameters")

    def before(self, values: Values) -> None:
        """It may change rows."""
        statement = self._statement(values)
        if writes(statement):
            self._written.wrote(_DIALECT, statement, self._given(values))


class IterationPoint(Interceptor):
    """Asked with ``(result, rows)`` at the first row of an iteration; ``rows`` has each that was read by then."""

    place = f"{_RESULT}._fetchiter_impl"

    def __init__(self, inputs: Receiver) -> None:
        self._receive = inputs.receive

    def before(self, values: Values) -> None:
        """Keep what is read."""
        result, rows = values
        self._receive(Input(ROWS, rows, result.context, asked=_parameters))


def _iterating(original: Any, probe: Probe) -> Any:
    """The method, which tells ``probe`` once an iteration: a row of it costs no more than to remember it."""

    @wraps(original)
    def _fetchiter_impl(self: Any) -> Iterator[Any]:
        rows = original(self)
        read = list(islice(rows, 1))
        keep = read.append
        if read:
            probe.before((self, read))
            yield read[0]
        for row in islice(rows, LIMIT):
            keep(row)
            yield row
        yield from rows

    return _fetchiter_impl


@with_statement(lambda context: (getattr(context, "statement", None), getattr(context, "parameters", None)))
def _parameters(context: Any) -> Any:
    return getattr(context, "parameters", None)


integration = SqlalchemyRows()
