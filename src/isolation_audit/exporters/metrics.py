"""What the metrics are: one report (schema 1) as Prometheus metric families. Needs prometheus_client."""

from __future__ import annotations

import functools
from importlib import metadata
from typing import TYPE_CHECKING, Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from isolation_audit._version import __version__
from isolation_audit.config.selection import Selection
from isolation_audit.coverage.verdict import IDLE, VERDICTS
from isolation_audit.instrument.tally import BUCKETS
from isolation_audit.instrument.targets import State
from isolation_audit.integrations import GROUP
from isolation_audit.model.roles import INTEGRATION
from isolation_audit.rules import all_rules
from isolation_audit.rules.crossing.monitor import CROSSING_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from isolation_audit.config import model
    from isolation_audit.exporters.report import Report

Values = dict[tuple[str, ...], float]

PREFIX = "isolation_audit_"
LAYERS: tuple[str, ...] = ("emitter", "bridge", "sink")
TABLES: tuple[str, ...] = ("users", "bindings", "scopes")
EXPORTERS: tuple[str, ...] = ("journal", "otlp")


def families(config: model.Config, report: Report) -> Iterator[Metric]:
    """Every family, every one of its label sets, whether or not anything has happened yet."""
    summary = report["summary"]
    yield from _health(report)
    yield from _coverage(report)
    yield from _events(summary)
    yield from _engines(config, summary)
    yield from _findings(config, report)
    yield from _service_levels(summary)
    yield from _losses(summary)


def absence() -> Iterator[Metric]:
    """What is said while no auditor runs: the alert on it needs a series, not a gap."""
    yield _gauge("running", "1 while an auditor runs, else 0.", 0)
    yield _labelled(GaugeMetricFamily, "build_info", "The auditor's version.", ["version"], {(__version__,): 1})


def _health(report: Report) -> Iterator[Metric]:
    processes = report["run"].get("processes", [])
    yield _gauge("running", "1 while an auditor runs, else 0.", 1)
    yield _labelled(GaugeMetricFamily, "build_info", "The auditor's version.", ["version"], {(__version__,): 1})
    started = report["run"].get("started") or min((process["started"] for process in processes), default=0.0)
    yield _gauge("start_time_seconds", "When the audit began, in Unix time.", started)
    yield _gauge("processes", "Audited processes that have reported, ended ones included.", len(processes))
    states = _zeros(state.value for state in State)
    configured = [target for target in report["targets"] if target["role"] != INTEGRATION]
    for target in configured:
        states[target["state"],] += 1
    yield _labelled(GaugeMetricFamily, "targets", "Configured targets by what became of them.", ["state"], states)
    # A target in two roles is one row each; its calls are counted by target, so they are taken once.
    seen = {target["target"]: target["seen"] for target in configured}
    yield _counter("calls", "Calls of configured targets that the auditor has seen.", sum(seen.values()))


def _coverage(report: Report) -> Iterator[Metric]:
    coverage = report.get("coverage", {})
    found = coverage.get("verdict", IDLE)
    yield _labelled(
        GaugeMetricFamily,
        "coverage",
        "1 for the present verdict on what the auditor can see, 0 for the others.",
        ["verdict"],
        {(verdict,): int(verdict == found) for verdict in VERDICTS},
    )
    for kind, text in (
        ("requests", "Requests and connections"),
        ("messages", "Messages on connections that last"),
        ("jobs", "Jobs of workers and schedulers"),
    ):
        counts = coverage.get(kind, {})
        yield _counter(kind, f"{text} that the auditor has seen.", counts.get("seen", 0))
        yield _counter(f"{kind}_named", f"{text} of which the user was known.", counts.get("known", 0))
    calls = coverage.get("standard_library", {}) | coverage.get("libraries", {})
    yield _labelled(
        CounterMetricFamily,
        "integration_calls",
        "Calls of libraries that the auditor has seen, by integration.",
        ["integration"],
        _zeros(_integrations()) | _keyed(calls),
    )
    asked = [row for row in coverage.get("paths", ()) if row["asked"]]
    silent = sum(not row["gave"] for row in asked)
    yield _gauge("paths_without_value", "Configured paths that were asked and have never given a value.", silent)
    unwatched = len(coverage.get("unwatched", {})) + sum(
        not row["watched"] for row in coverage.get("listeners", {}).values()
    )
    yield _gauge("unwatched", "Libraries and listening sockets that are at work and not watched.", unwatched)


@functools.cache
def _integrations() -> tuple[str, ...]:
    return tuple(sorted({entry_point.name for entry_point in metadata.entry_points(group=GROUP)}))


