"""psycopg2: the rows that a unit of work reads by hand, and what it asked with.

What SQLAlchemy and Django read through it is seen there as well; twice does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.content.questions import GIVEN
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Replacement
from isolation_audit.integrations.building_blocks.fetched_rows import FetchPoint
from isolation_audit.integrations.psycopg2_connections import CONNECT, Statement, connecting
from isolation_audit.vocabulary.outside import RowsWritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime


class Psycopg2Rows:
    """The integration."""

    distribution = "psycopg2"
    since = "2.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """What opens a connection."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Replacement(CONNECT, RowsPoint(CONNECT, inputs, runtime.listener(RowsWritten)), connecting)


class RowsPoint(FetchPoint):
    """Asked after each fetch, and before each statement."""

    def before(self, values: Values) -> None:
        """Keep what was read, and tell of what is written; of what is written for several at once nothing is told."""
        one = values[0]
        if type(one) is not Statement:
            super().before(values)
        elif one.parameters and id(type(one.parameters)) in GIVEN:
            self._written.wrote(self.place, one.sql, one.parameters)


integration = Psycopg2Rows()
