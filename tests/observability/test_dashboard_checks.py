"""The checks of `make obs` notice what they are there for."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from grafana.checks.lint import violations
from grafana.checks.promql import selectors

from receivers import ROOT

BOARD = json.loads((ROOT / "grafana" / "dashboards" / "isolation-audit-overview.json").read_text())


def first(model: dict[str, Any]) -> dict[str, Any]:
    return next(panel for panel in model["panels"] if panel.get("targets"))


def variable(model: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in model["templating"]["list"] if one["name"] == name)


def asks(model: dict[str, Any], expr: str) -> None:
    first(model)["targets"][0]["expr"] = expr


AT = 'job=~"$job",instance=~"$instance"'
BROKEN = {
    "uneditable": lambda model: model.pop("editable"),
    "template-datasource": lambda model: variable(model, "datasource").update(label="DS"),
    "template-job": lambda model: variable(model, "job").update(multi=False),
    "template-instance": lambda model: variable(model, "instance").update(datasource={"uid": "mine"}),
    "template-on-time-change-reload": lambda model: variable(model, "job").update(refresh=1),
    "panel-title-description": lambda model: first(model).pop("description"),
    "panel-datasource": lambda model: first(model).pop("datasource"),
    "panel-units": lambda model: first(model)["fieldConfig"]["defaults"].pop("unit"),
    "panel-no-targets": lambda model: first(model).update(targets=[]),
    "target-datasource": lambda model: first(model)["targets"][0].pop("datasource"),
    "target-promql": lambda model: asks(model, "vector(1)"),
    "target-job": lambda model: asks(model, 'isolation_audit_running{instance=~"$instance"}'),
    "target-instance": lambda model: asks(model, 'isolation_audit_running{job=~"$job",instance="a"}'),
    "target-counter-agg": lambda model: asks(model, f"sum(isolation_audit_faults_total{{{AT}}})"),
    "target-rate-interval": lambda model: asks(model, f"rate(isolation_audit_faults_total{{{AT}}}[5m])"),
    "panels without an id": lambda model: first(model).pop("id"),
}


def test_a_committed_dashboard_is_clean() -> None:
    assert list(violations(BOARD)) == []


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_of_the_lint_notices(rule: str) -> None:
    model = copy.deepcopy(BOARD)
    BROKEN[rule](model)
    found = list(violations(model))
    assert len(found) == 1
    assert rule in found[0]


def test_selectors_of_a_query() -> None:
    expr = (
        'sum by (isolation_audit) (rate(isolation_audit_a_total{x="}",job=~"$job"}[5m]))'
        " / on (job) group_left (up) isolation_audit:b:rate5m and up == 1"
    )
    found = list(selectors(expr))
    assert [one.name for one in found] == ["isolation_audit_a_total", "isolation_audit:b:rate5m", "up"]
    assert (found[0].matchers["job"], found[0].window, found[0].counted) == ('=~"$job"', "5m", True)
    assert (found[1].matchers, found[1].window, found[1].counted) == ({}, None, False)
