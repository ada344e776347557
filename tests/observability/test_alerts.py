"""The alerts: that every rule of severity error raises one, and that their unit tests would notice a broken one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from grafana.source.alerts import ALERTS
from grafana.source.alerts.model import Firing

from isolation_audit.recording.figures import CROSSING_RULES
from isolation_audit.rules import all_rules
from receivers import ROOT, program

if TYPE_CHECKING:
    from grafana.source.alerts.model import Alert

RULES = ROOT / "grafana" / "alerts" / "isolation-audit.rules.yml"
TESTS = ROOT / "grafana" / "alerts" / "tests" / "isolation-audit.test.yml"
BY_NAME = {alert.name: alert for alert in ALERTS}
WARNED_OF = {
    "IA106": "IsolationAuditFactoryBypassed",
    "IA107": "IsolationAuditFactoryBypassed",
    "IA108": "IsolationAuditNameMeansAnother",
    "IA308": "IsolationAuditConnectionsBroken",
    "IA502": "IsolationAuditObjectsPileUp",
    "IA504": "IsolationAuditContextLost",
    "IA506": "IsolationAuditWorkRunsOn",
    "IA601": "IsolationAuditFactoryContention",
    "IA602": "IsolationAuditFactoryContention",
}
"""Warnings that somebody has to look at soon, each with its alert."""


def test_the_committed_rules_are_those_of_the_source() -> None:
    text = RULES.read_text()
    assert re.findall(r"- alert: (\w+)", text) == list(BY_NAME)
    assert len(BY_NAME) == len(ALERTS) >= 24


def test_every_runbook_belongs_to_an_alert_and_says_what_to_run_and_whom_to_tell() -> None:
    pages = {page.stem: page.read_text() for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages.keys() == BY_NAME.keys()
    for name, page in pages.items():
        assert page.startswith(f"# {name}\n")
        headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
        assert headings[:2] == ["What it means", "What to do"]
        assert headings[-2:] == ["Whom to tell", "When it is no problem"]
        if "$labels.rule" in BY_NAME[name].summary:
            assert "Both users' stacks" in headings
            assert "isolation-audit show DIR --rule" in page


def test_what_an_alert_says_is_written_out_as_prometheus_does() -> None:
    down, crossing = BY_NAME["IsolationAuditDown"], BY_NAME["IsolationAuditCrossing"]
    assert down.said(Firing({}))["summary"] == "No auditor watches anything"
    assert down.said(Firing({"instance": "a:1"}))["summary"] == "No auditor watches a:1"
    said = crossing.said(Firing({"job": "c", "instance": "a:1", "rule": "IA202"}, "3"))
    assert said["description"].startswith("About 3 deliveries crossed users")
    assert said["dashboard_url"] == "/d/isolation-audit-finding?var-job=c&var-instance=a%3A1&var-rule=IA202"
    assert said["runbook_url"] == "docs/runbooks/IsolationAuditCrossing.md"


def _selectors(alert: Alert, metric: str) -> list[list[tuple[str, str, str]]]:
    found = re.findall(rf"{metric}\{{(.*?)\}}", alert.expr)
    return [re.findall(r'(\w+)(=~|!~|!=|=)"(.*?)"', selector) for selector in found]


def selected(code: str, severity: str) -> set[str]:
    """The alerts with a selector that an occurrence of this rule and severity falls under."""
    labels = {"rule": code, "severity": severity}
    metrics = ["isolation_audit_findings_total"]
    if code in CROSSING_RULES:
        metrics.append("isolation_audit_crossings_total")
    return {
        alert.name
        for alert in ALERTS
        for metric in metrics
        for matchers in _selectors(alert, metric)
        if all(
            (re.fullmatch(value, labels[name]) is not None if "~" in operator else labels[name] == value)
            is (operator[0] == "=")
            for name, operator, value in matchers
        )
        # A share of runs or clean-ups that are slow is asked of the counter whatever its severity.
        and any(name == "severity" for name, _, _ in matchers)
    }


@pytest.mark.parametrize("code", [*all_rules(), "ACME1"])
def test_every_rule_pages_where_it_is_an_error(code: str) -> None:
    """Also one that a team, or another package, makes an error."""
    found = selected(code, "error")
    assert found
    assert {BY_NAME[name].severity for name in found} == {"critical"}
    assert {BY_NAME[name].wait for name in found} == {"0s"}
    assert selected(code, "warning") == ({WARNED_OF[code]} if code in WARNED_OF else set())
    assert selected(code, "note") == set()


def test_no_error_but_an_object_of_another_user_pages_twice() -> None:
    twice = {code for code in all_rules() if len(selected(code, "error")) > 1}
    assert twice == {"IA201"}  # a delivery through it is a crossing, too


_EXPRESSION = re.compile(r"    expr: (?:\|-\n(?:      .*\n)+|.*\n)")
BLOCKS = {
    match[1]: match[0]
    for match in re.finditer(r"^  - alert: (\w+)\n(?:(?!  - alert:).*\n?)*", RULES.read_text(), re.MULTILINE)
}
MUTATIONS = {
    "never fires": lambda block: _EXPRESSION.sub("    expr: vector(1) > 2\n", block),
    "always fires": lambda block: _EXPRESSION.sub("    expr: vector(1)\n", block),
    "waits longer": lambda block: re.sub(r"for: \w+", "for: 1h", block),
    "does not wait": lambda block: re.sub(r"for: \w+", "for: 0s", block),
}


# promtool takes many seconds for each; `make obs` runs the tests themselves.
@pytest.mark.long
@pytest.mark.server
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_alert_would_be_noticed(tmp_path: Path, mutation: str) -> None:
    """All alerts broken at once; each has to fail a test of its own."""
    (tmp_path / "tests").mkdir()
    tests = Path(shutil.copy(TESTS, tmp_path / "tests"))
    rules, broken = RULES.read_text(), []
    for alert, block in BLOCKS.items():
        mutant = MUTATIONS[mutation](block)
        if mutant != block:
            rules = rules.replace(block, mutant)
            broken.append(alert)
    (tmp_path / RULES.name).write_text(rules)
    command = [program("promtool"), "test", "rules", str(tests)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    failed = set(re.findall(r"alertname: (\w+)", done.stdout + done.stderr))
    assert BLOCKS.keys() == BY_NAME.keys()
    assert broken
    assert failed == set(broken), f"changed so that it {mutation}, an alert passes its tests"
