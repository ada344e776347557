"""IA9xx: the auditor about itself. What it can't see is an alarm, not silence."""

from __future__ import annotations

from time import time as wall_clock
from typing import TYPE_CHECKING, Any

from isolation_audit.config.selection import Selection
from isolation_audit.instrument.tracking.observations import Problem, Stopped
from isolation_audit.model.findings import Finding
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.recording.recorder import Entry
from isolation_audit.rules.base import Monitor, observes

if TYPE_CHECKING:
    from isolation_audit.config import Select


class SelfCheckMonitor(Monitor):
    """Reports targets that can't be watched, faults inside the auditor, and runs in which nothing was seen."""

    rules = (
        Rule(
            "IA901",
            "target-not-found",
            Severity.WARNING,
            "A configured target does not exist in its imported module, or can't be instrumented.",
            "A misspelt or renamed target is not watched at all, and its silence would look like health.",
            "correct the target (isolation-audit check explains it), or set optional = true if only some versions have "
            "it",
            Example(
                config='[[engines]]\ntarget = "app:Engin"\n',
                bad="class Engine:\n    pass\n\ndef main():\n    Engine()\n",
                good="class Engin:\n    pass\n\ndef main():\n    Engin()\n",
            ),
            options="`optional`",
        ),
        Rule(
            "IA902",
            "patched-too-late",
            Severity.WARNING,
            "Engines, or emitters whose constructor says whose they are, were built before they could be watched; or "
            "the target was replaced afterwards.",
            "Whom they were built for was not seen, nor what was made of the target before it was replaced.",
            "start the auditor before the application is imported (isolation-audit run, or import isolation_audit.auto "
            "first), and build objects when they are needed, not while their module is imported",
            Example(
                config='[[engines]]\ntarget = "app:Engine"\n',
                bad="class Engine:\n    pass\n\nearly = Engine()\n\ndef main():\n    pass\n",
                good="class Engine:\n    pass\n\ndef main():\n    Engine()\n",
            ),
        ),
        Rule(
            "IA903",
            "fault-in-auditor",
            Severity.WARNING,
            "Something went wrong inside the auditor; the application went on.",
            "After a number of faults (limits.faults) the place is switched off and sees nothing any more.",
            "report the fault with the message shown; until it is mended, the place named here may be blind",
            Example(
                config='[[scopes]]\ntarget = "app:work"\nuser = ["args.user"]\n',
                bad=(
                    "from isolation_audit.targets.scope import ScopePoint\n\n"
                    "def work(user):\n    pass\n\n"
                    "def main():\n    intact = ScopePoint.before\n    ScopePoint.before = lambda self, values: 1 / 0\n"
                    '    try:\n        work("alice")\n    finally:\n        ScopePoint.before = intact\n'
                ),
                good='def work(user):\n    pass\n\ndef main():\n    work("alice")\n',
            ),
            options="`limits.faults`",
        ),
        Rule(
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
        ),
    )

    @observes(Problem)
    def on_problem(self, problem: Problem) -> None:
        """A target that can't be watched; optional ones are left to the target table."""
        if not problem.optional:
            self.report(
                problem.code, "{target}: {detail}", detail=problem.message, target=problem.target, with_site=False
            )

    def on_fault(self, place: str, error: BaseException, count: int) -> None:
        """A fault behind the barrier; the error's text stays out, because it may quote the application's data."""
        off = f"; switched off after {count}" if count >= self.runtime.config.limits.faults else ""
        self.report(
            "IA903",
            "{target}: {detail}",
            detail=f"{type(error).__name__} inside the auditor{off}",
            target=place,
            with_site=False,
        )

    @observes(Stopped)
    def on_stopped(self, stopped: Stopped) -> None:
        """Say so when this process was blind."""
        self.report("IA904", "{detail}", detail=stopped.words, with_site=False)


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
        rule = next(rule for rule in SelfCheckMonitor.rules if rule.code == "IA904")
        finding = Finding(rule.code, selection.severity(rule.code, rule.severity), words, rule.help)
        now = wall_clock()
        merged["findings"].append(Entry(finding, 1, now, now).as_dict())
    blind = sum(one["count"] for one in merged["findings"] if one["rule"] == "IA904")
    if blind:
        counts["IA904"] = blind
