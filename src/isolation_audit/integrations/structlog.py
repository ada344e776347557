"""structlog: what is bound to the context by one job, and added to the lines of a later one.

It reads its variables out of a copy of the context, which is no call of a variable's own method.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.libraries import ContextVariables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_MODULE: Final = "structlog.contextvars"
_READING: Final = ("merge_contextvars", "get_contextvars")
_PREFIX: Final = "structlog_"
"""What the names of its variables begin with."""


class Structlog:
    """The integration."""

    distribution = "structlog"
    since = "21.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What reads all that is bound: for each line, and on its own."""
        if runtime.config.watch.contexts:
            for name in _READING:
                yield Point(
                    f"{_MODULE}:{name}", partial(ReadPoint, f"{_MODULE}:{name}", runtime.listener(ContextVariables))
                )


class ReadPoint(Interceptor):
    """Around a function that reads what is bound."""

    def __init__(self, place: str, context_residue: ContextVariables, _layout: Layout) -> None:
        self.place = place
        self._context_residue = context_residue

    def before(self, _values: Values) -> None:
        """Some of it may be what another user's job has left."""
        self._context_residue.touched_all(_PREFIX)


integration = Structlog()
