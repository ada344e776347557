"""*Investigate a finding*: one rule, where it occurs, since when, and what was at work then."""

from __future__ import annotations

from typing import Any

from grafana.source.alerts.model import FINDING
from grafana.source.board import board, choice
from grafana.source.panels import RED, SHOWN, Query, lines, metric, number, risen, rows, words_of

_RULE = 'rule=~"$rule"'

_STEPS = """1. `isolation-audit show DIR --rule CODE`: the place of the leak, the place where the data or the object came from, and both users.
   DIR is the folder of `--report` or `[report] directory`; it works while the application runs.
2. `isolation-audit investigate JOURNAL`, where a journal is written: who could have seen whose data, from when to when.
3. `isolation-audit explain FINGERPRINT DIR`: what the finding rests on. `isolation-audit rules CODE`: what the rule means.
4. A dot on *Occurrences* is one of them: its trace shows the run, and the log record `isolation_audit.finding` beside it both places.
"""


def dashboard() -> dict[str, Any]:
    """Its JSON model."""
    content = {"The finding": _finding(), "What was at work": _work()}
    about = "One rule: where it occurs, since when, whom it concerns, and what was at work then."
    rule = choice("rule", "Rule", "isolation_audit_findings_total")
    return board(FINDING, "Investigate a finding", about, content, more=(rule,))


def _finding() -> list[Any]:
    last = metric("finding_last_seen_timestamp_seconds", _RULE)
    by = "rule, severity, job, instance"
    return [
        words_of("What to run", "Commands that show the place, both users and both stacks.", _STEPS, height=6),
        number(
            "Last occurrence",
            "How long ago the rule last found something.",
            f"time() - (max({last}) > 0)",
            unit="s",
            trend=False,
            width=6,
        ),
        number(
            "Occurrences in this time range",
            "How often it was found.",
            risen("findings_total", SHOWN, matchers=(_RULE,)),
            steps=((None, "green"), (1, RED)),
            width=6,
        ),
        number(
            "Crossings in this time range",
            "Deliveries to a wrong user that the rule has seen.",
            risen("crossings_total", SHOWN, matchers=(_RULE,)) + " or vector(0)",
            steps=((None, "green"), (1, RED)),
            width=6,
        ),
        number(
            "Users affected",
            "Users whose data met another (sender), and users whom it met (receiver), by all errors since the start.",
            Query(f"max by (side) ({metric('users_affected')})", "{{side}}"),
            names=True,
            trend=False,
            width=6,
        ),
        lines(
            "Occurrences",
            "Each dot leads to the trace of one occurrence.",
            Query(risen("findings_total", by="rule, instance", matchers=(_RULE,)) + " > 0", "{{rule}} {{instance}}"),
            bars=True,
            stacked=True,
            exemplars=True,
        ),
        rows(
            "Where",
            "Instances at which the rule has found something in this time range.",
            f"{risen('findings_total', SHOWN, by=by, matchers=(_RULE,))} > 0",
            {"rule": "Rule", "severity": "Severity", "job": "Job", "instance": "Instance"},
            last="Occurrences",
        ),
    ]


def _work() -> list[Any]:
    calls = f"sum by (target) (rate({metric('target_calls_total')}[$__rate_interval]))"
    libraries = f"sum by (integration) (rate({metric('integration_calls_total')}[$__rate_interval]))"
    return [
        lines(
            "Calls by target",
            "Calls of the targets that the configuration names: what began, or grew, when the finding came?",
            Query(f"topk(10, {calls} > 0)", "{{target}}"),
            unit="ops",
            height=10,
        ),
        lines(
            "Calls by integration",
            "Calls of libraries that are known without configuration.",
            Query(f"topk(10, {libraries} > 0)", "{{integration}}"),
            unit="ops",
            height=10,
        ),
        rows(
            "Version",
            "The auditor at each instance.",
            f"max by (job, instance, version) ({metric('build_info')})",
            {"job": "Job", "instance": "Instance", "version": "Version"},
            last="Audited",
        ),
        lines(
            "Time since the start",
            "Where it falls, the process was started anew: did the finding come with a release?",
            Query(f"time() - max by (instance) ({metric('start_time_seconds')})", "{{instance}}"),
            unit="s",
        ),
    ]
