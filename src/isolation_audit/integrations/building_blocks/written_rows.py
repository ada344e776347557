"""Rows that a driver is asked to write: what drivers share whose methods take a statement and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.content.questions import GIVEN
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.outside import RowsWritten


@dataclass(frozen=True, slots=True)
class Write:
    """A method that runs a statement, by the names of its parameters; ``many`` runs it once for each of several."""

    place: str
    statement: str
    given: str
    many: bool = False


class WritePoint(Interceptor):
    """Around what runs a statement."""

    def __init__(self, one: Write, written: RowsWritten, layout: Layout) -> None:
        self.place = one.place
        self._many = one.many
        self._wrote = written.wrote
        self._statement_of = layout.argument(one.statement)
        self._given_of = layout.argument(one.given)

    def before(self, values: Values) -> None:
        """It is about to run. What its parameters are made by one by one is left to the driver."""
        given: Any = self._given_of(values)
        if given and id(type(given)) in GIVEN:
            self._wrote(self.place, self._statement_of(values), [*given] if self._many else given)
