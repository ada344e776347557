"""Recording rules: what dashboards and alerts ask for often, or over a long time."""

from __future__ import annotations

from typing import Final

FAILED_SHARE: Final = "isolation_audit:events_undelivered:ratio_rate"
WINDOWS: Final = ("5m", "30m", "1h", "6h")


def _failed(window: str) -> str:
    lost = f"sum by (job, instance) (rate(isolation_audit_events_undelivered_total[{window}]))"
    return f"{lost}\n/ (sum by (job, instance) (rate(isolation_audit_events_total[{window}])) > 0)"


RECORDS: Final = {f"{FAILED_SHARE}{window}": _failed(window) for window in WINDOWS}
"""The expression of each, by its name."""
