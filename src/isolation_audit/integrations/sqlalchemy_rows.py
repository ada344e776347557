"""SQLAlchemy, sync and async: the rows that a unit of work reads, whatever driver brings them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.provenance.inputs import ROWS, Input, Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_STRATEGIES: Final = tuple(
    f"sqlalchemy.engine.cursor:{name}"
    for name in ("CursorFetchStrategy", "BufferedRowCursorFetchStrategy", "FullyBufferedCursorFetchStrategy")
)
"""All ways in which a result gets its rows; an iteration fetches one by one."""

_FETCHES: Final = ("fetchone", "fetchmany", "fetchall")


class SqlalchemyRows:
    """The integration."""

    distribution = "sqlalchemy"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Every fetch."""
        inputs = receiver(runtime)
        if inputs is not None:
            for strategy in _STRATEGIES:
                for name in _FETCHES:
                    place = f"{strategy}.{name}"
                    yield Point(place, partial(FetchPoint, place, inputs))


class FetchPoint(Interceptor):
    """Around one fetch of a result."""

    def __init__(self, place: str, inputs: Receiver, layout: Layout) -> None:
        self.place = place
        self._receive = inputs.receive
        self._one = place.endswith(".fetchone")
        self._result = layout.argument("result")

    def before(self, values: Values) -> Any:
        """The statement's parameters are the question."""
        return self._result(values)

    def after(self, state: Any, result: Any) -> None:
        """Keep what was read."""
        if result:
            self._receive(Input(ROWS, result, state.context, asked=_parameters), 1 if self._one else len(result))


def _parameters(context: Any) -> Any:
    return getattr(context, "parameters", None)


integration = SqlalchemyRows()