def _events(summary: Mapping[str, Any]) -> Iterator[Metric]:
    layers = _zeros(LAYERS) | _keyed(summary.get("events_by_layer", {}))
    yield _labelled(
        CounterMetricFamily, "events", "Events by the layer at which each was first seen.", ["layer"], layers
    )
    unverified = summary.get("events_unverified", 0)
    yield _counter("events_unverified", "Events whose only known witness had nothing to compare with.", unverified)
    yield _counter(
        "crossing_events",
        "Deliveries of an event, a response or a result to a user it was not for.",
        summary.get("crossing_events", 0),
    )
    yield _labelled(
        CounterMetricFamily,
        "crossings",
        "The same by the rule that has seen each.",
        ["rule"],
        _zeros(CROSSING_RULES) | _keyed(summary.get("crossings_by_rule", {})),
    )
    undelivered = summary.get("events_undelivered", 0)
    yield _counter("events_undelivered", "Events of which a layer said, or hid, that they did not arrive.", undelivered)
    truncated = summary.get("payloads_truncated", 0)
    yield _counter("payloads_truncated", "Payloads that were not searched to their end.", truncated)
    yield _counter("scopes", "Ended stretches of work for one user.", summary.get("scopes", 0))


def _engines(config: model.Config, summary: Mapping[str, Any]) -> Iterator[Metric]:
    engines = _zeros(str(engine.target) for engine in config.engines)
    deprecated = _zeros(str(deprecation.target) for deprecation in config.deprecations)
    yield _labelled(
        CounterMetricFamily,
        "engines_built",
        "Engines built, by configured target.",
        ["target"],
        engines | _keyed(summary.get("engines_built_by_target", {})),
    )
    yield _labelled(
        CounterMetricFamily,
        "deprecated_engines_built",
        "Deprecated engines built, by configured target.",
        ["target"],
        deprecated | _keyed(summary.get("deprecated_engines_built_by_target", {})),
    )


def _findings(config: model.Config, report: Report) -> Iterator[Metric]:
    selection = Selection(config.select)
    counts = report["summary"].get("findings", {})
    values: Values = {}
    ages: Values = {}
    for code, rule in all_rules().items():
        labels = code, selection.severity(code, rule.severity).value
        values[labels] = counts.get(code, 0)
        ages[labels] = 0
    for finding in report["findings"]:
        labels = finding["rule"], finding["severity"]
        ages[labels] = max(ages.get(labels, 0), finding["last_seen"])
    labels_of = ["rule", "severity"]
    yield _labelled(CounterMetricFamily, "findings", "Occurrences of findings by rule.", labels_of, values)
    yield _labelled(
        GaugeMetricFamily,
        "finding_last_seen_timestamp_seconds",
        "When a finding of the rule last occurred, in Unix time; 0 as long as there is none.",
        labels_of,
        ages,
    )


def _service_levels(summary: Mapping[str, Any]) -> Iterator[Metric]:
    measured = summary.get("service_levels", {})
    for level, text in (
        ("first_event", "Time from the beginning of a run to its first event."),
        ("run", "Time from the beginning of a run to its end, failed runs included."),
        ("cleanup", "Time that cleaning up an engine took."),
    ):
        histogram = measured.get(level, {})
        found = histogram.get("buckets", {})
        buckets = [(str(limit), found.get(f"{limit:g}", 0)) for limit in BUCKETS]
        buckets.append(("+Inf", histogram.get("count", 0)))
        yield HistogramMetricFamily(f"{PREFIX}{level}_seconds", text, buckets, histogram.get("sum", 0.0))
    yield _gauge("users_at_once", "Most users at work at once, in one process.", summary.get("users_at_once", 0))


def _losses(summary: Mapping[str, Any]) -> Iterator[Metric]:
    yield _counter("faults", "Faults inside the auditor; the application went on.", summary.get("faults", 0))
    dropped = summary.get("findings_dropped", 0)
    yield _counter("findings_dropped", "Occurrences that were counted only, because the table was full.", dropped)
    size = summary.get("findings_size", 0)
    yield _gauge("findings_characters", "Characters that the distinct findings hold.", size)
    cut = summary.get("texts_cut", 0)
    yield _counter("texts_cut", "Ids and names that were too long, of which the beginning and a digest are kept.", cut)
    evicted = _zeros(TABLES) | _keyed(summary.get("evicted", {}))
    yield _labelled(
        CounterMetricFamily, "evictions", "Entries that a full table has let go, by table.", ["table"], evicted
    )
    exports = summary.get("exports", {})
    for name, key, text in (
        ("export_failures", "failures", "Attempts to send or write that failed, by exporter."),
        ("export_lost", "lost", "Spans, log records and lines that were given up, by exporter."),
    ):
        values: Values = {(exporter,): exports.get(exporter, {}).get(key, 0) for exporter in EXPORTERS}
        yield _labelled(CounterMetricFamily, name, text, ["exporter"], values)

    store = summary.get("bindings_store", {})
    for key, text in (
        ("failures", "Requests to the shared store of bindings that failed."),
        ("lost", "Bindings that were given up before the shared store had taken them."),
        ("late", "Ids that were asked for before another process's binding of them had arrived."),
        ("rejected", "Entries of the shared store that no auditor can have written."),
    ):
        yield _counter(f"bindings_store_{key}", text, store.get(key, 0))


def _zeros(names: Iterable[str]) -> Values:
    return {(name,): 0 for name in names}


def _keyed(counts: Mapping[str, float]) -> Values:
    return {(name,): count for name, count in counts.items()}


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _labelled(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    text: str,
    labels: list[str],
    values: Values,
) -> Metric:
    made = family(PREFIX + name, text, labels=labels)
    for key, value in values.items():
        made.add_metric(list(key), value)
    return made
