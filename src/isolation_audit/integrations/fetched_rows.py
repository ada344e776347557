"""Rows that classes which tell what they fetch have fetched: a building block of drivers whose own classes are C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.probe import Interceptor
from isolation_audit.rules.provenance.inputs import ROWS, Input

if TYPE_CHECKING:
    from isolation_audit.instrument.layout import Values
    from isolation_audit.rules.provenance.inputs import Receiver


class FetchPoint(Interceptor):
    """Asked with ``(parameters, rows, number of rows)`` after each fetch."""

    def __init__(self, place: str, inputs: Receiver) -> None:
        self.place = place
        self._receive = inputs.receive

    def before(self, values: Values) -> None:
        """Keep what was read."""
        parameters, rows, number = values
        self._receive(Input(ROWS, rows, parameters, texts=of_rows), number)


def of_rows(rows: Any) -> Any:
    """Rows of the class that has names for its columns are tuples otherwise."""
    if type(rows) is list:
        return [of_rows(row) for row in rows]
    return tuple(rows) if f"{type(rows).__module__}.{type(rows).__qualname__}" == "sqlite3.Row" else rows
