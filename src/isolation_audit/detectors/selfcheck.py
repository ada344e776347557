"""IA9xx: the auditor about itself. What it can't see is an alarm, not silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.detectors.base import Detector
from isolation_audit.rules import Example, Rule, Severity

if TYPE_CHECKING:
    from isolation_audit.instrument.observations import Problem, Stopped


class SelfCheckDetector(Detector):
    """Reports targets that can't be watched, faults inside the auditor, and runs in which nothing was seen."""

    rules = (
        Rule(
            "IA901",
            "target-not-found",
            Severity.WARNING,
            "A configured target does not exist in its imported module, or can't be instrumented.",
            "A misspelt or renamed target is not watched at all, and its silence would look like health.",
            "correct the target (isolation-audit check explains it), or set optional = true if only some versions have it",
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
            "Objects of a target existed before the auditor came, or the target was replaced afterwards.",
            "What was built or called before was not seen.",
            "start the auditor before the application is imported: isolation-audit run, or import isolation_audit.auto first",
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
                    "from isolation_audit.instrument.points.scope import ScopePoint\n\n"
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
            "Targets were instrumented, and none was ever called; or events were seen, and never a user.",
            "An auditor that sees nothing reports nothing. This looks like health and is not.",
            "check that the targets are the ones in use, and that ambient.contextvar is the variable that the application sets",
            Example(
                config='[[engines]]\ntarget = "app:Engine"\n',
                bad="class Engine:\n    pass\n\ndef main():\n    pass\n",
                good="class Engine:\n    pass\n\ndef main():\n    Engine()\n",
            ),
        ),
    )

    def on_problem(self, problem: Problem) -> None:
        """A target that can't be watched; optional ones are left to the target table."""
        if not problem.optional:
            self.report(problem.code, "{target}: {detail}", detail=problem.message, target=problem.target, with_site=False)

    def on_fault(self, place: str, error: BaseException, count: int) -> None:
        """A fault behind the barrier; the error's text stays out, because it may quote the application's data."""
        off = f"; switched off after {count}" if count >= self.runtime.config.limits.faults else ""
        self.report("IA903", "{target}: {detail}", detail=f"{type(error).__name__} inside the auditor{off}", target=place, with_site=False)

    def on_stopped(self, stopped: Stopped) -> None:
        """Say so when the run was blind."""
        if stopped.applied and not stopped.seen:
            self.report("IA904", "{detail} target(s) instrumented, none of them was ever called", detail=str(stopped.applied), with_site=False)
        elif stopped.events and not stopped.verified:
            self.report("IA904", "{detail} event(s) seen, and never two witnesses to compare", detail=str(stopped.events), with_site=False)
