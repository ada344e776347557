"""What a scan has found, as SARIF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolation_audit.formats import sarif
from isolation_audit.source.scan.outcome import finding_of
from isolation_audit.source.scan.rules import RULES

if TYPE_CHECKING:
    from isolation_audit.source.scan.findings import Reference
    from isolation_audit.source.scan.outcome import Outcome


def as_sarif(outcome: Outcome) -> dict[str, Any]:
    """The outcome as one SARIF log; paths are relative to the folder of the configuration."""
    return sarif.log(RULES.values(), [_result(one) for one in outcome.references], Path(outcome.source.tree.base))


def _result(one: Reference) -> dict[str, Any]:
    region = None
    if one.span is not None:
        region = {
            "startLine": one.span.line,
            "startColumn": one.span.column + 1,
            "endLine": one.span.end_line,
            "endColumn": max(one.span.end_column + 1, 1),
        }
    return sarif.result(
        one.rule,
        one.severity.value,
        f"{one.message}; {one.help}",
        places=[sarif.place(one.file, region)],
        fingerprint=finding_of(one).fingerprint,
        properties={"form": one.form, "phase": one.phase, "owners": list(one.owners)},
    )
