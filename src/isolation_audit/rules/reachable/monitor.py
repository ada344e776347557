"""IA401, IA403: what a walk through the heap finds when a user's work is over."""

from __future__ import annotations

from time import time as wall_clock
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import shown
from isolation_audit.model.findings import Finding, Witnesses
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.reachable.found import Common, Left

if TYPE_CHECKING:
    from isolation_audit.rules.reachable.found import Reachable

_CONFIG: Final = """\
[audit]
depth = "heap"

[[scopes]]
target = "app:answer"
user = "args.user"
"""

_ENGINES: Final = """\

[[engines]]
target = "app:Engine"
owner = "args.user"
"""

_LEFT: Final = """\
from isolation_audit import canary

history = {}

def answer(user, question):
    history[PLACE] = question
    return len(question)

def main():
    answer("alice", f"my card is {canary('alice')}")
"""

_COMMON: Final = """\
from isolation_audit import canary

class Engine:
    def __init__(self, user, historyDEFAULT):
        self.user = user
        self.history = HISTORY

    def ask(self, question):
        self.history.append(question)
        return len(self.history)

engines = {}

def answer(user, question):
    engine = engines.setdefault(user, Engine(user))
    return engine.ask(question)

def main():
    for user in ("alice", "bob"):
        answer(user, f"my card is {canary(user)}")
"""


class HeapMonitor(Monitor):
    """Has the heap walked at depth ``heap``."""

    rules = (
        Rule(
            "IA401",
            "shared-by-engines",
            Severity.ERROR,
            "Two users' engines lead to one and the same object that can be changed, and it holds something of one of "
            "the two.",
            "A mutable default argument, an attribute of the class instead of the instance, a list that a factory "
            "hands to every engine: what one user's engine collects, the other's has as well, whether or not it has "
            "read it yet. It is an error where a canary proves whose data lies there, and a note where it was "
            "only seen being written. Places that name the user, by a key or by what lies beside, are silent.",
            "make the object in the constructor, one for each engine; keep what users share outside of engines, "
            "by user",
            Example(
                config=_CONFIG + _ENGINES,
                bad=_COMMON.replace("DEFAULT", "=[]").replace("HISTORY", "history"),
                good=_COMMON.replace("DEFAULT", "=()").replace("HISTORY", "list(history)"),
            ),
            options="`audit.depth`, `engines`, `shared`",
        ),
        Rule(
            "IA403",
            "left-behind",
            Severity.WARNING,
            "A user's canary, secret or object can be reached from a module although the user's work is over, at a "
            "place that does not say whose it is.",
            "Whoever comes next may find it there. It is no proof that somebody has: IA402 tells when another user's "
            "work has read it.",
            "keep it by user, or remove it when the work ends; where it is there by design, add the [[shared]] entry "
            "that the finding shows",
            Example(
                config=_CONFIG,
                bad=_LEFT.replace("PLACE", '"last"'),
                good=_LEFT.replace("PLACE", "user"),
            ),
            options="`audit.depth`, `shared`",
        ),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        if self.runtime.config.audit.depth == "heap" and any(map(self.recorder.enabled, ("IA401", "IA403"))):
            from isolation_audit.rules.reachable.walks import HeapWatch  # with all that reads state

            self.runtime.part(HeapWatch)

    @observes(Left)
    def on_left(self, left: Left) -> None:
        """Something has stayed."""
        self._tell("IA403", left)

    @observes(Common)
    def on_common(self, common: Common) -> None:
        """Two engines lead to it."""
        self._tell("IA401", common)

    def _tell(self, code: str, found: Reachable) -> None:
        if not self.recorder.enabled(code):
            return
        rule = self._rules[code]
        owner, other = (self.label(user) for user in found.users)
        why = found.why.format(owner=owner, other=other)
        self.recorder.record(
            Finding(
                rule=code,
                severity=rule.severity if found.certain else Severity.NOTE,
                message=f"{shown(found.place, 300)}: {shown(found.held, 120)}: {why}",
                help=rule.help,
                remedy=found.remedy,
                diagram=found.diagram,
                target=shown(found.target, 300),
                witnesses=Witnesses(other, owner),
                seen=wall_clock(),
            )
        )
