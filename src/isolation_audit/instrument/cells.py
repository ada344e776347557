"""Cells: counters of clean calls, which are added to all that they count for when somebody reads those."""

from __future__ import annotations

import threading
from typing import Any, Final

ONE: Final = 1.0
"""A clean call. CPython keeps the memory of a few floats at hand, so that this sum takes half the time of one of large
integers; it is exact up to nine thousand million million calls."""


class Cell:
    """Clean calls of one place: ``clean += 1.0`` is all that a call costs, however much it counts for."""

    __slots__ = ("__weakref__", "_counted", "_counts", "clean")

    def __init__(self, cells: Cells) -> None:
        self.clean = 0.0
        self._counted = 0.0
        self._counts: list[tuple[Any, Any]] = []
        cells.add(self)

    def counts_in(self, counts: Any, key: Any) -> None:
        """Each clean call counts in ``counts[key]``, once somebody asks."""
        self._counts.append((counts, key))

    def sum_up(self) -> None:
        """Add the clean calls since the last time to the counters."""
        # ``clean`` itself is never written here: a call of another thread may be adding to it.
        new = self.clean - self._counted
        if new:
            self._counted += new
            for counts, key in self._counts:
                counts[key] += int(new)

    def forget(self) -> None:
        """Remember nothing of the last calls, where anything is remembered."""


class Cells:
    """The cells of one audit."""

    def __init__(self) -> None:
        self._cells: dict[Cell, None] = {}
        # Re-entrant: a signal handler may ask for the counters while this thread brings them up to date.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, cell: Cell) -> None:
        """One more."""
        self._cells[cell] = None

    def sum_up(self) -> None:
        """Bring the counters up to date. Two threads may read them at once; a call counts once."""
        with self._lock:
            for cell in list(self._cells):
                cell.sum_up()

    def retire(self, cell: Cell) -> None:
        """Nobody counts in it any more: what it has counted stays."""
        with self._lock:
            cell.forget()
            cell.sum_up()
            self._cells.pop(cell, None)

    def after_fork(self) -> None:
        """In a forked child, where another thread may have held the lock."""
        self._lock = threading.RLock()
