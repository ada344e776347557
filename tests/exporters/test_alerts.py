"""The alert rules: what promtool says of them, and that their tests would notice a broken one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from isolation_audit.config import Config
from isolation_audit.exporters.prometheus import AuditCollector
from isolation_audit.recording.figures import CROSSING_RULES
from isolation_audit.rules import all_rules
from receivers import ROOT, program

ALERTS = ROOT / "grafana" / "alerts"
RULES = ALERTS / "isolation-audit.rules.yml"
TESTS = ALERTS / "tests" / "isolation-audit.test.yml"
CASES = ("firing", "quiet", "boundary", "no data")

BLOCKS = {
    match[1]: match[0]
    for match in re.finditer(r"^      - alert: (\w+)\n(?:(?!      - alert:).*\n?)*", RULES.read_text(), re.MULTILINE)
}


def field(alert: str, name: str) -> str:
    found = re.search(rf"^ +{name}: *(.*)$", BLOCKS[alert], re.MULTILINE)
    assert found, f"{alert} has no {name}"
    return found[1].strip('"')


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=280)


def test_rules_are_found() -> None:
    assert len(BLOCKS) == RULES.read_text().count("- alert:") >= 6


@pytest.mark.parametrize("alert", BLOCKS)
def test_an_alert_says_all_that_somebody_who_is_woken_needs(alert: str) -> None:
    assert alert.startswith("IsolationAudit")
    assert field(alert, "severity") in ("critical", "warning")
    assert re.fullmatch(r"\d+[smh]", field(alert, "for"))
    assert field(alert, "summary")
    assert field(alert, "description").endswith(".")
    assert field(alert, "runbook_url") == f"docs/runbooks/{alert}.md"
    page = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text()
    assert page.startswith(f"# {alert}\n")
    for heading in ("## What it means", "## What to do"):
        assert heading in page


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == BLOCKS.keys()


def test_alerts_use_only_metrics_that_exist() -> None:
    registry = CollectorRegistry()
    registry.register(AuditCollector(lambda: (Config(), {"run": {}, "targets": [], "summary": {}, "findings": []})))
    families = list(registry.collect())
    exported = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    used = set(re.findall(r"isolation_audit_\w+", RULES.read_text()))
    assert used <= exported


@pytest.mark.parametrize("alert", BLOCKS)
def test_every_case_of_every_alert_is_tested(alert: str) -> None:
    names = re.findall(rf'name: "{alert}: (.+)"', TESTS.read_text())
    for case in CASES:
        assert any(name.startswith(case) for name in names), f"{alert} has no case {case!r}"


@pytest.mark.server
def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(BLOCKS)} rules found" in done.stdout


@pytest.mark.server
def test_the_tests_of_the_rules_pass() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


_EXPRESSION = re.compile(r"        expr: (?:\|\n(?:          .*\n)+|.*\n)")

MUTATIONS = {
    "never fires": lambda block: _EXPRESSION.sub("        expr: vector(1) > 2\n", block),
    "always fires": lambda block: _EXPRESSION.sub("        expr: vector(1)\n", block),
    "waits longer": lambda block: re.sub(r"for: \w+", "for: 1h", block),
    "does not wait": lambda block: re.sub(r"for: \w+", "for: 0s", block),
}


# Two of four are enough for every day: promtool takes seconds for each.
@pytest.mark.server
@pytest.mark.parametrize(
    "mutation",
    [
        "never fires",
        "does not wait",
        pytest.param("always fires", marks=pytest.mark.long),
        pytest.param("waits longer", marks=pytest.mark.long),
    ],
)
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
    done = promtool("test", "rules", tests)
    failed = set(re.findall(r"alertname: (\w+)", done.stdout + done.stderr))
    assert broken
    assert failed == set(broken), f"changed so that it {mutation}, an alert passes its tests"


def selected(code: str, severity: str) -> set[str]:
    """The alerts with a selector that a finding of this rule and severity falls under."""
    found = set()
    for alert, block in BLOCKS.items():
        for selector in re.findall(r"isolation_audit_findings_total\{(.*?)\}", block):
            labels = {"rule": code, "severity": severity}
            matchers = re.findall(r'(\w+)(=~|!~|=|!=)"(.*?)"', selector)
            if all(
                (re.fullmatch(value, labels[name]) is not None if "~" in operator else labels[name] == value)
                is (operator[0] == "=")
                for name, operator, value in matchers
            ):
                found.add(alert)
    return found


@pytest.mark.parametrize("code", [*all_rules(), "ACME1"])
def test_every_rule_raises_an_alert_where_it_is_an_error(code: str) -> None:
    """Also one that a team, or another package, makes an error; deliveries to a wrong user have their own counter."""
    delivered = {"IsolationAuditCrossing"} if code in CROSSING_RULES else set()
    assert selected(code, "error") | delivered
    # Objects that pile up end a process within days: the one warning that somebody has to look at at once.
    assert selected(code, "warning") == ({"IsolationAuditObjectsPileUp"} if code == "IA502" else set())
    assert selected(code, "note") == set()


def test_the_rules_that_the_crossing_alert_stands_for_count_deliveries() -> None:
    left_out = {code for code in all_rules() if not selected(code, "error")}
    assert left_out == {"IA202", "IA203", "IA205"} < set(CROSSING_RULES)
    assert "isolation_audit_crossing_events_total" in BLOCKS["IsolationAuditCrossing"]
