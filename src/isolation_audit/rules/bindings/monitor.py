"""IA207: an id that stands for one user is seen in another user's context."""

from __future__ import annotations

from isolation_audit.instrument.tracking.observations import Rebound
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.model.users import Kind
from isolation_audit.rules.base import Monitor, observes

_APP = """\
from dataclasses import dataclass

@dataclass
class Context:
    user_id: str
    connection_id: str

class Engine:
    def __init__(self, context):
        self.context = context

def main():
"""


class BindingMonitor(Monitor):
    """Judges ids that change their user while they are in use."""

    hears = (("AgentConversations", "isolation_audit.rules.bindings.conversations:Conversations"),)

    rules = (
        Rule(
            "IA207",
            "rebound-id",
            Severity.WARNING,
            "An id that identity.bind ties to one user was seen in another user's context less than a minute later, "
            "and the application went on with it. Or another user's work has gone on with a conversation that an agent "
            "framework keeps: a thread, a session, a chat history.",
            "Whatever is looked up by that id (a connection, a run, a thread) now reaches the other user.",
            "make the id anew for each user; an id that users share on purpose does not belong in identity.bind; the "
            "names of conversations that they share belong under addressees.shared",
            Example(
                config=(
                    '[identity]\nbind = { connection_id = "connection_id" }\n\n'
                    '[[engines]]\ntarget = "app:Engine"\nowner = "args.context.user_id"\n'
                ),
                bad=_APP + '    Engine(Context("alice", "c1"))\n    Engine(Context("bob", "c1"))\n',
                good=_APP + '    Engine(Context("alice", "c1"))\n    Engine(Context("bob", "c2"))\n',
            ),
            options="`identity.bind`, `addressees.shared`",
        ),
    )

    @observes(Rebound)
    def on_rebound(self, rebound: Rebound) -> None:
        """Both are real users; a service that works on a user's run is none."""
        if rebound.earlier.kind is Kind.USER and rebound.user.kind is Kind.USER:
            self.report(
                "IA207",
                "{detail} of {owner} bound to {addressee} while it was in use",
                detail=rebound.kind,
                place="bound to {addressee} here",
                ambient=self.runtime.ambient.current(),
                owner=rebound.earlier,
                addressee=rebound.user,
                with_site=rebound.here,
                at=rebound.stack,
            )
