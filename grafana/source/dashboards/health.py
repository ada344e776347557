"""*Auditor health and coverage*: what it can see, what it costs, and what it has lost."""

from __future__ import annotations

from typing import Any

from grafana.source.alerts.model import HEALTH
from grafana.source.board import board
from grafana.source.panels import (
    DAY,
    GREEN,
    RED,
    WARN_ABOVE_ZERO,
    Query,
    lines,
    metric,
    number,
    risen,
    rows,
    share,
    spread,
    words,
)

_LEVELS = {"first_event": "first event", "run": "run", "cleanup": "clean-up"}
_RATE = "[$__rate_interval]"
_UNITS = "(" + " + ".join(risen(f"{kind}_total", by="instance") for kind in ("requests", "messages", "jobs")) + ")"


def dashboard() -> dict[str, Any]:
    """Its JSON model."""
    content = {
        "What it can see": _coverage(),
        "How long things take": _durations(),
        "What it holds and costs": _costs(),
        "What it has lost": _losses(),
    }
    about = "What the auditor can see, what it costs, and what it has lost."
    return board(HEALTH, "Auditor health and coverage", about, content)


def _coverage() -> list[Any]:
    known = tuple(
        Query(share(risen(f"{kind}_named_total"), risen(f"{kind}_total"), of_nothing=1), kind)
        for kind in ("requests", "messages", "jobs")
    )
    return [
        number(
            "Audited",
            "Whether an auditor runs.",
            f"min({metric('running')})",
            mappings=words({"0": ("not audited", RED), "1": ("audited", GREEN)}),
            trend=False,
        ),
        number(
            "Reasons to doubt",
            "Reasons for which the verdict on what it can see is not better; `isolation-audit show DIR` names them.",
            f"sum({metric('coverage_reasons')})",
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Unwatched",
            "Libraries and listening sockets that are at work and not watched.",
            f"sum({metric('unwatched')})",
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Silent paths",
            "Configured paths that were asked and have never given a value.",
            f"sum({metric('paths_without_value')})",
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Faults, 24 h",
            "Faults inside the auditor within 24 hours. The application went on.",
            risen("faults_total", DAY),
            trend=False,
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Processes",
            "Processes whose reports are added up, ended ones included.",
            f"sum({metric('processes')})",
            trend=False,
        ),
        lines(
            "Verdict",
            "What the auditor can see: 1 for the present verdict of each instance.",
            Query(f"max by (instance, verdict) ({metric('coverage')} == 1)", "{{instance}} {{verdict}}"),
            most=1,
            width=8,
        ),
        lines(
            "Users known",
            "The share of requests, messages and jobs whose user was known; all of them where there were none.",
            known,
            unit="percentunit",
            most=1,
            width=8,
        ),
        lines(
            "Unverified share of events",
            "Events whose only known witness had nothing to be compared with.",
            Query(share(risen("events_unverified_total"), risen("events_total")), "unverified"),
            unit="percentunit",
            width=8,
        ),
        lines(
            "Sources of users",
            "Requests whose user each source has told.",
            Query(f"sum by (source) (rate({metric('users_told_total')}{_RATE}))", "{{source}}"),
            unit="reqps",
            width=8,
        ),
        lines(
            "Targets by state",
            "`missing` is not watched, `late` was not from the beginning, `waiting` has not been imported.",
            Query(f"sum by (state) ({metric('targets')})", "{{state}}"),
            width=8,
        ),
        lines(
            "Calls",
            "Calls of configured targets, and of libraries that are known without configuration.",
            (
                Query(f"sum(rate({metric('calls_total')}{_RATE}))", "targets"),
                Query(f"sum(rate({metric('integration_calls_total')}{_RATE}))", "integrations"),
            ),
            unit="ops",
            width=8,
        ),
        lines(
            "Doubts about users",
            "Requests in which a source named another user than the application, and sessions, tokens or keys with"
            " which several users have come.",
            (
                Query(risen("users_disagreed_total"), "sources disagreed"),
                Query(risen("credentials_shared_total"), "credentials shared"),
            ),
        ),
        lines(
            "Not searched to the end",
            "Payloads that are too large or compressed, and ids and names that were cut.",
            (
                Query(risen("payloads_truncated_total"), "payloads truncated"),
                Query(risen("texts_cut_total"), "texts cut"),
            ),
        ),
    ]


