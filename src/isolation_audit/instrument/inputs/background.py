"""What was read while no unit of work was running: by start-up code, by workers, by threads that are nobody's.

What start-up code has read, before the first request, is there for all: a directory, a table of permissions. What a
worker reads while a unit is running may have been handed over to it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input

_AT_START: Final = 2_000
"""Fetches of start-up code that are remembered."""

_LATEST: Final = 200
"""Fetches since that are."""

_SECONDS: Final = 60.0
"""How long they are kept: units that began earlier are few."""


class Background:
    """The inputs of nobody's unit; one an audit."""

    def __init__(self) -> None:
        self.at_start: list[Input] = []
        self._latest: deque[tuple[float, Input]] = deque(maxlen=_LATEST)
        self.started = False
        """True once a unit of work has begun: start-up is over."""

    def receive(self, one: Input) -> None:
        """Something was read."""
        if not self.started:
            if len(self.at_start) < _AT_START:
                self.at_start.append(one)
            return
        now = monotonic()
        self._latest.append((now, one))
        while self._latest and self._latest[0][0] < now - _SECONDS:
            self._latest.popleft()

    def known_as(self, one: Input) -> None:
        """It is known by now for whom it was read: that is not nobody's unit any more."""
        for read in list(self._latest):
            if read[1] is one:
                with suppress(ValueError):  # else another thread has dropped it
                    self._latest.remove(read)
                break

    def since(self, began: float) -> list[Input]:
        """What was read since then."""
        return [one for read, one in list(self._latest) if read >= began]


def background_of(_runtime: Runtime) -> Background:
    """What nobody's unit has read in one audit; use it with ``runtime.part``."""
    return Background()
