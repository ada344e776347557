"""All that the page shows, taken from a report and checked: the template only lays it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.coverage.lines import coverage_lines, headline
from isolation_audit.exporters import comparison
from isolation_audit.exporters.html.crossings import Matrix, matrix
from isolation_audit.exporters.html.findings import SEVERITIES, Detail, Row, detail, row
from isolation_audit.exporters.html.trend import Trend, trend
from isolation_audit.exporters.lanes import Lanes, finding_lanes
from isolation_audit.exporters.values import count, grouped, moment, seconds, text
from isolation_audit.rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.exporters.comparison import Figures
    from isolation_audit.exporters.html.source_lines import SourceLines
    from isolation_audit.exporters.report import Report

DETAILED: Final = 300
"""Findings that are shown in full: a browser has to stay usable with what a file of some megabytes unfolds to."""

LISTED: Final = 2_000
"""Further findings that have a line in a table."""

_LINES: Final = 200
"""Lines of what could be seen and what could not."""

_VERDICTS: Final = {
    "audited": ("good", "audited", "What there was to see could be judged."),
    "partly blind": ("fair", "partly blind", "Some of what was at work could not be judged."),
    "blind": ("bad", "blind", "Nothing could be judged: no findings mean nothing here."),
    "idle": ("fair", "idle", "Nothing was at work: there was nothing to judge."),
}


_ALWAYS: Final = ("crossing_events", "events_total", "requests")
"""Figures that say something where they are 0, too."""


@dataclass(frozen=True, slots=True)
class About:
    """A rule, for who does not know it."""

    code: str
    summary: str
    why: str
    help: str


@dataclass(frozen=True, slots=True)
class Target:
    """A target and whether it was watched."""

    target: str
    role: str
    state: str
    seen: int


@dataclass(frozen=True, slots=True)
class Page:
    """What the template lays out."""

    title: str
    about: tuple[tuple[str, str], ...]
    outcome: tuple[str, str]
    """Its color, and what was found in a few words."""
    verdict: tuple[str, str, str]
    """Its color, its name, and what it means."""
    coverage: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, int], ...]
    """Findings of each severity."""
    matrix: Matrix
    details: tuple[Detail, ...]
    further: tuple[Row, ...]
    left_out: int
    changed: int
    """Files that were written since, so that their lines are not shown."""
    timeline: Lanes | None
    runs: tuple[Lanes, ...]
    targets: tuple[Target, ...]
    rules: tuple[About, ...]
    trend: Trend | None


def page(report: Report, sources: SourceLines, earlier: Figures | None = None, runs: Iterable[Lanes] = ()) -> Page:
    """The page of one report.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: it has not the form of a report.
    """
    findings = sorted(report["findings"], key=_worst_first)
    details = tuple([detail(number, one, sources) for number, one in enumerate(findings[:DETAILED], 1)])
    rows = tuple([row(number, one) for number, one in enumerate(findings[DETAILED:], DETAILED + 1)])
    coverage = report.get("coverage") or {}
    verdict = text(coverage.get("verdict", "unknown"))
    return Page(
        title=f"Isolation report: {verdict}, {_findings(findings)}",
        about=_about(report),
        outcome=_outcome(findings, verdict),
        verdict=_VERDICTS.get(verdict, ("fair", verdict, "")),
        coverage=tuple([text(line).strip() for line in _coverage(report, coverage)]),
        figures=_figures(report["summary"]),
        counts=tuple([(severity, sum(one["severity"] == severity for one in findings)) for severity in SEVERITIES]),
        matrix=matrix(findings),
        details=details,
        further=rows[:LISTED],
        left_out=max(0, len(rows) - LISTED) + count(report["summary"].get("findings_dropped", 0)),
        changed=len(sources.changed),
        timeline=finding_lanes(findings),
        runs=tuple(runs),
        targets=tuple(
            [
                Target(text(one["target"]), text(one["role"]), text(one["state"]), count(one["seen"]))
                for one in report["targets"][:LISTED]
            ]
        ),
        rules=_rules(findings),
        trend=None if earlier is None else trend(earlier, comparison.figures(report)),
    )


def _worst_first(finding: dict[str, Any]) -> tuple[int, int]:
    return SEVERITIES.index(finding["severity"]), -count(finding["count"])


def _findings(findings: list[dict[str, Any]]) -> str:
    return "1 finding" if len(findings) == 1 else f"{len(findings):,} findings" if findings else "no findings"


def _outcome(findings: list[dict[str, Any]], verdict: str) -> tuple[str, str]:
    kinds = {severity: sum(one["severity"] == severity for one in findings) for severity in SEVERITIES}
    told = [f"{number:,} {kind}{'' if number == 1 else 's'}" for kind, number in kinds.items() if number]
    if told:
        return ("bad" if kinds["error"] else "fair"), ", ".join(told)
    return ("good", "No findings") if verdict == "audited" else ("fair", "No findings in what was seen")


def _coverage(report: Report, coverage: dict[str, Any]) -> list[str]:
    """Below the verdict's own words."""
    reasons = [text(one["reason"]) for one in coverage.get("reasons", ())]
    lines = coverage_lines(report)
    return [*reasons, *(line for line in lines if line != headline(coverage))][:_LINES]


def _about(report: Report) -> tuple[tuple[str, str], ...]:
    run, tool = report["run"], report["tool"]
    processes = run.get("processes", ())
    began = [seconds(run.get("started")), *(seconds(one["started"]) for one in processes)]
    ended = [seconds(run.get("ended")), *(seconds(one["seen_until"]) for one in processes)]
    pythons = sorted({text(one["python"]) for one in processes})
    told = [
        ("from", moment(min(filter(None, began), default=0.0))),
        ("until", moment(max(ended, default=0.0))),
        ("processes", str(len(processes)) if processes else ""),
        ("Python", ", ".join(pythons[:10])),
        ("configuration", run.get("config") or ""),
        ("run", run.get("id") or ""),
        ("written by", f"{text(tool.get('name', ''))} {text(tool.get('version', ''))}".strip()),
    ]
    return tuple([(name, text(value)) for name, value in told if value])


def _figures(summary: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    words = {
        "crossing_events": "crossings",
        "events_total": "events",
        "events_undelivered": "events undelivered",
        "requests": "requests",
        "requests_named": "requests of known users",
        "users_at_once": "users at once",
        "deprecated_engines_built": "deprecated engines built",
        "faults": "faults inside the auditor",
    }
    told = {name: count(summary[name]) for name in words if summary.get(name) is not None}
    return tuple([(words[name], grouped(number)) for name, number in told.items() if number or name in _ALWAYS])


def _rules(findings: list[dict[str, Any]]) -> tuple[About, ...]:
    known = all_rules()
    codes = sorted({text(one["rule"]) for one in findings})
    rules = [known[code] for code in codes if code in known]
    return tuple([About(rule.code, rule.summary, rule.why, rule.help) for rule in rules])
