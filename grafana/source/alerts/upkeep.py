"""What stays, or is built, otherwise than it is meant. Nothing has reached another user: a warning for the team."""

from __future__ import annotations

from typing import Final

from grafana.source.alerts.model import FINDING, HEALTH, Alert
from grafana.source.alerts.rising import cases, rising

_FINDINGS: Final = "isolation_audit_findings_total"


def _of(rule: str, severity: str = "warning") -> dict[str, str]:
    return {"rule": rule, "severity": severity}


ALERTS: Final = (
    Alert(
        name="IsolationAuditObjectsPileUp",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule="IA502",severity="warning"}}', "1h"),
        wait="0s",
        summary="{{ $labels.instance }} keeps more objects of users with each unit of work ({{ $labels.rule }})",
        description=(
            "IA502 was found within the last hour: engines, emitters or contexts stay after their work, and memory"
            " fills up."
        ),
        dashboard=HEALTH,
        cases=cases(
            _FINDINGS,
            _of("IA502"),
            60,
            others=(
                _of("IA501"),
                _of("IA506"),
            ),
        ),
        meaning="with each unit of work more objects of users stay in memory",
        longest=7200,
    ),
    Alert(
        name="IsolationAuditWorkRunsOn",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule="IA506",severity="warning"}}', "1h"),
        wait="0s",
        summary="{{ $labels.instance }} has tasks or threads that run on after their work ({{ $labels.rule }})",
        description=(
            "IA506 was found within the last hour: units of work have started tasks, threads or jobs at one place, and"
            " these run on although the units are over. With each unit there is one more."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA506"), 60, others=(_of("IA506", "note"), _of("IA502"))),
        meaning="tasks, threads or jobs of several units of work run on after these have ended",
        longest=7200,
    ),
    Alert(
        name="IsolationAuditFactoryBypassed",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule=~"IA10[67]",severity="warning"}}', "1h"),
        wait="0s",
        summary="{{ $labels.instance }} builds an engine by more than its one factory ({{ $labels.rule }})",
        description=(
            "{{ $labels.rule }} was found within the last hour: an engine was built past its canonical factory, or by"
            " two factories. What one of them counts, limits or cleans up, the other one does not know."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA106"), 60, others=(_of("IA107", "note"), _of("IA108"), _of("IA103"))),
        meaning="an engine was built past its canonical factory, or by several factories",
        longest=7200,
    ),
    Alert(
        name="IsolationAuditNameMeansAnother",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule="IA108",severity="warning"}}', "1h"),
        wait="0s",
        summary="{{ $labels.instance }} uses several classes under one name ({{ $labels.rule }})",
        description=(
            "IA108 was found within the last hour: two classes of one name serve one role, one file is two modules, or"
            " a stand-in has won because an import has failed."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA108"), 60, others=(_of("IA108", "note"), _of("IA106"), _of("IA109"))),
        meaning="several classes of one name are in use for one role, or a stand-in for a class that was not imported",
        longest=7200,
    ),
)
