"""The fault barrier: whatever goes wrong inside the auditor is counted here and never reaches the application."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Barrier:
    """Counts faults per place (a target, a detector, a sink) and says when a place has used up its allowance."""

    def __init__(self, allowance: int = 10) -> None:
        self._allowance = allowance
        self._lock = threading.Lock()
        self.counts: dict[str, int] = {}
        self.on_fault: Callable[[str, BaseException, int], None] | None = None

    def fault(self, place: str, error: BaseException) -> bool:
        """Count one fault; True when ``place`` should be switched off now."""
        with self._lock:
            count = self.counts[place] = self.counts.get(place, 0) + 1
        try:
            if self.on_fault is not None:
                self.on_fault(place, error, count)
        except Exception:
            # The report of the fault failed as well: the counter above is what remains to tell of it.
            with self._lock:
                self.counts["recorder"] = self.counts.get("recorder", 0) + 1
        return count >= self._allowance

    @property
    def total(self) -> int:
        """All faults of all places."""
        return sum(self.counts.values())


_inside: set[int] = set()


class Reentrancy:
    """True while the auditor itself runs on this thread, so that a property which it reads can't start it again.

    The region never awaits or yields, so the thread's identity is exact here.
    """

    __slots__ = ()

    @staticmethod
    def enter() -> bool:
        """Begin the region; False when this thread is inside already."""
        me = threading.get_ident()
        if me in _inside:
            return False
        _inside.add(me)
        return True

    @staticmethod
    def leave() -> None:
        """End the region."""
        _inside.discard(threading.get_ident())
