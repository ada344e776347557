"""What Grafana reads at its start, and an example of a route for Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grafana.source.files import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

DATASOURCE: Final = "isolation-audit-prometheus"


def files() -> Iterator[tuple[str, str]]:
    """Path and text of each."""
    yield (
        "provisioning/datasources/isolation-audit.yml",
        to_yaml(
            {
                "apiVersion": 1,
                "datasources": [
                    {
                        "name": "Prometheus (isolation-audit)",
                        "uid": DATASOURCE,
                        "type": "prometheus",
                        "access": "proxy",
                        "url": "http://127.0.0.1:9090",
                        "isDefault": False,
                        "editable": False,
                        "jsonData": {"httpMethod": "POST", "timeInterval": "15s"},
                    }
                ],
            },
            "Set `url` to your Prometheus, and `timeInterval` to its scrape interval.",
        ),
    )
    yield (
        "provisioning/dashboards/isolation-audit.yml",
        to_yaml(
            {
                "apiVersion": 1,
                "providers": [
                    {
                        "name": "isolation-audit",
                        "orgId": 1,
                        "folder": "isolation-audit",
                        "type": "file",
                        "disableDeletion": False,
                        "allowUiUpdates": False,
                        "options": {"path": "/var/lib/grafana/dashboards/isolation-audit"},
                    }
                ],
            },
            "Put the files of dashboards/ where `path` says.",
        ),
    )
    yield "alertmanager/alertmanager.yml", to_yaml(_alertmanager(), _ROUTES)


_ROUTES: Final = """An example. What is critical goes to whoever is on call, at once; a warning to the team, gathered.
Set both addresses to your own receivers: pagers and chats have receivers of their own in Alertmanager."""


def _alertmanager() -> dict[str, Any]:
    return {
        "route": {
            "receiver": "team",
            "group_by": ["alertname", "job"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                {
                    "matchers": ['alertname=~"IsolationAudit.+"', 'severity="critical"'],
                    "receiver": "on-call",
                    "group_by": ["alertname", "job", "rule"],
                    "group_wait": "0s",
                    "group_interval": "1m",
                    "repeat_interval": "4h",
                }
            ],
        },
        "inhibit_rules": [
            _hushed("IsolationAuditDeprecatedAfterDeadline", "IsolationAuditDeprecatedEngineBuilt", "target"),
            _hushed("IsolationAuditEventsFailingFast", "IsolationAuditEventsFailingSlowly"),
            _hushed("IsolationAuditBlind", "IsolationAuditPartlyBlind"),
        ],
        "receivers": [
            {
                "name": "on-call",
                "webhook_configs": [{"url": "http://127.0.0.1:9095/on-call", "send_resolved": True}],
            },
            {"name": "team", "webhook_configs": [{"url": "http://127.0.0.1:9095/team", "send_resolved": True}]},
        ],
    }


def _hushed(by: str, what: str, *more: str) -> dict[str, Any]:
    """While the one fires, the other, about the same instance, says nothing new."""
    return {
        "source_matchers": [f'alertname="{by}"'],
        "target_matchers": [f'alertname="{what}"'],
        "equal": ["job", "instance", *more],
    }
