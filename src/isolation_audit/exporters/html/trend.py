"""What has changed since an earlier report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isolation_audit.exporters import comparison

if TYPE_CHECKING:
    from isolation_audit.exporters.comparison import Figures

_TOLERANCE: Final = 0.1
"""The share by which rates and durations may rise, as `compare` has it."""

_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, before and now, as people read it."""

    measure: str
    before: str
    after: str
    worse: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """Figures side by side, and which findings came and went."""

    changes: tuple[Change, ...]
    fresh: tuple[tuple[str, str, str], ...]
    """Severity, rule and message of findings that the earlier report does not have."""
    gone: tuple[tuple[str, str, str], ...]
    more: int
    """New and vanished findings that are not listed."""

    @property
    def worse(self) -> int:
        """How many figures got worse."""
        return sum(change.worse for change in self.changes)


def trend(before: Figures, after: Figures) -> Trend:
    """The comparison of two reports."""
    changes = tuple(
        [
            Change(row.measure, _shown(row.before, row.unit), _shown(row.after, row.unit), row.worse)
            for row in comparison.compare(before, after, _TOLERANCE)
        ]
    )
    fresh, gone = (_words(comparison.new_findings(*pair)) for pair in ((before, after), (after, before)))
    more = max(0, len(fresh) - _MOST) + max(0, len(gone) - _MOST)
    return Trend(changes, fresh[:_MOST], gone[:_MOST], more)


def _words(findings: list[dict[str, str]]) -> tuple[tuple[str, str, str], ...]:
    return tuple([(one["severity"], one["rule"], one["message"]) for one in findings])


def _shown(value: float | None, unit: str) -> str:
    return "unknown" if value is None else comparison.shown(value, unit)
