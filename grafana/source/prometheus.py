"""The rule file for Prometheus, and its unit tests for promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grafana.source.alerts import ALERTS
from grafana.source.files import to_yaml
from grafana.source.records import FAILED_SHARE, RECORDS, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana.source.alerts.model import Alert, Case

_RULES: Final = "alerts/isolation-audit.rules.yml"
_TESTS: Final = "alerts/tests/isolation-audit.test.yml"


def files() -> Iterator[tuple[str, str]]:
    """Path and text of both."""
    records = [{"record": name, "expr": expr} for name, expr in RECORDS.items()]
    groups = [
        {"name": "isolation-audit-recordings", "rules": records},
        {"name": "isolation-audit", "rules": [_rule(alert) for alert in ALERTS]},
    ]
    about = "Alerts and recordings on the metrics of isolation-audit. docs/runbooks/ says what to do about each alert."
    yield _RULES, to_yaml({"groups": groups}, about)
    tests = [_test(alert, case) for alert in ALERTS for case in alert.cases] + list(_record_tests())
    document = {"rule_files": ["../isolation-audit.rules.yml"], "evaluation_interval": "1m", "tests": tests}
    yield _TESTS, to_yaml(document, "promtool test rules: each alert firing, quiet, at its boundary, and without data.")


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": {"severity": alert.severity},
        "annotations": dict(alert.annotations),
    }


def _test(alert: Alert, case: Case) -> dict[str, Any]:
    return {
        "name": f"{alert.name}: {case.name}",
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in case.series.items()],
        "alert_rule_test": [
            {
                "alertname": alert.name,
                "eval_time": time,
                "exp_alerts": [
                    {
                        "exp_labels": {"severity": alert.severity, **firing.labels},
                        "exp_annotations": alert.said(firing),
                    }
                    for firing in expected
                ],
            }
            for time, expected in case.fires.items()
        ],
    }


def _record_tests() -> Iterator[dict[str, Any]]:
    at = 'job="chat", instance="a:1"'
    yield {
        "name": "recordings",
        "interval": "1m",
        "input_series": [
            {"series": f'isolation_audit_events_total{{{at}, layer="sink"}}', "values": "0+60x60"},
            {"series": f'isolation_audit_events_total{{{at}, layer="bridge"}}', "values": "0+40x60"},
            {"series": f"isolation_audit_events_undelivered_total{{{at}}}", "values": "0+5x60"},
        ],
        "promql_expr_test": [
            {
                "expr": f"round({FAILED_SHARE}{window}, 0.01)",
                "eval_time": "40m",
                "exp_samples": [{"labels": f"{{{at}}}", "value": 0.05}],
            }
            for window in WINDOWS
        ],
    }
