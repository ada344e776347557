"""IA9xx: the auditor about itself. What it can't see is an alarm, not silence."""

from __future__ import annotations

from isolation_audit.instrument.tracking.observations import Problem, Stopped
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.selfcheck.blindness import BLIND


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
        BLIND,
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
