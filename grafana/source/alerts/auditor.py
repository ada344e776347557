"""The auditor itself: gone, blind, full, or unable to deliver."""

from __future__ import annotations

from typing import Final

from grafana.source.alerts import lasting
from grafana.source.alerts.model import HEALTH, Alert, Case, Firing
from grafana.source.alerts.rising import AT, cases, rising, series

_COVERAGE: Final = "isolation_audit_coverage"
_TARGETS: Final = "isolation_audit_targets"
_VERDICTS: Final = ("audited", "partly blind", "blind", "idle")
_DAY: Final = 90_000


def _blind(verdict: str) -> tuple[Case, ...]:
    others = tuple({"verdict": one} for one in _VERDICTS if one != verdict)
    return lasting.cases(_COVERAGE, {"verdict": verdict}, 30, bad="1", good="0", others=others)


def _down_cases() -> tuple[Case, ...]:
    def of(instance: str) -> tuple[str, str]:
        labels = {**AT, "instance": instance}
        return series("isolation_audit_running", labels), series("up", labels)

    running, up = of("a:1")
    other, other_up = of("b:1")
    firing = (Firing(AT),)
    return (
        Case(
            "firing, the scrape fails",
            {running: "1x10 stale", other: "1x40", up: "1x10 0x30", other_up: "1x40"},
            {"17m": firing},
        ),
        Case(
            "firing, the application answers without its auditor",
            {running: "1x10 0x30", up: "1x40"},
            {"17m": firing},
        ),
        Case(
            "quiet, it runs, and an instance that was taken away on purpose is not missed",
            {running: "1x60", other: "1x10 stale", up: "1x60", other_up: "1x10 stale"},
            {"20m": ()},
        ),
        Case(
            "boundary, a restart of less than 5 minutes is no alert",
            {running: "1x10 stale _x2 1x20", up: "1x10 0x3 1x20"},
            {"14m": (), "16m": (), "20m": ()},
        ),
        Case(
            "boundary, 5 minutes are one",
            {running: "1x10 stale", up: "1x10 0x30"},
            {"15m": (), "16m": firing},
        ),
        Case("no data is what it warns of", {}, {"4m": (), "5m": (Firing({}),)}),
    )


def _failing(metric: str, labels: dict[str, str]) -> tuple[Case, ...]:
    """Cases of an alert on failures that go on for 5 minutes."""
    own = series(metric, {**AT, **labels})
    firing = (Firing({**AT, **labels}),)
    return (
        Case("firing", {own: "0+1x30"}, {"10m": firing}),
        Case("quiet", {own: "3x30"}, {"10m": ()}),
        Case("quiet, a failure now and then", {own: "0x5 1x30"}, {"9m": (), "20m": ()}),
        Case("boundary, it waits for 5 minutes", {own: "0+1x30"}, {"5m": (), "6m": firing}),
        Case("no data", {}, {"20m": ()}),
    )


def _table_cases() -> tuple[Case, ...]:
    users = {**AT, "table": "users"}
    evicted = series("isolation_audit_evictions_total", users)
    beside = {
        series("isolation_audit_table_limit", users): "50x60",
        series("isolation_audit_processes", AT): "2x60",
        series("isolation_audit_evictions_total", {**AT, "table": "scopes"}): "0+900x60",
    }
    firing = (Firing(users, "200"),)
    return (
        Case("firing", {evicted: "0+20x60", **beside}, {"20m": firing}),
        Case("quiet, it keeps what is younger than 10 minutes", {evicted: "0+9x60", **beside}, {"20m": (), "40m": ()}),
        Case("quiet, it is not full", {evicted: "0x60", **beside}, {"20m": ()}),
        Case("boundary, it waits for 5 minutes", {evicted: "0+20x60", **beside}, {"10m": (), "12m": firing}),
        Case("no data", {}, {"20m": ()}),
    )


