"""The gate: whether a deployment may go on, by the figures of reports or of a Prometheus server.

Every figure has a limit. A figure that nobody knows keeps the gate closed: unknown is not clean.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from isolation_audit.analysis.foreign_json import parsed
from isolation_audit.analysis.texts import shown, without_secrets
from isolation_audit.coverage.verdict import BLIND, PARTLY
from isolation_audit.exceptions import UsageError
from isolation_audit.gate.http_exchange import ExchangeError, exchange
from isolation_audit.model.roles import INTEGRATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.exporters.report import Report
    from isolation_audit.gate.http_exchange import Answer

EVENTS: Final = "events"
WORK: Final = "work"
"""Requests, messages, jobs, events, and calls of configured targets."""
LEAST: Final = (WORK, EVENTS)
LIMITS: Final[dict[str, int]] = {
    WORK: 1,
    "blind": 0,
    "errors": 0,
    "crossings": 0,
    "deprecated": 0,
    "missing": 0,
    "faults": 0,
    "dropped": 0,
}
"""The most that each figure may be; of work the least, because where nothing happens nothing goes wrong."""

_TOO_MANY: Final = 2.0**53
"""Beyond it floats don't count one by one."""

_RULE: Final = re.compile(r"IA\d{3}")
_COUNTERS: Final = {
    EVENTS: "isolation_audit_events_total",
    "errors": 'isolation_audit_findings_total{severity="error"}',
    "warnings": 'isolation_audit_findings_total{severity="warning"}',
    "crossings": "isolation_audit_crossing_events_total",
    "deprecated": "isolation_audit_deprecated_engines_built_total",
    "faults": "isolation_audit_faults_total",
    "dropped": "isolation_audit_findings_dropped_total",
}
_GAUGES: Final = {
    "missing": 'isolation_audit_targets{state="missing"}',
    "blind": 'isolation_audit_coverage{verdict="blind"}',
    "partly-blind": 'isolation_audit_coverage{verdict="partly blind"}',
}
_VERDICTS: Final = ("blind", "partly-blind")
_WORKING: Final = tuple(
    [f"isolation_audit_{kind}_total" for kind in ("requests", "messages", "jobs", "events", "calls")]
)


def is_figure(name: str) -> bool:
    """True for what can be limited: a figure by its name, or a rule by its code."""
    return name == WORK or name in _COUNTERS or name in _GAUGES or _RULE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Reason:
    """One figure beyond its limit; None where it is not known."""

    figure: str
    value: int | None
    limit: int

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.figure} is not known"
        bound = "at least" if self.figure in LEAST else "at most"
        return f"{self.figure} is {self.value}, and may be {bound} {self.limit}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def judge(measured: Mapping[str, int | None], limits: Mapping[str, int]) -> list[Reason]:
    """What keeps the gate closed; nothing where it is open."""
    reasons = []
    for figure, limit in limits.items():
        value = measured.get(figure)
        if value is None or (value < limit if figure in LEAST else value > limit):
            reasons.append(Reason(figure, value, limit))
    return reasons


def of_report(report: Report) -> dict[str, int]:
    """The figures of a report; rules that it does not name have no findings.

    Raises:
        LookupError, TypeError, ValueError: it has not the form of a report.
    """
    summary = report["summary"]
    verdict = report["coverage"]["verdict"]
    work = [report["coverage"].get(kind, {}).get("seen", 0) for kind in ("requests", "messages", "jobs")]
    called = [row["seen"] for row in report["targets"] if row["role"] != INTEGRATION]
    found = {
        WORK: sum(map(int, (*work, *called, summary["events_total"]))),
        "blind": int(verdict == BLIND),
        "partly-blind": int(verdict == PARTLY),
        EVENTS: int(summary["events_total"]),
        "errors": 0,
        "warnings": 0,
        "crossings": int(summary["crossing_events"]),
        "deprecated": int(summary["deprecated_engines_built"]),
        "missing": sum(row["state"] == "missing" for row in report["targets"]),
        "faults": int(summary["faults"]),
        "dropped": int(summary["findings_dropped"]),
    }
    for finding in report["findings"]:
        if finding["severity"] in ("error", "warning"):
            found[f"{finding['severity']}s"] += int(finding["count"])
    return found | {code: int(count) for code, count in summary["findings"].items()}


def of_prometheus(url: str, window: str, match: str, figures: Iterable[str]) -> dict[str, int | None]:
    """The figures of the last ``window`` (a PromQL duration such as ``5m``) in the series that ``match`` selects.

    Raises:
        UsageError: the server can't be asked, or refuses the question.
    """
    working = [_ask(url, _query(series, window, match)) for series in _WORKING]
    known = [value for value in working if value is not None]
    # Series of single targets exist only where there are such targets; those of requests always do.
    unseen = 0 if known else None
    found: dict[str, int | None] = {WORK: sum(known) if known else None}
    for figure in figures:
        if figure not in found:
            value = _ask(url, _query(figure, window, match))
            found[figure] = unseen if value is None and figure not in _VERDICTS else value
    return found


def _query(figure: str, window: str, match: str) -> str:
    named = figure if figure in _WORKING else f'isolation_audit_findings_total{{rule="{figure}"}}'
    series = _GAUGES.get(figure) or _COUNTERS.get(figure) or named
    if match:
        name, _, labels = series.rstrip("}").partition("{")
        series = f"{name}{{{labels}{',' if labels else ''}{match}}}"
    return f"sum({series})" if figure in _GAUGES else f"sum(increase({series}[{window}]))"


def _ask(url: str, query: str) -> int | None:
    address = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    asked = without_secrets(url)
    try:
        answer = exchange(address)
    except ExchangeError as error:
        raise UsageError(f"can't ask Prometheus at {asked}: {error}") from None
    if answer.status != HTTPStatus.OK:
        raise UsageError(f"Prometheus at {asked} refuses the query {query}: {_refusal(answer)}")
    try:
        result = parsed(answer.body)["data"]["result"]
        return _count(float(result[0]["value"][1])) if result else None
    except (ValueError, OverflowError, LookupError, TypeError, RecursionError):
        raise UsageError(f"can't ask Prometheus at {asked}: what it answers to {query} is no figure") from None


def _count(value: float) -> int:
    """increase() extrapolates to the whole window: one event may well be 1.07. Whatever there is of one is one."""
    if not 0 <= value < _TOO_MANY:
        raise ValueError(value)
    return max(round(value), int(value > 0))


def _refusal(answer: Answer) -> str:
    try:
        return shown(str(parsed(answer.body)["error"]), 300)
    except (ValueError, LookupError, TypeError, RecursionError):
        return f"status {answer.status}"


def call(webhook: str, verdict: Mapping[str, Any]) -> str:
    """POST the verdict as JSON. Gives what went wrong, or an empty text; never the address, which may be a secret."""
    try:
        answer = exchange(webhook, json.dumps(verdict).encode(), {"Content-Type": "application/json"})
    except ExchangeError as error:
        return str(error)
    return "" if answer.status < HTTPStatus.MULTIPLE_CHOICES else f"it answered with status {answer.status}"
