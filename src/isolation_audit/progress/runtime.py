"""What a burn-down reads of the reports of audited runs. What they can't know is None, and never 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.comparison import estimate
from isolation_audit.exporters.report import merge
from isolation_audit.instrument.tracking.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.exporters.report import Report

_HEEDED = frozenset({"waiting", "absent", "applied", "late"})
"""States of a deprecation in which one that is built is seen, or can't have been built."""

_EMPTY: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Builder:
    """A place that built or imported something deprecated, as a finding (IA101, IA102) shows it."""

    file: str
    line: int
    function: str
    count: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


class Runtime:
    """One or several reports, added up.

    Raises:
        LookupError, TypeError, ValueError: it has not the form of a run's report.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._summary = report["summary"]
        self.events = int(self._summary["events_total"])
        self.undelivered = int(self._summary["events_undelivered"])
        built = int(self._summary["engines_built"]) + int(self._summary["deprecated_engines_built"])
        self._seen = self.events + built + int(self._summary["scopes"])

    @property
    def saw_anything(self) -> bool:
        """Whether any event, engine or scope was seen, and no finding was dropped."""
        return self._seen > 0 and not int(self._summary["findings_dropped"])

    @classmethod
    def of(cls, reports: Sequence[Report]) -> Runtime:
        """The sum of reports."""
        return cls(merge(reports, {}, {}))

    def check(self) -> None:
        """Read all that is ever read, so that a wrong form shows while its file is known.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: it has not the form of a run's report.
        """
        self.crossings()
        self.errors(("IA",))
        self.engines(frozenset())
        for rule in self._summary["findings"]:
            self.findings(rule)
        for level in LEVELS:
            self.within(level, 1.0)
            self.percentile(level, 0.95)
        for target in self._report["targets"]:
            self.built(str(target["target"]))
            self.builders(target["target"])

    def crossings(self) -> int | None:
        """Deliveries to a wrong user; None where no event was seen."""
        count = int(self._summary["crossing_events"])
        return count if count or self.events else None

    def errors(self, families: tuple[str, ...]) -> dict[str, int] | None:
        """Occurrences of findings with severity error by rule, of rules that begin so; None where nothing was seen."""
        found: dict[str, int] = {}
        for finding in self._report["findings"]:
            if finding["severity"] == "error" and str(finding["rule"]).startswith(families):
                found[finding["rule"]] = found.get(finding["rule"], 0) + int(finding["count"])
        dropped = int(self._summary["findings_dropped"])
        return found if found or (self._seen and not dropped) else None

    def findings(self, rule: str) -> int:
        """Occurrences of a rule's findings."""
        return int(self._summary["findings"].get(rule, 0))

    def built(self, target: str) -> int | None:
        """How often something deprecated was built, or a deprecated module imported; None where nobody watched."""
        count = int(self._summary["deprecated_engines_built_by_target"].get(target, 0)) + sum(
            int(finding["count"])
            for finding in self._report["findings"]
            if finding["rule"] == "IA102" and finding["target"] == target
        )
        states = {
            row["state"] for row in self._report["targets"] if row["role"] == "deprecation" and row["target"] == target
        }
        return count if count or (states and states <= _HEEDED) else None

    def engines(self, except_for: frozenset[str]) -> int:
        """Engines built, but for those of targets that are deprecated as well."""
        return sum(
            int(count) for target, count in self._summary["engines_built_by_target"].items() if target not in except_for
        )

    def measured(self, level: str) -> int:
        """How many runs, first events or clean-ups were measured."""
        return int(self._level(level).get("count", 0))

    def within(self, level: str, limit: float) -> float | None:
        """The share that took at most ``limit`` seconds, or at least so many; None where nothing was measured."""
        buckets = {float(bound): int(count) for bound, count in self._level(level).get("buckets", {}).items()}
        bounds = [bound for bound in buckets if bound <= limit]
        count = self.measured(level)
        return buckets[max(bounds)] / count if bounds and count else None

    def percentile(self, level: str, quantile: float) -> float | None:
        """The duration in seconds that a share of ``quantile`` did not exceed; None where nothing was measured."""
        return estimate(self._level(level), quantile)

    def builders(self, target: str) -> list[Builder]:
        """Where something deprecated was built, as far as it was described; the busiest place first."""
        found = [
            Builder(str(site["file"]), int(site["line"]), str(site["function"]), int(finding["count"]))
            for finding in self._report["findings"]
            if finding["rule"] in ("IA101", "IA102") and finding["target"] == target and (site := finding["site"])
        ]
        return sorted(found, key=lambda one: (-one.count, str(one)))

    def _level(self, name: str) -> dict[str, Any]:
        level: dict[str, Any] = self._summary.get("service_levels", _EMPTY).get(name, _EMPTY)
        return level
