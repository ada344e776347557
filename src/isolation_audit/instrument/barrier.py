"""The fault barrier: whatever goes wrong inside the auditor is counted here and never reaches the application."""

from __future__ import annotations

import os
import signal
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Callable

__builtins__ = BUILTINS


STACK_END: Final = "the end of the stack"
"""The place of faults that left no room for a call of :meth:`Barrier.fault`.

Where the application has a few frames left, the auditor fails for want of more, and what the application calls there
may still fit. Such a fault is counted by ``counts[STACK_END] += 1``, which takes no frame.
"""


class Barrier:
    """Counts faults per place (a target, a monitor, a sink) and says when a place has used up its allowance."""

    def __init__(self, allowance: int = 10) -> None:
        self._allowance = allowance
        # Re-entrant: a signal handler may meet a fault of its own while this thread counts one.
        self._lock = threading.RLock()
        self.counts: dict[str, int] = defaultdict(int)
        self.on_fault: Callable[[str, BaseException, int], None] | None = None

    def fault(self, place: str, error: BaseException) -> bool:
        """Count one fault; True when ``place`` should be switched off now."""
        with self._lock:
            self.counts[place] += 1
            count = self.counts[place]
        try:
            if self.on_fault is not None:
                self.on_fault(place, error, count)
        except Exception:
            # The report of the fault failed as well: the counter above is what remains to tell of it.
            with self._lock:
                self.counts["recorder"] += 1
        # At the end of its stack an application makes every place fail, and that passes with the stack.
        return count >= self._allowance and not isinstance(error, RecursionError)

    @property
    def total(self) -> int:
        """All faults of all places."""
        return sum(self.counts.values())


def raised_by_signal(error: BaseException) -> bool:
    """True where a signal handler of the application raised ``error`` while the auditor happened to run.

    That is how time limits are enforced (celery's soft limit, ``signal.alarm``): such an exception is not a fault, and
    keeping it from the application would break the limit.
    """
    handlers = set()
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        function = getattr(handler, "__func__", getattr(handler, "func", handler))
        handlers.add(id(getattr(function, "__code__", None)))
    handlers.discard(id(None))
    trace = error.__traceback__
    while trace is not None:
        if id(trace.tb_frame.f_code) in handlers:
            return True
        trace = trace.tb_next
    return False


inside: Final[set[int]] = set()
"""Threads on which the auditor itself runs at this moment, so that a property which it reads can't start it again.

Others only look into it. The region never awaits or yields, so a thread's identity is exact here.
"""

enter_auditor: Final[Callable[[int], None]] = inside.add
"""Called with the thread's identity, in the ``try`` whose ``finally`` calls the other one: an exception from a signal
handler can't strand it in between."""
leave_auditor: Final[Callable[[int], None]] = inside.discard
"""The thread goes on with the application's code."""

if hasattr(os, "register_at_fork"):
    # Only the forking thread lives on in the child; its new threads may get the identities of the others.
    os.register_at_fork(after_in_child=inside.clear)
