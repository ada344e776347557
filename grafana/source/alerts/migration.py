"""Deprecated engines that are still built."""

from __future__ import annotations

from typing import Final

from grafana.source.alerts.model import MIGRATION, Alert, Case, Firing
from grafana.source.alerts.rising import AT, cases, rising, series

_BUILT: Final = "isolation_audit_deprecated_engines_built_total"
_DEADLINE: Final = "isolation_audit_deprecation_deadline_timestamp_seconds"
_OLD: Final = {"target": "app.old:Engine"}
_OWN: Final = {**AT, **_OLD}


def _past_cases() -> tuple[Case, ...]:
    built, deadline = series(_BUILT, _OWN), series(_DEADLINE, _OWN)
    firing = (Firing(_OWN, "2"),)
    return (
        *cases(_BUILT, _OLD, 15, more={deadline: "1x60"})[:2],
        Case("quiet, before the deadline", {built: "0x5 2x50", deadline: "6000x60"}, {"7m": (), "20m": ()}),
        Case("quiet, there is no deadline", {built: "0x5 2x50", deadline: "0x60"}, {"7m": ()}),
        Case("quiet, it is not built any more", {built: "9x60", deadline: "1x60"}, {"20m": ()}),
        Case(
            "boundary, the deadline passes while it is built",
            {built: "0+1x60", deadline: "600x60"},
            {"10m": (), "11m": (Firing(_OWN, "11"),)},
        ),
        Case(
            "boundary, it resolves after 15 minutes", {built: "0x5 2x50", deadline: "1x60"}, {"20m": firing, "21m": ()}
        ),
        Case("no data", {}, {"20m": ()}),
    )


ALERTS: Final = (
    Alert(
        name="IsolationAuditDeprecatedEngineBuilt",
        severity="warning",
        expr=rising(_BUILT, "15m"),
        wait="0s",
        summary="{{ $labels.instance }} still builds {{ $labels.target }}",
        description="The deprecated engine {{ $labels.target }} was built within the last 15 minutes.",
        dashboard=MIGRATION,
        cases=cases(_BUILT, _OLD, 15),
        meaning="a deprecated engine is still built",
    ),
    Alert(
        name="IsolationAuditDeprecatedAfterDeadline",
        severity="critical",
        expr=(
            f"(\n  increase({_BUILT}[15m]) > 0\n  or ({_BUILT} > 0 unless {_BUILT} offset 15m)\n)\n"
            f"and on (job, instance, target) (({_DEADLINE} > 0) < time())"
        ),
        wait="0s",
        summary="{{ $labels.instance }} builds {{ $labels.target }} after its deadline",
        description=(
            "The deprecated engine {{ $labels.target }} was built about {{ printf `%.0f` $value }} times within the last"
            " 15 minutes, and the `deadline` of its deprecation has passed."
        ),
        dashboard=MIGRATION,
        cases=_past_cases(),
        meaning="a deprecated engine is built although its `deadline` has passed",
    ),
)
