"""One burn-down: all that the ways of showing it need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isolation_audit._version import __version__

if TYPE_CHECKING:
    from isolation_audit.progress.engines import Engine
    from isolation_audit.progress.history import HistoryEntry
    from isolation_audit.progress.matrix import Row
    from isolation_audit.progress.ratchet import Growth

SERIES = {
    "source.references": "references in the source",
    "migration.deprecated": "deprecated engines built",
    "isolation.crossings": "events to a wrong user",
}
"""Figures whose history is shown."""


@dataclass(frozen=True, slots=True)
class Burndown:
    """``growths`` is None without a ratchet; ``said`` is what became of the ratchet; ``entries`` is the history."""

    rows: list[Row]
    engines: list[Engine]
    growths: list[Growth] | None
    said: str
    entries: list[HistoryEntry]

    def series(self, key: str) -> list[float | None]:
        """The history of a figure; empty where it was never known."""
        values = [entry.figures.get(key) for entry in self.entries]
        return [] if all(value is None for value in values) else values

    def as_dict(self) -> dict[str, Any]:
        """JSON form, schema 1."""
        return {
            "schema": 1,
            "tool": {"name": "isolation-audit", "version": __version__},
            "rows": [row.as_dict() for row in self.rows],
            "engines": [engine.as_dict() for engine in self.engines],
            "ratchet": None
            if self.growths is None
            else {"grown": [growth.as_dict() for growth in self.growths], "message": self.said},
            "history": [entry.as_dict() for entry in self.entries],
        }
