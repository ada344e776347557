"""What the metrics are: one report (schema 1) as families of series, by what they are about.

The names, texts and labels of the reference page come from here, so nothing in this file needs prometheus_client.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from isolation_audit._version import __version__
from isolation_audit.analysis.texts import plain
from isolation_audit.config.selection import Selection
from isolation_audit.coverage.verdict import IDLE, VERDICTS
from isolation_audit.foundation.plugins import INTEGRATIONS, plugins
from isolation_audit.instrument.patching.targets import State
from isolation_audit.instrument.tally import BUCKETS
from isolation_audit.model.roles import INTEGRATION
from isolation_audit.model.rules import Severity
from isolation_audit.recording.figures import COVERAGE, CROSSING_RULES, EVENTS_AND_ENGINES, FIGURES, SELF
from isolation_audit.rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from isolation_audit.config import model
    from isolation_audit.exporters.report import Report

Values = dict[tuple[str, ...], float]

PREFIX: Final = "isolation_audit_"
SERVICE_LEVELS: Final = "service levels"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without prefix and suffix, its meaning (Markdown), and a value for each set of labels.

    A histogram has no ``values``: its ``buckets`` are the upper limits with their counts, ``total`` its sum.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    values: Values = field(default_factory=dict)
    buckets: tuple[tuple[str, float], ...] = ()
    total: float = 0.0
    exemplars: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    """For a set of labels what leads to one occurrence: OpenMetrics shows it beside the value."""

    @property
    def text(self) -> str:
        """The meaning as Prometheus shows it: a plain sentence."""
        text = plain(self.meaning)
        return f"{text[0].upper()}{text[1:]}."


def families(config: model.Config, report: Report) -> Iterator[Family]:
    """Every family, every one of its label sets, whether or not anything has happened yet."""
    for group in GROUPS.values():
        yield from group(config, report)


def absence() -> Iterator[Family]:
    """What is said while no auditor runs: the alert on it needs a series, not a gap."""
    yield from _running(0)


def _running(value: float) -> Iterator[Family]:
    yield _single(
        "gauge",
        "running",
        "1 while an auditor runs. 0 only in the application's own registry, where then nothing but this and"
        " `build_info` is shown",
        value,
    )
    yield Family(
        "gauge", "build_info", "always 1; the label is the auditor's version", ("version",), {(__version__,): 1}
    )


def _audit(config: model.Config, report: Report) -> Iterator[Family]:
    selection = Selection(config.select)
    counts = report["summary"].get("findings", {})
    severities = {code: selection.severity(code, rule.severity).value for code, rule in all_rules().items()}
    values: Values = {labels: counts.get(labels[0], 0) for labels in severities.items()}
    ages: Values = dict.fromkeys(severities.items(), 0)
    exemplars: dict[tuple[str, ...], dict[str, str]] = {}
    for finding in report["findings"]:
        labels = finding["rule"], finding["severity"]
        if finding["last_seen"] >= ages.get(labels, 0):
            ages[labels] = finding["last_seen"]
            if finding.get("trace_id"):
                exemplars[labels] = {"trace_id": finding["trace_id"], "fingerprint": finding["fingerprint"]}
    labels_of = ("rule", "severity")
    meaning = (
        "occurrences of findings, repeated ones included; one series for each rule, with the severity that `[select]`"
        " gives it"
    )
    yield Family("counter", "findings", meaning, labels_of, values, exemplars=exemplars)
    meaning = (
        "when a finding of the rule last occurred, Unix time; 0 as long as there is none. `time()` minus it is its age"
    )
    yield Family("gauge", "finding_last_seen_timestamp_seconds", meaning, labels_of, ages)
    yield from _distinct(report)
    yield from _declared(EVENTS_AND_ENGINES, config, report)
    yield Family(
        "gauge",
        "deprecation_deadline_timestamp_seconds",
        "the end of a deprecation's `deadline`, Unix time (UTC); 0 without one",
        ("target",),
        {(str(one.target),): _end_of(one.deadline) for one in config.deprecations},
    )


def _end_of(day: dt.date | None) -> float:
    if day is None:
        return 0
    return dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() + dt.timedelta(days=1).total_seconds()


def _distinct(report: Report) -> Iterator[Family]:
    """How many different findings there are, and when the last of them was new."""
    numbers: Values = _zeros(one.value for one in Severity)
    newest: Values = dict(numbers)
    for finding in report["findings"]:
        labels = (finding["severity"],)
        numbers[labels] += 1
        newest[labels] = max(newest[labels], finding["first_seen"])
    meaning = "findings that differ in rule or place, however often each has occurred; `limits.findings` caps them"
    yield Family("gauge", "distinct_findings", meaning, ("severity",), numbers)
    meaning = "when the newest of them occurred for the first time, Unix time; 0 as long as there is none"
    yield Family("gauge", "newest_finding_timestamp_seconds", meaning, ("severity",), newest)


def _coverage(config: model.Config, report: Report) -> Iterator[Family]:
    coverage = report.get("coverage", {})
    found = coverage.get("verdict", IDLE)
    yield Family(
        "gauge",
        "coverage",
        "1 for the present [verdict](coverage.md) on what the auditor can see, 0 for the others",
        ("verdict",),
        {(verdict,): int(verdict == found) for verdict in VERDICTS},
    )
    yield _single(
        "gauge", "coverage_reasons", "reasons for which the verdict is not better", len(coverage.get("reasons", ()))
    )
    for kind, text in (
        ("requests", "requests and connections"),
        ("messages", "messages on WebSockets, of Socket.IO and of Django Channels"),
        ("jobs", "jobs of Celery, dramatiq, RQ and APScheduler"),
    ):
        counts = coverage.get(kind, {})
        yield _single("counter", kind, f"{text} that the auditor has seen", counts.get("seen", 0))
        yield _single("counter", f"{kind}_named", f"{text} of which the user was known", counts.get("known", 0))
    calls = coverage.get("standard_library", {}) | coverage.get("libraries", {})
    yield Family(
        "counter",
        "integration_calls",
        "calls of libraries that are known without configuration, by [integration](integrations.md)",
        ("integration",),
        _zeros(_integrations()) | _keyed(calls),
    )
    asked = [row for row in coverage.get("paths", ()) if row["asked"]]
    silent = sum(not row["gave"] for row in asked)
    yield _single(
        "gauge", "paths_without_value", "configured paths that were asked and have never given a value", silent
    )
    unwatched = len(coverage.get("unwatched", {})) + sum(
        not row["watched"] for row in coverage.get("listeners", {}).values()
    )
    yield _single("gauge", "unwatched", "libraries and listening sockets that are at work and not watched", unwatched)
    yield from _declared(COVERAGE, config, report)


@functools.cache
def _integrations() -> tuple[str, ...]:
    return tuple(sorted({entry_point.name for entry_point in plugins(INTEGRATIONS)}))


def _service_levels(config: model.Config, report: Report) -> Iterator[Family]:
    measured = report["summary"].get("service_levels", {})
    for level, text in (
        ("first_event", "from the beginning of a run to the first event emitted in it"),
        ("run", "from the beginning of a run to its end; failed runs count"),
        ("cleanup", "calls of the methods that `engines.cleanup` names"),
    ):
        histogram = measured.get(level, {})
        found = histogram.get("buckets", {})
        buckets = [(str(limit), found.get(f"{limit:g}", 0)) for limit in BUCKETS]
        buckets.append(("+Inf", histogram.get("count", 0)))
        yield Family("histogram", f"{level}_seconds", text, buckets=tuple(buckets), total=histogram.get("sum", 0.0))
    yield from _declared(SERVICE_LEVELS, config, report)


def _self(config: model.Config, report: Report) -> Iterator[Family]:
    processes = report["run"].get("processes", [])
    yield from _running(1)
    started = report["run"].get("started") or min((process["started"] for process in processes), default=0.0)
    yield _single("gauge", "start_time_seconds", "beginning of the audit, Unix time", started)
    yield _single(
        "gauge", "processes", "processes whose reports are added up here, ended ones included", len(processes)
    )
    states = _zeros(state.value for state in State)
    configured = [target for target in report["targets"] if target["role"] != INTEGRATION]
    for target in configured:
        states[target["state"],] += 1
    meaning = "configured targets by what became of them; a target with two roles counts twice"
    yield Family("gauge", "targets", meaning, ("state",), states)
    # A target in two roles is one row each; its calls are counted by target, so they are taken once.
    seen = {target["target"]: target["seen"] for target in configured}
    yield _single("counter", "calls", "calls of configured targets", sum(seen.values()))
    yield Family(
        "counter", "target_calls", "the same by target", ("target",), _zeros(_configured(config)) | _keyed(seen)
    )
    limits = config.limits
    yield Family(
        "gauge",
        "table_limit",
        "entries that each table of one process may have, as `[limits]` says",
        ("table",),
        _keyed(
            {
                "users": limits.users,
                "bindings": limits.bindings,
                "names": limits.users,
                "credentials": limits.bindings,
                "findings": limits.findings,
                "runs": limits.runs,
            }
        ),
    )
    yield from _declared(SELF, config, report)


def _configured(config: model.Config) -> Iterator[str]:
    """Targets that are there to be called: they have a series before a process has told of them."""
    for entries in (config.engines, config.deprecations, config.factories, config.emitters, config.scopes):
        yield from (str(entry.target) for entry in entries)


def _declared(group: str, config: model.Config, report: Report) -> Iterator[Family]:
    """The families of the summary's figures."""
    for figure in FIGURES:
        series = figure.series
        if series is None or series.group != group:
            continue
        value = figure.read(report["summary"])
        if series.label == "rule":
            yield Family(series.kind, series.name, figure.meaning, ("rule", "severity"), _by_rule(config, value))
        elif series.label:
            values = _zeros(series.zeros(config)) | _keyed(value)
            yield Family(series.kind, series.name, figure.meaning, (series.label,), values)
        else:
            yield _single(series.kind, series.name, figure.meaning, value)


GROUPS: Final[Mapping[str, Callable[[model.Config, Report], Iterator[Family]]]] = {
    EVENTS_AND_ENGINES: _audit,
    COVERAGE: _coverage,
    SERVICE_LEVELS: _service_levels,
    SELF: _self,
}


def _by_rule(config: model.Config, counts: Mapping[str, float]) -> Values:
    selection, rules = Selection(config.select), all_rules()
    return {
        (code, selection.severity(code, rules[code].severity).value): counts.get(code, 0)
        for code in (*CROSSING_RULES, *(code for code in counts if code in rules and code not in CROSSING_RULES))
    }


def _single(kind: Literal["counter", "gauge"], name: str, meaning: str, value: float) -> Family:
    return Family(kind, name, meaning, values={(): value})


def _zeros(names: Iterable[str]) -> Values:
    return {(name,): 0 for name in names}


def _keyed(counts: Mapping[str, Any]) -> Values:
    return {(name,): count for name, count in counts.items()}