def _durations() -> list[Any]:
    quantiles = [
        lines(
            f"{name.capitalize()}, p50 and p95",
            f"How long a {name} takes."
            if level != "first_event"
            else "From the beginning of a run to its first event.",
            tuple(
                Query(
                    f"histogram_quantile({quantile}, sum by (le) (rate({metric(f'{level}_seconds_bucket')}{_RATE})))",
                    f"p{quantile * 100:.0f}",
                )
                for quantile in (0.5, 0.95)
            ),
            unit="s",
            width=8,
        )
        for level, name in _LEVELS.items()
    ]
    heat = [
        spread(f"{name.capitalize()}, all", "How many took how long; the darker, the more.", level)
        for level, name in _LEVELS.items()
    ]
    return [*quantiles, *heat]


def _costs() -> list[Any]:
    fill = f"max by (table) ({metric('table_entries')} / {metric('table_limit')})"
    return [
        lines("Tables", "How full the auditor's tables are.", Query(fill, "{{table}}"), unit="percentunit", width=8),
        lines(
            "Waiting",
            "Findings and scopes that the ways out have not taken yet.",
            Query(f"sum by (queue) ({metric('queue_items')})", "{{queue}}"),
            width=8,
        ),
        lines(
            "Own CPU time",
            "Of the auditor's own threads, by what they do.",
            Query(f"sum by (component) (rate({metric('own_cpu_seconds_total')}{_RATE}))", "{{component}}"),
            unit="percentunit",
            width=8,
        ),
        lines(
            "CPU time in calls",
            "What the auditor takes of a processor within the application's calls, estimated from a part of them.",
            Query(f"sum by (instance) (rate({metric('call_cpu_seconds_total')}{_RATE}))", "{{instance}}"),
            unit="percentunit",
            width=8,
        ),
        lines(
            "CPU time in calls, of a request",
            "The same for each request, message and job.",
            Query(f"{risen('call_cpu_seconds_total', by='instance')} / clamp_min({_UNITS}, 1)", "{{instance}}"),
            unit="s",
            width=8,
        ),
        lines(
            "Text of findings",
            "Characters that the distinct findings hold; from 8,000,000 a process on further ones are only counted.",
            Query(f"max by (instance) ({metric('findings_characters')})", "{{instance}}"),
            width=8,
        ),
        lines(
            "Scrapes",
            "How long Prometheus waits for the metrics.",
            Query('max by (instance) (scrape_duration_seconds{job=~"$job",instance=~"$instance"})', "{{instance}}"),
            unit="s",
            width=8,
        ),
        rows(
            "Version and start",
            "The auditor at each instance, and when its audit began.",
            f"max by (instance, version) ({metric('build_info')}"
            f" * on (job, instance) group_left () ({metric('start_time_seconds')} * 1000))",
            {"instance": "Instance", "version": "Version"},
            unit="dateTimeAsIso",
            last="Start",
            width=8,
        ),
    ]


def _losses() -> list[Any]:
    store = {"failures": "failures", "lost": "lost", "late": "late", "rejected": "rejected"}
    return [
        lines(
            "Evictions",
            "Entries that a full table has let go.",
            Query(risen("evictions_total", by="table"), "{{table}}"),
            width=8,
        ),
        lines(
            "Findings dropped",
            "Occurrences that were counted without being described.",
            Query(risen("findings_dropped_total", by="instance"), "{{instance}}"),
            width=8,
        ),
        lines(
            "Faults over time",
            "Faults inside the auditor. The application went on.",
            Query(risen("faults_total", by="instance"), "{{instance}}"),
            width=8,
        ),
        lines(
            "OTLP and journal",
            "Attempts to deliver that failed, and what was given up.",
            (
                Query(risen("export_failures_total", by="exporter"), "{{exporter}} failures"),
                Query(risen("export_lost_total", by="exporter"), "{{exporter}} lost"),
            ),
        ),
        lines(
            "Shared store of bindings",
            "Requests that failed, bindings that were lost, came late, or were rejected.",
            tuple(Query(risen(f"bindings_store_{name}_total"), text) for name, text in store.items()),
        ),
    ]
