"""OpenTelemetry: a context that was attached in a pool's thread and never detached is there for the next job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import residue_variable
from isolation_audit.vocabulary.libraries import LibraryContexts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.residue import Residue

CURRENT: Final = "opentelemetry.context:get_current"


class OpenTelemetry:
    """The integration."""

    distribution = "opentelemetry-api"
    since = "1.20"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What reads the current context: spans, baggage and propagation all go through it."""
        if runtime.config.watch.contexts:
            yield Point(CURRENT, lambda _layout: CurrentPoint(runtime.listener(LibraryContexts)))


class CurrentPoint(Interceptor):
    """Around reading the current context."""

    place = CURRENT

    def __init__(self, library_residue: LibraryContexts) -> None:
        self._library_residue = library_residue
        self.gate = library_residue.gate
        # Now, and not before: this is made once the application has imported the library.
        library_residue.follow(sys.modules["opentelemetry.context"].get_current)

    def before(self, _values: Values) -> Any:
        """Wait for what is read, where an earlier job has left anything."""
        left: Residue | None = residue_variable.get()
        return None if left is None else left.library

    def after(self, _state: Any, current: Any) -> None:
        """It may be what another user's job has left."""
        self._library_residue.read(current)


integration = OpenTelemetry()
