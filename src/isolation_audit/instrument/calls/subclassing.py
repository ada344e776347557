"""Subclassing: a class derived from a target is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Values


class SubclassPoint(Interceptor):
    """Around ``__init_subclass__``: tells of the finished class."""

    def __init__(self, place: str, on_subclass: Callable[[type], None]) -> None:
        self.place = place
        self._on_subclass = on_subclass

    def before(self, values: Values) -> Any:
        """Keep the new class for the end."""
        return values

    def after(self, state: Any, _result: Any) -> None:
        """Instrument the new class."""
        first = state[0]
        # An exact layout holds the class itself, a loose one holds (args, kwargs).
        self._on_subclass(first if isinstance(first, type) else first[0])
