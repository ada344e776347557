"""The ratchet: a committed file of how much of the deprecated is allowed. Its numbers only shrink."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.foreign_json import parsed
from isolation_audit.exceptions import UsageError
from isolation_audit.progress.source import EVERYTHING, NOWHERE, UNREADABLE, Scope
from isolation_audit.source.scan.outputs import write_output
from isolation_audit.source.scan.reading import contents
from isolation_audit.source.scan.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from isolation_audit.progress.matrix import Figures
    from isolation_audit.progress.source import Source

SCHEMA: Final = 1
_ABOUT: Final = "Numbers only shrink: run isolation-audit progress with --update, and don't edit them."

Counts = dict[str, dict[str, int]]
"""Target, or rule where a finding has no target, -> phase -> findings. Nothing is 0."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What there is more of than the ratchet allows. ``new``: it has none of this target or rule in any phase."""

    name: str
    phase: str
    allowed: int
    found: int
    new: bool

    def __str__(self) -> str:
        place = "" if self.phase == NOWHERE else f" in phase {self.phase}"
        if self.new:
            return f"{self.name}{place} is new: {self.found} found"
        return f"{self.name}{place} grew from {self.allowed} to {self.found}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "name": self.name,
            "phase": None if self.phase == NOWHERE else self.phase,
            "allowed": self.allowed,
            "found": self.found,
            "new": self.new,
            "reason": str(self),
        }


@dataclass(frozen=True, slots=True)
class Ratchet:
    """What is allowed, and in which part of the source."""

    counts: Counts
    scope: Scope = EVERYTHING

    @classmethod
    def of(cls, source: Source) -> Ratchet:
        """What a scan found, and no more."""
        return cls(_sorted(Counter((one.counted_as, one.phase) for one in source.found)), source.scope)

    @classmethod
    def read(cls, path: Path) -> Ratchet | None:
        """The file's; None where there is none.

        Raises:
            UsageError: it can't be read, or is not as it was written.
        """
        try:
            data = parsed(contents(str(path)))
            counts, schema = data["references"], data["schema"]
            scope = Scope.of(data["scope"]) if "scope" in data else EVERYTHING  # earlier versions did not write it
            if schema == SCHEMA and data["digest"] == _digest(counts, data.get("scope")) and _is_sound(counts):
                return cls(counts, scope)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"can't read {path}: {error.strerror}") from None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise UsageError(f"{path} is no ratchet of isolation-audit; {_REMEDY}") from None
        if type(schema) is int and schema != SCHEMA:
            raise UsageError(f"{path} is a ratchet of schema {schema}, and this version reads schema {SCHEMA}")
        raise UsageError(f"{path} was changed by hand: its numbers don't fit its digest; {_REMEDY}")

    def write(self, path: Path, tree: Path) -> None:
        """Atomically, sorted, a number a line.

        Raises:
            UsageError: it can't be written, or leads out of ``tree`` through a link.
        """
        content = {
            "schema": SCHEMA,
            "tool": {"name": "isolation-audit"},  # without its version: an upgrade is no change of the counts
            "about": _ABOUT,
            "scope": self.scope.as_dict(),
            "references": self.counts,
            "digest": _digest(self.counts, self.scope.as_dict()),
        }
        try:
            write_output(path, json.dumps(content, indent=1) + "\n", tree)
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror}") from None

    def check(self, source: Source, path: Path) -> None:
        """Refuse a scan of something else: what it did not look at would count as gone.

        Raises:
            UsageError: ``source`` is of another part of the tree than this ratchet, the file at ``path``.
        """
        if source.scope != self.scope:
            cause = f"{path} counts {self.scope}, and this scan is of {source.scope}"
            raise UsageError(f"{cause}: scan the same, or name another ratchet")

    def growths(self, now: Ratchet) -> list[Growth]:
        """Where there is more now than is allowed."""
        return [
            Growth(name, phase, self._count(name, phase), found, name not in self.counts)
            for name, phases in now.counts.items()
            for phase, found in phases.items()
            if found > self._count(name, phase)
        ]

    def lowered(self, now: Ratchet) -> Ratchet:
        """This one, lowered to what there is now; as it is where more files can't be read, and counts are too low."""
        if any(growth.name in UNREADABLE for growth in self.growths(now)):
            return self
        lowered = {
            (name, phase): min(allowed, now._count(name, phase))
            for name, phases in self.counts.items()
            for phase, allowed in phases.items()
        }
        return Ratchet(_sorted(lowered), self.scope)

    def shrunk(self, now: Ratchet) -> int:
        """How many findings the ratchet allows beyond what there is."""
        return sum(
            max(0, allowed - now._count(name, phase))
            for name, phases in self.counts.items()
            for phase, allowed in phases.items()
        )

    def figures(self) -> Figures:
        """Those of the matrix that a ratchet knows."""
        found: Counter[str] = Counter({"source.references": 0})
        for name, phases in self.counts.items():
            for phase, count in phases.items():
                found["source.references"] += count
                found[f"source.phase.{phase}"] += count
                found[f"source.rule.{name}" if name in RULES else f"source.target.{name}"] += count
        return dict(found)

    def _count(self, name: str, phase: str) -> int:
        return self.counts.get(name, {}).get(phase, 0)


_REMEDY: Final = "restore it from version control (after a merge: take either side), then run with --update"


def _sorted(counts: Mapping[tuple[str, str], int]) -> Counts:
    found: Counts = {}
    for (name, phase), count in sorted(counts.items()):
        if count:
            found.setdefault(name, {})[phase] = count
    return found


def _is_sound(counts: Any) -> bool:
    return all(type(count) is int and count > 0 for phases in counts.values() for count in phases.values())


def _digest(counts: Any, scope: Any) -> str:
    """Tells a slip of the hand from a number that was counted; it keeps nobody from computing it."""
    content = counts if scope is None else [counts, scope]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
