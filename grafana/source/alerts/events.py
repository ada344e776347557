"""Events that are missing, late, repeated or not delivered, and runs that take too long."""

from __future__ import annotations

from typing import Final

from grafana.source.alerts.model import FINDING, OVERVIEW, Alert, Case, Firing
from grafana.source.alerts.rising import AT, cases, rising, series
from grafana.source.records import FAILED_SHARE

_FINDINGS: Final = "isolation_audit_findings_total"
_EVENTS: Final = "isolation_audit_events_total"
_LOST: Final = "isolation_audit_events_undelivered_total"

BUDGET: Final = 0.001
"""The share of events that may fail to arrive: an objective of 99.9 % over 30 days."""


def _burning(factor: float, short: str, long: str) -> str:
    limit = f"{factor * BUDGET:g}"
    return f"{FAILED_SHARE}{long} > {limit}\nand {FAILED_SHARE}{short} > {limit}"


def _burn_cases(minutes: int, before: int, after: int, share: str) -> tuple[Case, ...]:
    """Of 1,000 events a minute some fail: ``after`` is a share that uses the budget up too fast, ``before`` is not."""
    events, lost = (series(name, {**AT, **more}) for name, more in ((_EVENTS, {"layer": "sink"}), (_LOST, {})))
    flow = "0+1000x90"
    firing = (Firing(AT, share),)
    return (
        Case("firing", {events: flow, lost: f"0+{after}x90"}, {"40m": firing}),
        Case("quiet, a share that the budget allows", {events: flow, lost: f"0+{before}x90"}, {"40m": ()}),
        Case("quiet, nothing happens", {events: "5x90", lost: "5x90"}, {"40m": ()}),
        Case(
            f"boundary, it waits for {minutes} minutes",
            {events: flow, lost: f"0+{after}x90"},
            # The first rate needs two samples, and what is recorded may be there for the alert a round later.
            {f"{minutes}m": (), f"{minutes + 2}m": firing},
        ),
        Case("no data", {}, {"40m": ()}),
    )


def _slow(code: str, level: str) -> str:
    """The share of ``level``'s durations of 30 minutes that the rule has a finding for."""
    found = f'sum by (job, instance) (increase({_FINDINGS}{{rule="{code}"}}[30m]))'
    return f"{found}\n/ (sum by (job, instance) (increase(isolation_audit_{level}_seconds_count[30m])) > 0)\n> 0.05"


def _slow_cases(code: str, level: str) -> tuple[Case, ...]:
    found = series(_FINDINGS, {**AT, "rule": code, "severity": "warning"})
    other = series(_FINDINGS, {**AT, "rule": "IA504", "severity": "warning"})
    ended = series(f"isolation_audit_{level}_seconds_count", AT)
    firing = (Firing(AT, "10%"),)
    return (
        Case("firing", {found: "0+10x90", ended: "0+100x90"}, {"40m": firing}),
        Case(
            "quiet, one in a hundred, and what other rules find",
            {found: "0+1x90", ended: "0+100x90", other: "0+50x90"},
            {"40m": ()},
        ),
        Case("quiet, nothing ends", {found: "7x90", ended: "7x90"}, {"40m": ()}),
        Case("boundary, 5 % are not too many", {found: "0+5x90", ended: "0+100x90"}, {"40m": ()}),
        Case("boundary, it waits for 5 minutes", {found: "0+10x90", ended: "0+100x90"}, {"5m": (), "6m": firing}),
        Case("no data", {}, {"40m": ()}),
    )


ALERTS: Final = (
    Alert(
        name="IsolationAuditEventsBroken",
        severity="critical",
        expr=rising(f'{_FINDINGS}{{rule=~"IA3.*",severity="error"}}', "15m"),
        wait="0s",
        summary="{{ $labels.instance }} has lost, repeated or reordered events ({{ $labels.rule }})",
        description="{{ $labels.rule }} was found about {{ printf `%.0f` $value }} times within 15 minutes.",
        dashboard=FINDING,
        cases=cases(
            _FINDINGS,
            {"rule": "IA302", "severity": "error"},
            15,
            others=({"rule": "IA308", "severity": "warning"}, {"rule": "IA202", "severity": "error"}),
        ),
        meaning="events are missing, repeated, out of order or not delivered",
    ),
    Alert(
        name="IsolationAuditConnectionsBroken",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule="IA308",severity="warning"}}', "15m"),
        wait="0s",
        summary="{{ $labels.instance }} closes WebSockets with 1011 ({{ $labels.rule }})",
        description=(
            "About {{ printf `%.0f` $value }} connections within 15 minutes ended with an internal error, or by an"
            " exception of what served them."
        ),
        dashboard=FINDING,
        cases=cases(
            _FINDINGS,
            {"rule": "IA308", "severity": "warning"},
            15,
            others=({"rule": "IA307", "severity": "error"},),
        ),
        meaning="WebSocket connections end with 1011 (internal error)",
    ),
    Alert(
        name="IsolationAuditEventsFailingFast",
        severity="critical",
        expr=_burning(14.4, "5m", "1h"),
        wait="2m",
        summary="{{ $labels.instance }} fails to deliver {{ $value | humanizePercentage }} of its events",
        description=(
            "For an hour, and for the last 5 minutes, more than 1.44 % of the events have not arrived. At 99.9 % a month"
            " that uses the month's allowance up in two days."
        ),
        dashboard=OVERVIEW,
        cases=_burn_cases(2, 14, 50, "5%"),
        meaning="more than 1.44 % of the events of an hour did not arrive: at 99.9 % a month, 14 times too many",
        longest=7200,
    ),
    Alert(
        name="IsolationAuditEventsFailingSlowly",
        severity="warning",
        expr=_burning(6, "30m", "6h"),
        wait="15m",
        summary="{{ $labels.instance }} fails to deliver {{ $value | humanizePercentage }} of its events",
        description=(
            "For 6 hours, and for the last 30 minutes, more than 0.6 % of the events have not arrived. At 99.9 % a month"
            " that uses the month's allowance up in five days."
        ),
        dashboard=OVERVIEW,
        cases=_burn_cases(15, 5, 10, "1%"),
        meaning="more than 0.6 % of the events of 6 hours did not arrive: at 99.9 % a month, 6 times too many",
        longest=25_200,
    ),
    Alert(
        name="IsolationAuditRunsSlow",
        severity="warning",
        expr=_slow("IA701", "run"),
        wait="5m",
        summary="{{ $value | humanizePercentage }} of the runs of {{ $labels.instance }} are too slow",
        description=(
            "Within 30 minutes more than 5 % of the runs, or of their first events, took longer than `service_levels`"
            " allows."
        ),
        dashboard=OVERVIEW,
        cases=_slow_cases("IA701", "run"),
        meaning="more than 5 % of the runs, or of their first events, are slower than `service_levels` allows",
    ),
    Alert(
        name="IsolationAuditCleanupSlow",
        severity="warning",
        expr=_slow("IA702", "cleanup"),
        wait="5m",
        summary="{{ $value | humanizePercentage }} of the clean-ups of {{ $labels.instance }} are too slow",
        description="Within 30 minutes more than 5 % of the clean-ups took longer than `service_levels.cleanup` allows.",
        dashboard=OVERVIEW,
        cases=_slow_cases("IA702", "cleanup"),
        meaning="more than 5 % of the clean-ups are slower than `service_levels.cleanup` allows",
    ),
)
