"""The outcome of a scan: findings as selected, and the counts that a burn-down needs."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from isolation_audit._version import __version__
from isolation_audit.config.selection import Selection
from isolation_audit.model.findings import Finding, Frame, Site
from isolation_audit.model.rules import Severity
from isolation_audit.source.scan.findings import Judge, Reference
from isolation_audit.source.scan.rules import NAMES

if TYPE_CHECKING:
    from isolation_audit.source.scan.source import Source

NOBODY = "-"
"""In counts, where a file has no phase or no owner."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scan found, and in what it looked."""

    source: Source
    references: tuple[Reference, ...]
    phases: tuple[str, ...] = ()
    """Those that were asked for; none for all."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is there that has to go; a note about names may stay."""
        return all(one.rule in NAMES and one.severity is Severity.NOTE for one in self.references)

    def counts(self) -> dict[str, dict[str, int]]:
        """References by rule, form, phase and owner; one with two owners counts for both."""
        found = self.references
        return {
            "rules": _counted(one.rule for one in found),
            "forms": _counted(one.form for one in found),
            "phases": _counted(one.phase or NOBODY for one in found),
            "owners": _counted(owner for one in found for owner in one.owners or (NOBODY,)),
            "targets": _counted(str(one.deprecation.target) for one in found if one.deprecation),
        }

    def report(self) -> dict[str, Any]:
        """The report in the form of ``report.json``, schema 1."""
        source = self.source
        config = source.config.source
        files = [file for file in source.files.values() if file.is_python]
        counts = self.counts()
        run_id = hashlib.sha256(f"{source.tree.base}\0{source.started}".encode()).hexdigest()[:16]
        return {
            "schema": 1,
            "tool": {"name": "isolation-audit", "version": __version__},
            "run": {
                "id": run_id,
                "config": config.name if config else None,
                "started": source.started,
                "ended": time.time(),
                "processes": [],
            },
            "targets": [self._target(entry.target) for entry in source.deprecated.entries],
            "summary": {
                "findings": counts.pop("rules"),
                "source": {
                    "scope": {"paths": source.tree.scope(), "phases": sorted(set(self.phases))},
                    "not_followed": sorted(source.tree.not_followed),
                    "files": len(files),
                    "bytes": sum(file.size for file in files),
                    "parsed": len(files) if source.parsed_all else len(source.facts),
                    "seconds": round(source.seconds, 3),
                    **counts,
                },
            },
            "findings": [_as_dict(one, source.started) for one in self.references],
        }

    def _target(self, target: Any) -> dict[str, Any]:
        source = self.source
        homes = source.modules.find(target.module)
        state, detail = "applied", ""
        if target in source.deprecated.migrated:
            detail = "already migrated by name: it is bound to its replacement"
        elif not homes:
            state, detail = "absent", "its module is not in what was scanned; references to it are found all the same"
        elif target.qualname and all(home in source.facts for home in homes):
            names = {name for home in homes for name, _ in source.facts[home].exports}
            stars = any(source.facts[home].stars for home in homes)
            if not stars and target.qualname.partition(".")[0] not in names:
                state, detail = "missing", "its module does not define it"
        seen = sum(one.deprecation is not None and one.deprecation.target == target for one in self.references)
        return {"target": str(target), "role": "deprecation", "state": state, "detail": detail, "seen": seen}


def judge(source: Source, phases: tuple[str, ...] = ()) -> Outcome:
    """The findings of a source, as far as ``[select]`` wants them; of some phases only, where they are named."""
    selection = Selection(source.config.select)
    judging = Judge(source)
    found = judging.findings(names=any(map(selection.enabled, NAMES)))
    found = [one for one in found if selection.enabled(one.rule) and (not phases or one.phase in phases)]
    references = tuple([replace(one, severity=selection.severity(one.rule, one.severity)) for one in found])
    return Outcome(source, references, phases)


def _counted(words: Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def finding_of(one: Reference) -> Finding:
    """A reference as the finding that it is, so that static and run-time findings have one form."""
    return Finding(
        rule=one.rule,
        severity=one.severity,
        message=one.message,
        help=one.help,
        target=str(one.deprecation.target) if one.deprecation else None,
        site=Site((Frame(one.file, one.line, one.function),)),
        site_label=one.form,
    )


def _as_dict(one: Reference, seen: float) -> dict[str, Any]:
    finding = finding_of(one)
    span, arguments = one.span, one.arguments
    return {
        **finding.as_dict(count=1, first_seen=seen, last_seen=seen),
        "source": {
            "form": one.form,
            "name": one.name,
            "guard": one.guard,
            "column": span.column + 1 if span else None,
            "end_line": span.end_line if span else None,
            "end_column": span.end_column + 1 if span else None,
            "arguments": None
            if arguments is None
            else {
                "positional": arguments.positional,
                "keywords": list(arguments.keywords),
                "unpacked": arguments.unpacked,
            },
            "returns": list(one.returns),
            "phase": one.phase,
            "owners": list(one.owners),
        },
    }
