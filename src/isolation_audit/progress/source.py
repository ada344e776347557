"""What a burn-down reads of a scan: each reference with what it is counted by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.exporters.report import Report

NOWHERE = "-"
"""Where a file has no phase or no owner."""

UNREADABLE = frozenset({"IA804", "IA807"})
"""Rules about files whose references are not known: with more of these, all other counts are too low."""

CONSTRUCTION = "IA803"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of a scan. ``target`` is None where it is about a file, not about something deprecated."""

    rule: str
    target: str | None
    file: str
    phase: str
    owners: tuple[str, ...]

    @property
    def counted_as(self) -> str:
        """The name that a ratchet counts it under: what is deprecated, or the rule."""
        return self.target or self.rule


@dataclass(frozen=True, slots=True)
class Scope:
    """What a scan looked at: paths as it shows them (``.``: all of the tree), and phases (none: all)."""

    paths: tuple[str, ...] = (".",)
    phases: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Scope:
        """From its JSON form."""
        return cls((*map(str, value["paths"]),), (*map(str, value["phases"]),))

    def __str__(self) -> str:
        where = "the whole tree" if self.paths == (".",) else ", ".join(self.paths)
        return where + (f" in phase {', '.join(self.phases)}" if self.phases else "")

    def as_dict(self) -> dict[str, list[str]]:
        """JSON form."""
        return {"paths": list(self.paths), "phases": list(self.phases)}


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Source:
    """The findings of a scan, and among how many files."""

    found: tuple[Found, ...]
    files: int
    started: float
    """Unix time."""
    scope: Scope = EVERYTHING

    @classmethod
    def of(cls, report: Report) -> Source:
        """What the JSON form of a scan says.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: it has not the form of a scan's report.
        """
        found = tuple(
            [
                Found(
                    str(one["rule"]),
                    one["target"],
                    str(one["site"]["file"]),
                    one["source"]["phase"] or NOWHERE,
                    tuple(one["source"]["owners"]) or (NOWHERE,),
                )
                for one in report["findings"]
            ]
        )
        about = report["summary"]["source"]
        scope = Scope.of(about["scope"]) if "scope" in about else EVERYTHING  # as in reports of earlier versions
        return cls(found, int(about["files"]), float(report["run"]["started"]), scope)

    def files_with(self, found: Iterable[Found] | None = None) -> int:
        """Files that have any of these, or of all."""
        return len({one.file for one in (self.found if found is None else found)})

    def by_rule(self) -> Counter[str]:
        """Findings by code."""
        return Counter(one.rule for one in self.found)

    def by_phase(self) -> Counter[str]:
        """Findings by phase."""
        return Counter(one.phase for one in self.found)

    def by_owner(self) -> Counter[str]:
        """Findings by owner; one with two owners counts for both."""
        return Counter(owner for one in self.found for owner in one.owners)

    def by_target(self) -> Counter[str]:
        """References by what is deprecated."""
        return Counter(one.target for one in self.found if one.target is not None)