ALERTS: Final = (
    Alert(
        name="IsolationAuditDown",
        severity="critical",
        expr=(
            "(\n"
            "  max by (job, instance) (max_over_time(isolation_audit_running[1d]))\n"
            "  unless on (job, instance) (isolation_audit_running == 1)\n"
            ") and on (job, instance) up\n"
            "or absent_over_time(isolation_audit_running[1d])"
        ),
        wait="5m",
        summary="No auditor watches {{ if $labels.instance }}{{ $labels.instance }}{{ else }}anything{{ end }}",
        description=(
            "An instance that was audited within the last day is not any more, or none ever was. What happens there now"
            " is not seen."
        ),
        dashboard=HEALTH,
        cases=_down_cases(),
        meaning="an audited instance is not audited any more, or nothing ever was",
        longest=_DAY,
    ),
    Alert(
        name="IsolationAuditBlind",
        severity="warning",
        expr=f'{_COVERAGE}{{verdict="blind"}} == 1',
        wait="30m",
        summary="The auditor of {{ $labels.instance }} runs and sees nothing",
        description=(
            "For 30 minutes the verdict on what the auditor can see has been blind. That nothing is found says nothing."
        ),
        dashboard=HEALTH,
        cases=_blind("blind"),
        meaning="the auditor runs and sees nothing: the verdict is `blind`",
    ),
    Alert(
        name="IsolationAuditPartlyBlind",
        severity="warning",
        expr=f'{_COVERAGE}{{verdict="partly blind"}} == 1',
        wait="30m",
        summary="The auditor of {{ $labels.instance }} does not see a part of what is at work",
        description=(
            "For 30 minutes something has been at work that is not watched, or a part of the configuration has given"
            " nothing."
        ),
        dashboard=HEALTH,
        cases=_blind("partly blind"),
        meaning="something is at work that the auditor does not see",
    ),
    Alert(
        name="IsolationAuditTargetUnwatched",
        severity="warning",
        expr=f'{_TARGETS}{{state=~"missing|late"}} > 0',
        wait="5m",
        summary="{{ printf `%.0f` $value }} target(s) of {{ $labels.instance }} are {{ $labels.state }}",
        description=(
            "A target that is missing is not watched; one that was found late was not watched from the beginning."
        ),
        dashboard=HEALTH,
        cases=lasting.cases(
            _TARGETS,
            {"state": "missing"},
            5,
            bad="2",
            good="0",
            value="2",
            others=({"state": "waiting"}, {"state": "absent"}, {"state": "applied"}),
        ),
        meaning="a target is missing, or was found late",
    ),
    Alert(
        name="IsolationAuditFaults",
        severity="warning",
        expr=rising("isolation_audit_faults_total", "15m"),
        wait="0s",
        summary="The auditor of {{ $labels.instance }} had a fault",
        description=(
            "About {{ printf `%.0f` $value }} faults within 15 minutes. The application went on; the place of the fault"
            " may be switched off."
        ),
        dashboard=HEALTH,
        cases=cases("isolation_audit_faults_total", {}, 15),
        meaning="something failed inside the auditor",
    ),
    Alert(
        name="IsolationAuditFindingsDropped",
        severity="warning",
        expr=rising("isolation_audit_findings_dropped_total", "15m"),
        wait="0s",
        summary="{{ $labels.instance }} has more findings than it can keep",
        description="About {{ printf `%.0f` $value }} occurrences within 15 minutes were counted without being described.",
        dashboard=HEALTH,
        cases=cases("isolation_audit_findings_dropped_total", {}, 15),
        meaning="there are more findings than the auditor keeps",
    ),
    Alert(
        name="IsolationAuditTableTooSmall",
        severity="warning",
        expr=(
            "increase(isolation_audit_evictions_total[10m])\n"
            "> on (job, instance, table)\n"
            "(isolation_audit_table_limit * on (job, instance) group_left () isolation_audit_processes)"
        ),
        wait="5m",
        summary="The auditor of {{ $labels.instance }} has too small a table of {{ $labels.table }}",
        description=(
            "About {{ printf `%.0f` $value }} entries were let go within 10 minutes: more than the table holds, so it"
            " forgets what it has learned a few minutes ago."
        ),
        dashboard=HEALTH,
        cases=_table_cases(),
        meaning="a full table of the auditor forgets what is less than 10 minutes old",
    ),
    Alert(
        name="IsolationAuditExportFailing",
        severity="warning",
        expr="increase(isolation_audit_export_failures_total[5m]) > 0",
        wait="5m",
        summary="{{ $labels.instance }} can't deliver to its {{ $labels.exporter }}",
        description=(
            "Spans and findings have not reached their receiver, or the journal its file, for 5 minutes. They are kept"
            " for a while and then given up."
        ),
        dashboard=HEALTH,
        cases=_failing("isolation_audit_export_failures_total", {"exporter": "otlp"}),
        meaning="the OTLP receiver takes nothing, or the journal can't be written",
    ),
    Alert(
        name="IsolationAuditBindingsStoreFailing",
        severity="warning",
        expr="increase(isolation_audit_bindings_store_failures_total[5m]) > 0",
        wait="5m",
        summary="{{ $labels.instance }} can't share its bindings",
        description=(
            "Requests to the store of bindings have failed for 5 minutes. Events that pass from process to process are"
            " judged without it."
        ),
        dashboard=HEALTH,
        cases=_failing("isolation_audit_bindings_store_failures_total", {}),
        meaning="processes can't share which id is whose",
    ),
)
