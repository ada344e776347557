"""IA402: what one user's work has put into state, read in another's."""

from __future__ import annotations

from typing import Final

from isolation_audit.model.current_inputs import unit_inputs
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import observes
from isolation_audit.rules.content.egress import Surfaced
from isolation_audit.rules.content.login_tokens import TokenReplaced
from isolation_audit.rules.content.written_files import Overwritten
from isolation_audit.rules.provenance.verdicts import OUT_OF_MEMORY
from isolation_audit.rules.state.crossed import Crossed
from isolation_audit.rules.state.reports import StateReports

_CONFIG: Final = """\
[ambient]
contextvar = "app:current_user"

[audit]
depth = "state"
"""

_APP: Final = """\
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)
notes = {}

def request(user, text):
    current_user.set(user)
    return add(user, text)

def main():
    copy_context().run(request, "alice", "the pin is 4711")
    copy_context().run(request, "bob", "buy milk")

"""

_BAD: Final = """\
def add(user, text):
    previous = notes.get("last")
    notes["last"] = text
    return {"saved": text, "previous": previous}
"""

_GOOD: Final = """\
def add(user, text):
    previous = notes.get(user)
    notes[user] = text
    return {"saved": text, "previous": previous}
"""


class StateMonitor(StateReports):
    """Judges nothing more: what the monitor publishes is a leak, or a risk of one."""

    rules = (
        Rule(
            "IA402",
            "written-under-another",
            Severity.ERROR,
            "One user's work has put its data into state that outlives it, and another user's work has read it and "
            "used it.",
            "Globals, attributes of classes and of shared objects, closures, default arguments: whoever comes next "
            "finds what is there. Most leaks of this kind name nobody, so nothing at the way out can tell.",
            "keep it by user: in the request, in a ContextVar, under a key that names the user, or in an object of "
            "their own; where it is shared by design, add the [[shared]] entry that the finding shows",
            Example(config=_CONFIG, bad=_APP + _BAD, good=_APP + _GOOD),
            options="`audit.depth`, `shared`",
        ),
    )

    @observes(Crossed)
    def on_crossed(self, crossed: Crossed) -> None:
        """Tell of what is not an engine's or an emitter's."""
        if not self.is_of_an_engine(crossed):
            self.tell("IA402", crossed)

    @observes(Surfaced)
    def on_surfaced(self, surfaced: Surfaced) -> None:
        """What leaves is another user's: the running unit's reads of what she has stored are looked at with that."""
        judged, inputs = surfaced.judgement, unit_inputs()
        unit = None if inputs is None else inputs.unit
        if unit is not None and (judged is None or judged.verdict in OUT_OF_MEMORY):
            severity = None if judged is None else judged.verdict.severity
            unit.surfaced.append((surfaced.content, severity or Severity.ERROR))

    @observes(Overwritten)
    def on_overwritten(self, overwritten: Overwritten) -> None:
        """A file is state as well."""
        self.report(
            "IA402",
            "a file that {ambient}'s work has written was overwritten in the work of {owner}, and read again in the "
            "first as if it were its own",
            ambient=overwritten.reader,
            owner=overwritten.writer,
            place="read here",
            at=overwritten.stack,
            record=overwritten.record,
        )

    @observes(TokenReplaced)
    def on_token_replaced(self, replaced: TokenReplaced) -> None:
        """So is a client that several logins share."""
        self.report(
            "IA402",
            "a login has stored its token in a client that is shared, another login has put its own in its place, and "
            "the first one uses that",
            ambient=replaced.reader,
            owner=replaced.writer,
            place="used here",
            at=replaced.stack,
            record=replaced.record,
        )
