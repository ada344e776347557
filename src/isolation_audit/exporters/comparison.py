"""Two reports side by side: what got worse from the one to the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from isolation_audit.instrument.tracking.levels import LEVELS
from isolation_audit.rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from isolation_audit.exporters.report import Report

QUANTILES = (0.5, 0.95)
NOTICEABLE = 0.05
"""Seconds. Estimates that rise by less tell of the machine, not of the application."""

_HIGHEST = 1e15
"""Of a figure: with more digits than a float has, it could not be divided."""

_RISKS = ("error", "warning")
_APPLIED = ("applied", "late")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both reports; None where a report has nothing to say. ``worse`` marks a regression."""

    measure: str
    unit: Literal["count", "rate", "share", "seconds"]
    before: float | None
    after: float | None
    worse: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "measure": self.measure,
            "unit": self.unit,
            "before": self.before,
            "after": self.after,
            "regression": self.worse,
        }


@dataclass(slots=True)
class Figures:
    """What is compared of one report."""

    events: float = 0
    undelivered: float = 0
    crossings: float = 0
    deprecated: float = 0
    applied: int = 0
    users_at_once: float = 0
    rules: dict[str, float] = field(default_factory=dict)
    findings: dict[str, dict[str, str]] = field(default_factory=dict)
    """Errors and warnings by their fingerprint: rule, severity, message."""
    notes: dict[str, str] = field(default_factory=dict)
    """Rules of the others by their fingerprint."""
    durations: dict[tuple[str, float], float | None] = field(default_factory=dict)


def figures(report: Report) -> Figures:
    """What is compared of ``report``.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: it has not the form of a report.
    """
    summary = report["summary"]
    found = Figures(
        events=_number(summary.get("events_total", 0)),
        undelivered=_number(summary.get("events_undelivered", 0)),
        crossings=_number(summary.get("crossing_events", 0)),
        deprecated=_number(summary.get("deprecated_engines_built", 0)),
        applied=len({(row["target"], row["role"]) for row in report["targets"] if row["state"] in _APPLIED}),
        users_at_once=_number(summary.get("users_at_once", 0)),
    )
    for finding in report["findings"]:
        words = {key: _text(finding[key]) for key in ("rule", "severity", "message")}
        if words["severity"] in _RISKS:
            found.findings[_text(finding["fingerprint"])] = words
        else:
            found.notes[_text(finding["fingerprint"])] = words["rule"]
    found.rules = {_text(code): _number(count) for code, count in summary.get("findings", {}).items()}
    for level in LEVELS:
        histogram = summary.get("service_levels", {}).get(level, {})
        for quantile in QUANTILES:
            found.durations[level, quantile] = estimate(histogram, quantile)
    return found


def estimate(histogram: Mapping[str, Any], quantile: float) -> float | None:
    """The duration that a share of ``quantile`` did not exceed, in seconds; None where nothing was measured.

    Within a bucket the durations are taken to be spread evenly; what is beyond the last bucket counts as its limit.
    """
    count = _number(histogram.get("count", 0))
    if not count:
        return None
    rank = quantile * count
    lower = below = 0.0
    for limit, number in sorted((float(limit), _number(number)) for limit, number in histogram["buckets"].items()):
        if number >= rank:
            return lower + (limit - lower) * (rank - below) / (number - below)
        lower, below = limit, number
    return lower


def shown(value: float, unit: str) -> str:
    """A figure as people read it. A share that is not the whole is never shown as 100 %."""
    if unit == "seconds":
        return f"{value * 1000:.3g} ms" if value < 0.9995 else f"{value:.3g} s"
    if unit == "share":
        return f"{value * 100 if value >= 1 else min(value * 100, 99.99):.4g} %"
    return f"{value:.0f}" if unit == "count" else f"{value:.4g}"


def compare(before: Figures, after: Figures, tolerance: float) -> list[Row]:
    """Every figure that is compared; ``tolerance`` is the share by which rates and durations may rise."""
    return [
        *_findings(before, after, tolerance),
        *_coverage(before, after, tolerance),
        *_times(before, after, tolerance),
    ]


def new_findings(before: Figures, after: Figures) -> list[dict[str, str]]:
    """Errors and warnings that the earlier report does not have, errors first."""
    known = before.findings.keys() | before.notes.keys()
    fresh = [
        {"fingerprint": fingerprint, **words}
        for fingerprint, words in after.findings.items()
        if fingerprint not in known
    ]
    return sorted(fresh, key=lambda finding: (_RISKS.index(finding["severity"]), finding["rule"]))


def _findings(before: Figures, after: Figures, tolerance: float) -> Iterator[Row]:
    fresh = len(new_findings(before, after))
    yield Row("new findings (error, warning)", "count", 0, fresh, worse=fresh > 0)
    for code in sorted(before.rules.keys() | after.rules.keys()):
        if _is_risk(code, after) or (code not in after.rules and _is_risk(code, before)):
            yield _rate(code, before, after, before.rules.get(code, 0), after.rules.get(code, 0), tolerance)
    # Each one is a leak, or a step back of the migration: no allowance.
    yield _rate("crossings", before, after, before.crossings, after.crossings, 0.0)
    yield _rate("deprecated engines", before, after, before.deprecated, after.deprecated, 0.0)


def _coverage(before: Figures, after: Figures, tolerance: float) -> Iterator[Row]:
    # A run in which nothing was seen is clean in all other respects.
    yield Row("events", "count", before.events, after.events, worse=before.events > 0 and not after.events)
    shares = [one.undelivered / one.events if one.events else None for one in (before, after)]
    lost, loses = shares
    yield Row(
        "delivered events",
        "share",
        None if lost is None else max(0.0, 1 - lost),
        None if loses is None else max(0.0, 1 - loses),
        worse=lost is not None and loses is not None and _rises(lost, loses, tolerance),
    )
    yield Row("targets applied", "count", before.applied, after.applied, worse=after.applied < before.applied)
    yield Row("users at work at once", "count", before.users_at_once, after.users_at_once)


def _times(before: Figures, after: Figures, tolerance: float) -> Iterator[Row]:
    for (level, quantile), was in before.durations.items():
        now = after.durations[level, quantile]
        worse = was is not None and now is not None and now - was >= NOTICEABLE and _rises(was, now, tolerance)
        yield Row(f"{level.replace('_', ' ')}, p{quantile * 100:.0f}", "seconds", was, now, worse)


def _rate(name: str, before: Figures, after: Figures, was: float, now: float, tolerance: float) -> Row:
    """Occurrences per 1,000 events; where a report has no events, the occurrences themselves."""
    if before.events and after.events:
        was, now = 1000 * was / before.events, 1000 * now / after.events
        return Row(f"{name} per 1,000 events", "rate", was, now, _rises(was, now, tolerance))
    return Row(name, "count", was, now, _rises(was, now, tolerance))


def _rises(before: float, after: float, tolerance: float) -> bool:
    return after > before * (1 + tolerance)


def _is_risk(code: str, found: Figures) -> bool:
    """Whether a rule has errors or warnings in a report; without a described finding, whether it usually does."""
    if any(words["rule"] == code for words in found.findings.values()):
        return True
    if code in found.notes.values():
        return False
    rule = all_rules().get(code)
    # A rule of another version is taken seriously.
    return rule is None or rule.severity.value in _RISKS


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _HIGHEST:
        raise ValueError(f"{value!r} is no count")
    return value  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
