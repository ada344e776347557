"""Reading functions while the application runs, at the expense of no request.

Between two looks of the drainer, all requests together may spend so many steps on it, which is a millisecond or two.
What takes more waits: the evidence is kept, the function is read on the drainer's thread, and then it is judged. So
nothing is missed and nobody waits.
"""

from __future__ import annotations

import time
from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.bytecode import size
from isolation_audit.analysis.flow import flow
from isolation_audit.analysis.nodes import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.analysis.nodes import Flow
    from isolation_audit.instrument.runtime import Runtime

ALLOWANCE: Final = 4_000
"""Steps, of some 2 us each, that requests may spend until the next look."""

_WAITING: Final = 10_000
"""Judgements that may wait; further ones are dropped, and counted."""


class TooLongError(Exception):
    """To read this is more than a request may spend: it has to wait."""


def _let_others_go_first() -> None:
    """Give up the interpreter's lock, which is otherwise taken away only every 5 ms from a thread that computes."""
    time.sleep(0)


class FunctionReading:
    """What the requests of one audit may spend, and what waits for the drainer."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        self._runtime = runtime
        self._left = ALLOWANCE
        self._settling: set[int] = set()
        """Threads that judge what waits: they may take their time. At the end there are two."""
        self._waiting: deque[Callable[[], None]] = deque()
        if runtime is not None:
            runtime.settling.append(self.settle)

    def flow(self, code: CodeType) -> Flow | None:
        """Read a code object; None where it can't be read.

        Raises:
            TooLongError: it is too long for now.
        """
        if self._runtime is not None and get_ident() not in self._settling:
            steps = size(as_written(code))
            if steps > self._left:
                raise TooLongError
            self._left -= steps
        try:
            return flow(code, None if get_ident() not in self._settling else _let_others_go_first)
        except UnreadableError:
            return None

    def later(self, judgement: Callable[[], None]) -> None:
        """Have something judged when the drainer looks; what it began when it was too long is begun anew."""
        if len(self._waiting) < _WAITING:
            self._waiting.append(judgement)
        elif self._runtime is not None:
            self._runtime.tally.entries_evicted += 1

    def settle(self, _grace: float) -> None:
        """Judge what waits, on a thread that no request waits for."""
        self._left = ALLOWANCE
        self._settling.add(get_ident())
        try:
            while self._waiting:
                self._next()()
        finally:
            self._settling.discard(get_ident())

    def _next(self) -> Callable[[], None]:
        try:
            return self._waiting.popleft()
        except IndexError:  # the other thread has taken the last one
            return lambda: None
