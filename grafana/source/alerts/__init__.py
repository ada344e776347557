"""All alerts, in the order in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana.source.alerts import auditor, events, leaks, migration, upkeep

if TYPE_CHECKING:
    from grafana.source.alerts.model import Alert

ALERTS: Final[tuple[Alert, ...]] = (*leaks.ALERTS, *upkeep.ALERTS, *events.ALERTS, *migration.ALERTS, *auditor.ALERTS)


def table() -> str:
    """The rows of README.md."""
    rows = "".join(
        f"| [{alert.name}](../docs/runbooks/{alert.name}.md) | {alert.severity} | {alert.meaning} |\n"
        for alert in ALERTS
    )
    return f"| alert | severity | fires when |\n|---|---|---|\n{rows}"
