"""The alerts once more, for teams whose alerts Grafana itself evaluates: the same PromQL, nothing left to defaults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from grafana.source.alerts import ALERTS
from grafana.source.files import to_yaml
from grafana.source.provisioning import DATASOURCE
from grafana_foundation_sdk.builders import alerting, prometheus
from grafana_foundation_sdk.builders import expr as expressions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.alerting import RelativeTimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana.source.alerts.model import Alert

FOLDER: Final = "isolation-audit"

_ABOUT: Final = """The alerts of alerts/isolation-audit.rules.yml for Grafana's own alerting. Take one of the two.
Prometheus must have the group isolation-audit-recordings of that file in either case."""

_VALUE: Final = re.compile(r"\$value\b")


def files() -> Iterator[tuple[str, str]]:
    """Path and text of the one file."""
    group = {
        "orgId": 1,
        "name": "isolation-audit",
        "folder": FOLDER,
        "interval": "1m",
        "rules": [_rule(alert) for alert in ALERTS],
    }
    yield "provisioning/alerting/isolation-audit.yml", to_yaml({"apiVersion": 1, "groups": [group]}, _ABOUT)


def uid(alert: Alert) -> str:
    """At most 40 characters, as Grafana wants it: the alert's name in kebab case."""
    return "ia-" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", alert.name.removeprefix("IsolationAudit")).lower()


def _rule(alert: Alert) -> dict[str, Any]:
    rule = (
        alerting.Rule(alert.name)
        .uid(uid(alert))
        .condition("firing")
        .for_val(alert.wait)
        .exec_err_state("Error")
        # An expression that selects what is wrong gives nothing where nothing is.
        .no_data_state("OK")
        .labels({"severity": alert.severity})
        .annotations({**_annotations(alert), "__dashboardUid__": alert.dashboard})
        .is_paused(is_paused=False)
        .with_query(_asked(alert))
        .with_query(_compared(alert))
    )
    made = json.loads(JSONEncoder(sort_keys=True).encode(rule.build()))
    kept = (
        "uid",
        "title",
        "condition",
        "data",
        "noDataState",
        "execErrState",
        "for",
        "annotations",
        "labels",
        "isPaused",
    )
    return {name: made[name] for name in kept}


def _range(alert: Alert) -> RelativeTimeRange:
    return RelativeTimeRange(from_val=alert.longest, to=0)


def _asked(alert: Alert) -> Any:
    source = models.DataSourceRef(type_val="prometheus", uid=DATASOURCE)
    query = prometheus.Dataquery().ref_id("A").datasource(source).expr(alert.expr).instant()
    return alerting.Query("A").datasource_uid(DATASOURCE).model(query).relative_time_range(_range(alert))


def _compared(alert: Alert) -> Any:
    """Each series that the query gives fires, whatever its value: none is below 0."""
    evaluator = expressions.ExprTypeThresholdConditionsEvaluator()
    evaluator.type("gt").params([-1])
    condition = expressions.ExprTypeThresholdConditions().evaluator(evaluator)
    source = models.DataSourceRef(type_val="__expr__", uid="__expr__")
    threshold = expressions.TypeThreshold().datasource(source).ref_id("firing").expression("A").conditions([condition])
    return alerting.Query("firing").datasource_uid("__expr__").model(threshold).relative_time_range(_range(alert))


def _annotations(alert: Alert) -> dict[str, str]:
    """Grafana's `$value` is a text about all values; what Prometheus calls so is `$values.A.Value`."""
    return {name: _VALUE.sub("$values.A.Value", text) for name, text in alert.annotations.items()}
