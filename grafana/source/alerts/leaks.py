"""What has reached a user whom it was not for. Each occurrence pages at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana.source.alerts.model import FINDING, Alert
from grafana.source.alerts.rising import cases, rising

if TYPE_CHECKING:
    from collections.abc import Mapping

_CROSSINGS: Final = "isolation_audit_crossings_total"
_FINDINGS: Final = "isolation_audit_findings_total"


def _of(rule: str, severity: str = "error") -> Mapping[str, str]:
    return {"rule": rule, "severity": severity}


ALERTS: Final = (
    Alert(
        name="IsolationAuditCrossing",
        severity="critical",
        expr=rising(f'{_CROSSINGS}{{rule!="IA203",severity="error"}}', "5m"),
        wait="0s",
        summary="{{ $labels.instance }} delivered something to a user it was not for ({{ $labels.rule }})",
        description=(
            "About {{ printf `%.0f` $value }} deliveries crossed users within 5 minutes, as {{ $labels.rule }} has seen"
            " them. One is a leak."
        ),
        dashboard=FINDING,
        cases=cases(_CROSSINGS, _of("IA202"), 5, others=(_of("IA203"), _of("IA205", "note"))),
        meaning="an event, a response or a result reached a user it was not for",
    ),
    Alert(
        name="IsolationAuditContentLeak",
        severity="critical",
        expr=rising(f'{_FINDINGS}{{rule="IA203",severity="error"}}', "5m"),
        wait="0s",
        summary="{{ $labels.instance }} sent one user's data to another ({{ $labels.rule }})",
        description=(
            "About {{ printf `%.0f` $value }} responses or messages within 5 minutes held an identifier or a secret of"
            " another user that had not come in with the user's own work."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA203"), 5, others=(_of("IA202"), _of("IA203", "warning"))),
        meaning="what was sent to a user holds data of another one, out of the process's memory",
    ),
    Alert(
        name="IsolationAuditStateLeak",
        severity="critical",
        expr=rising(f'{_FINDINGS}{{rule=~"IA[456].*",severity="error"}}', "5m"),
        wait="0s",
        summary="{{ $labels.instance }} has let one user's state reach another's work ({{ $labels.rule }})",
        description=(
            "{{ $labels.rule }} was found about {{ printf `%.0f` $value }} times within 5 minutes: a context, a cache, a"
            " shared object or a pooled connection."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA503"), 5, others=(_of("IA503", "warning"), _of("IA202"), _of("IA302"))),
        meaning="one user's context, cached value, shared object or pooled connection was there for another",
    ),
    Alert(
        name="IsolationAuditErrorFound",
        severity="critical",
        expr=rising(f'{_FINDINGS}{{rule!~"IA20[235]|IA[3456].*",severity="error"}}', "5m"),
        wait="0s",
        summary="{{ $labels.instance }} has a finding of severity error ({{ $labels.rule }})",
        description=(
            "{{ $labels.rule }} was found about {{ printf `%.0f` $value }} times within 5 minutes, such as an object of"
            " one user that another has used."
        ),
        dashboard=FINDING,
        cases=cases(
            _FINDINGS,
            _of("IA201"),
            5,
            others=(_of("IA103", "warning"), _of("IA202"), _of("IA203"), _of("IA305"), _of("IA503")),
        ),
        meaning="another rule of severity error has a finding, such as an object of one user that another has used",
    ),
    Alert(
        name="IsolationAuditContextLost",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule="IA504",severity="warning"}}', "15m"),
        wait="0s",
        summary="{{ $labels.instance }} has work that lost its user ({{ $labels.rule }})",
        description=(
            "About {{ printf `%.0f` $value }} times within 15 minutes, code that works for a user asked who that is and"
            " got nobody."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA504", "warning"), 15, others=(_of("IA503", "warning"),)),
        meaning="code that works for a user asked who that is, and got nobody",
    ),
    Alert(
        name="IsolationAuditFactoryContention",
        severity="warning",
        expr=rising(f'{_FINDINGS}{{rule=~"IA60[12]",severity="warning"}}', "15m"),
        wait="0s",
        summary="{{ $labels.instance }} made several of what there is meant to be one of ({{ $labels.rule }})",
        description=(
            "About {{ printf `%.0f` $value }} times within 15 minutes, calls of a factory that came at once made an"
            " object each. What is kept in one of them is missing in the others."
        ),
        dashboard=FINDING,
        cases=cases(_FINDINGS, _of("IA601", "warning"), 15, others=(_of("IA501", "warning"),)),
        meaning="calls that came at once have each made what there is meant to be one of",
    ),
)
