"""Checks of the committed files, without a server."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from grafana.checks.lint import violations
from grafana.checks.promql import selectors
from grafana.source.__main__ import GENERATED
from grafana.source.__main__ import main as generate
from grafana.stack.servers import program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = ROOT / "grafana"
RULES: Final = HERE / "alerts" / "isolation-audit.rules.yml"
TESTS: Final = HERE / "alerts" / "tests" / "isolation-audit.test.yml"
MANAGED: Final = HERE / "provisioning" / "alerting" / "isolation-audit.yml"
CASES: Final = ("firing", "quiet", "boundary", "no data")
_FOREIGN: Final = re.compile(r"up|scrape_\w+")
"""Series that Prometheus makes itself."""


def boards() -> dict[str, dict[str, Any]]:
    """The dashboards by uid."""
    models = (json.loads(file.read_text()) for file in sorted((HERE / "dashboards").glob("*.json")))
    return {model["uid"]: model for model in models}


def panels(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels that have queries."""
    return (panel for panel in model["panels"] if panel.get("targets"))


def rules() -> list[dict[str, Any]]:
    """All rules, recordings included."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def _promtool(*arguments: str) -> Iterator[str]:
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        yield (done.stdout + done.stderr).strip()


def rules_are_accepted() -> Iterator[str]:
    """2. `promtool check rules --lint=all --lint-fatal` accepts the rules."""
    return _promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))


def every_alert_is_tested() -> Iterator[str]:
    """3. Each alert has a firing, a quiet, a boundary and a no-data case, and all pass `promtool test rules`."""
    tests = [test["name"] for test in yaml.safe_load(TESTS.read_text())["tests"]]
    for alert in alerts():
        for case in CASES:
            if not any(name.startswith(f"{alert}: {case}") for name in tests):
                yield f"{alert} has no case {case!r}"
    yield from _promtool("test", "rules", str(TESTS))


def dashboards_are_clean() -> Iterator[str]:
    """8. Dashboard lint: variables, titles, units, matchers, intervals, counters, not editable."""
    for model in boards().values():
        yield from (f"{model['title']}: {what}" for what in violations(model))


def exported() -> set[str]:
    """The names of all series that an audit and the scan of the source have."""
    from prometheus_client import CollectorRegistry

    from isolation_audit.config import Config
    from isolation_audit.exporters.prometheus import AuditCollector
    from isolation_audit.progress.gauges import NAMES

    registry = CollectorRegistry()
    registry.register(AuditCollector(lambda: (Config(), {"run": {}, "targets": [], "summary": {}, "findings": []})))
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    made = {family.name + end for family in registry.collect() for end in suffixes.get(family.type, ("",))}
    return made | set(NAMES)


def metrics_and_users_agree() -> Iterator[str]:
    """11. Every metric is used by a panel or an alert, and none that does not exist is."""
    there = exported()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {f"alert {name}": rule["expr"] for name, rule in alerts().items()}
    asked |= {f"recording {rule['record']}": rule["expr"] for rule in rules() if "record" in rule}
    for model in boards().values():
        for panel in panels(model):
            for target in panel["targets"]:
                asked[f"{model['title']}: {panel['title']} {target['refId']}"] = target["expr"]
    used = set()
    for where, expr in asked.items():
        for one in selectors(expr):
            used.add(one.name)
            if one.name not in there | recorded and not _FOREIGN.fullmatch(one.name):
                yield f"{where} asks for {one.name}, which is not there"
    # A histogram's sum is there because its kind has one.
    for name in sorted(there - used):
        if not (name.endswith(("_sum", "_count")) and re.sub(r"_(sum|count)$", "_bucket", name) in used):
            yield f"no panel and no alert uses {name}"


def alerts_say_everything() -> Iterator[str]:
    """12. Each alert: severity in the set, `for`, summary, description, a runbook and a dashboard that exist."""
    uids = boards().keys()
    for name, rule in alerts().items():
        words = rule["annotations"]
        if rule["labels"].get("severity") not in ("critical", "warning"):
            yield f"{name}: severity {rule['labels'].get('severity')!r}"
        if not re.fullmatch(r"\d+[smh]", rule.get("for", "")):
            yield f"{name}: no `for`"
        yield from (f"{name}: no {one}" for one in ("summary", "description") if not words.get(one))
        if words.get("runbook_url") != f"docs/runbooks/{name}.md" or not (ROOT / words["runbook_url"]).is_file():
            yield f"{name}: its runbook is not there"
        if words.get("dashboard_url", "").removeprefix("/d/").partition("?")[0] not in uids:
            yield f"{name}: its dashboard is not there"


def managed_alerts_are_the_same() -> Iterator[str]:
    """13. The alerts for Grafana ask the same PromQL, with explicit states, `for`, range and a uid of their own."""
    managed = [rule for group in yaml.safe_load(MANAGED.read_text())["groups"] for rule in group["rules"]]
    by_title = {rule["title"]: rule for rule in managed}
    if len({rule["uid"] for rule in managed}) < len(managed) or max(len(rule["uid"]) for rule in managed) > 40:
        yield "two have one uid, or one is longer than Grafana takes"
    if by_title.keys() != alerts().keys():
        yield f"only in one of both: {sorted(by_title.keys() ^ alerts().keys())}"
    uids = boards().keys()
    for name, rule in alerts().items():
        found = by_title.get(name, {})
        query: dict[str, Any] = next((one for one in found.get("data", ()) if one["refId"] == "A"), {})
        if query.get("model", {}).get("expr") != rule["expr"]:
            yield f"{name}: another expression"
        if (found.get("for"), found.get("labels")) != (rule["for"], rule["labels"]):
            yield f"{name}: another `for`, or other labels"
        if found.get("noDataState") not in ("OK", "NoData", "Alerting") or found.get("execErrState") != "Error":
            yield f"{name}: noDataState or execErrState is left open"
        if not all(one.get("relativeTimeRange", {}).get("from") for one in found.get("data", ({},))):
            yield f"{name}: a query without relativeTimeRange"
        if found.get("annotations", {}).get("__dashboardUid__") not in uids:
            yield f"{name}: its dashboard is not there"


def generated_files_are_fresh() -> Iterator[str]:
    """14. What `make grafana` generates is what is committed."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        generate(made)
        for folder in GENERATED:
            fresh, present = (
                {file.relative_to(top).as_posix(): file.read_bytes() for file in (top / folder).rglob("*.*")}
                for top in (made, HERE)
            )
            for path in sorted(fresh.keys() | present.keys()):
                if fresh.get(path) != present.get(path):
                    yield f"grafana/{path} is not what the source gives: make grafana"
