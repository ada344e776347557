"""IA904: the rule, and what it says of a run that saw nothing, or only a part."""

from __future__ import annotations

from time import time as wall_clock
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.selection import Selection
from isolation_audit.model.findings import Finding
from isolation_audit.model.rules import Example, Rule, Severity

if TYPE_CHECKING:
    from isolation_audit.config import Select

BLIND: Final = Rule(
    "IA904",
    "blind",
    Severity.WARNING,
    "The run was blind, or partly: no request, message or job had a known user; a library or server at work is "
    "not watched; a configured target was never called, or a path never gave a value; events never had "
    "two witnesses to compare; a process could not be watched at all.",
    "An auditor that sees nothing reports nothing. This looks like health and is not.",
    "read the lines below the verdict: each reason comes with its remedy (docs/reference/coverage.md)",
    Example(
        config='[[engines]]\ntarget = "app:Engine"\n',
        bad="class Engine:\n    pass\n\ndef main():\n    pass\n",
        good="class Engine:\n    pass\n\ndef main():\n    Engine()\n",
    ),
)


def blindness(coverage: dict[str, Any]) -> str:
    """What IA904 says of a report's coverage: the verdict, and the reasons that no other finding tells of."""
    reasons = [row["reason"] for row in coverage["reasons"] if row["told_by"] is None]
    return f"{coverage['verdict']}: {'; '.join(reasons)}" if reasons else ""


def tell_blindness(merged: dict[str, Any], select: Select) -> None:
    """Put IA904 for the whole run in the place of what single processes said of their parts.

    An idle worker beside busy ones is not blind; processes that each saw nothing are. One that could not be watched,
    which names what was in the way, stays so.
    """
    counts = merged["summary"].setdefault("findings", {})
    counts.pop("IA904", None)
    merged["findings"] = [one for one in merged["findings"] if one["rule"] != "IA904" or one["target"]]
    words, selection = blindness(merged["coverage"]), Selection(select)
    if words and selection.enabled("IA904"):
        # The recorder is a part of a running audit: a run that has seen something is summed up without it.
        from isolation_audit.recording.recorder import Entry

        finding = Finding(BLIND.code, selection.severity(BLIND.code, BLIND.severity), words, BLIND.help)
        now = wall_clock()
        merged["findings"].append(Entry(finding, 1, now, now).as_dict())
    blind = sum(one["count"] for one in merged["findings"] if one["rule"] == "IA904")
    if blind:
        counts["IA904"] = blind
