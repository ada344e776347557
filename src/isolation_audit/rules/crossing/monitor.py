"""IA2xx: two witnesses name different users."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from isolation_audit.instrument.tracking.observations import Lost, Passage, Shared, Used
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.model.users import EVERYONE, Kind
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.crossing.builders import BuiltForAnother
from isolation_audit.rules.crossing.reached import Reached
from isolation_audit.targets.ownership import differ

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.tracking.observations import Emission
    from isolation_audit.model.users import User

_APP = """\
from isolation_audit import user_scope

class Emitter:
    def __init__(self, user_id=None):
        self.user_id = user_id

    def emit_answer(self, text, to=None):
        pass

    def broadcast(self, text):
        pass

"""

_SOCKETIO = """\
import asyncio
import socketio
from isolation_audit import user_scope

server = socketio.AsyncServer(async_mode="asgi", async_handlers=False)

async def main():
    for user in ("alice", "bob"):
        await server._handle_eio_connect(user, {})  # as the transport does
        await server._handle_eio_message(user, "0")
        await server._handle_eio_message(user, '2["hello","%s"]' % user)
    await server._handle_eio_message("alice", '2["ask","alice"]')

@server.event
async def connect(sid, environ):
    pass

@server.event
async def hello(sid, user):
    with user_scope(user):
        await server.enter_room(sid, "lobby")

@server.event
async def ask(sid, user):
    with user_scope(user):
"""

_CONFIG = """\
[[emitters]]
target = "app:Emitter"
methods = { "emit_*" = "*" }
"""


_REACHED = {
    "one": ("IA202", "data of {content} sent to {addressee} through {target}", "sent to {addressee} here"),
    "all": (
        "IA205",
        "data of {content} sent to everyone through {target}, because its addressee was None; {addressee} receives it",
        "sent to everyone here",
    ),
    "told": (
        "IA208",
        "{content} is named in what is sent to everyone through {target}; {addressee} receives it",
        "sent to everyone here",
    ),
    "heard": (
        "IA202",
        "data of {content} given by {target} to a listener of {addressee}",
        "{addressee}'s listener was called here",
    ),
    "displaced": (
        "IA202",
        (
            "what the work of {content} sends through {target} goes to the connection of {addressee}; {content} has "
            "one as well, which is kept nowhere: the other one has taken its place"
        ),
        "sent to {addressee} here",
    ),
    "answer": (
        "IA202",
        "what a language model has answered {content} goes through {target} to {addressee}, and not to {content}",
        "sent to {addressee} here",
    ),
    "joined": (
        "IA202",
        "what goes through {target} to the room that is named for {content} reaches {addressee} as well",
        "sent to {addressee} here",
    ),
    "handed": (
        "IA202",
        "what the work of {content} has given to a callback of {addressee}'s, which sends all, leaves through {target}",
        "sent to {addressee} here",
    ),
}


class CrossingMonitor(Monitor):
    """Judges disagreements between the ambient user, an object's owner and an event's addressee."""

    hears = (
        ("AgentBuilds", "isolation_audit.rules.crossing.builders:Builders"),
        ("MessagesSent", "isolation_audit.rules.crossing.delivery:Addressees"),
        ("ConnectionsBound", "isolation_audit.rules.crossing.displaced:OpenConnections"),
        ("CallbacksCalled", "isolation_audit.rules.crossing.handed_on:HandedOn"),
        ("EventListeners", "isolation_audit.rules.listeners.registered:Listeners"),
    )

    rules = (
        Rule(
            "IA201",
            "owner-crossing",
            Severity.ERROR,
            "An object that belongs to one user was used while another user's work was running.",
            "Whatever the object keeps (context, history, connection) now serves the wrong user, or takes in their "
            "data.",
            "take the object from the running user's scope; don't keep it where other requests find it",
            Example(
                config=_CONFIG + 'owner = ["self.user_id"]\n',
                bad=_APP
                + 'def main():\n    emitter = Emitter("alice")\n'
                + '    with user_scope("bob"):\n        emitter.emit_answer("hello")\n',
                good=_APP
                + 'def main():\n    emitter = Emitter("alice")\n'
                + '    with user_scope("alice"):\n        emitter.emit_answer("hello")\n',
            ),
            options="`engines.owner`, `engines.methods`, `emitters.owner`, `identity.system`",
        ),
        Rule(
            "IA202",
            "addressee-crossing",
            Severity.ERROR,
            "An event was sent to another user than the one whose work produced it.",
            "This is the leak itself: what was computed for one user arrives on another user's screen.",
            "address the event by the context of the run that produced it, not by state that runs share",
            Example(
                config=_CONFIG + 'addressee = ["args.to"]\n',
                bad=_APP
                + 'def main():\n    with user_scope("alice"):\n        Emitter().emit_answer("hello", to="bob")\n',
                good=_APP
                + 'def main():\n    with user_scope("alice"):\n        Emitter().emit_answer("hello", to="alice")\n',
            ),
            options="`emitters.addressee`, `emitters.rooms`, `identity.bind`, `identity.system`; `addressees.public`, "
            "`addressees.shared`, `watch.addressees`",
        ),
        Rule(
            "IA204",
            "nobodys-event",
            Severity.WARNING,
            "An event was sent, and no witness knew for whom.",
            "The auditor knows no user to compare: if this event reached the wrong user, it could not tell.",
            "tell the auditor who the event is for: an addressee path, an owner path, the application's ContextVar, or "
            "user_scope()",
            Example(
                config=_CONFIG,
                bad=_APP + 'def main():\n    Emitter().emit_answer("hello")\n',
                good=_APP + 'def main():\n    with user_scope("alice"):\n        Emitter().emit_answer("hello")\n',
            ),
            options="`ambient.contextvar`, `emitters.owner`, `emitters.addressee`",
        ),
        Rule(
            "IA205",
            "private-event-broadcast",
            Severity.ERROR,
            "An event of one user's work was sent to everyone.",
            "Every connected user receives what one of them asked for.",
            "send it to the user; if the event is meant for all, list its name under emitters.public",
            Example(
                config=_CONFIG + 'broadcast = ["broadcast"]\n',
                bad=_APP + 'def main():\n    with user_scope("alice"):\n        Emitter().broadcast("alice asked")\n',
                good=_APP + 'def main():\n    Emitter().broadcast("maintenance at five")\n',
            ),
            options="`emitters.broadcast`, `emitters.public`, `everyone` in `emitters.addressee`; `addressees.public`, "
            "`watch.addressees`",
        ),
        Rule(
            "IA208",
            "named-to-everyone",
            Severity.NOTE,
            "A broadcast of one user's work names a user in the middle of its text.",
            "It may be an announcement, or an answer whose sender forgot to address it. The auditor can't tell one "
            "from the other.",
            "if it is meant for one user, address it; if not, list the event under addressees.public",
            Example(
                config="[addressees]\npublic = []\n",
                bad=_SOCKETIO + '        await server.emit("answer", f"the answer for {user}: 42")\n',
                good=_SOCKETIO + '        await server.emit("answer", f"the answer for {user}: 42", to=sid)\n',
            ),
            options="`addressees.public`, `watch.addressees`",
        ),
        Rule(
            "IA210",
            "shared-object",
            Severity.NOTE,
            "An object whose owner only its calls name was used for one user, and then for another.",
            "It is no crossing, because each call says whose it is. From here on the auditor can't judge the object's "
            "calls that name nobody.",
            "if all users share the object, nothing has to be done; if each user should have one, read the owner from "
            'the object itself: owner = ["self.user_id"]',
            Example(
                config=_CONFIG + 'owner = ["args.to"]\n',
                bad=_APP
                + "def main():\n    emitter = Emitter()\n"
                + '    for user in ("alice", "bob"):\n        with user_scope(user):\n'
                + '            emitter.emit_answer("hello", to=user)\n            emitter.emit_answer("ping")\n',
                good=_APP
                + 'def main():\n    for user in ("alice", "bob"):\n        with user_scope(user):\n'
                + '            Emitter().emit_answer("hello", to=user)\n',
            ),
            options="`engines.owner`, `emitters.owner`",
        ),
    )

    @observes(Used)
    def on_used(self, used: Used) -> None:
        """Owner against ambient, outside of events."""
        target = str(used.entry.target)
        self.report(
            "IA201",
            "{target}.{detail}() of {owner} called while the work of {ambient} was running",
            target=target,
            detail=used.method,
            place="used while the work of {ambient} was running",
            ambient=used.ambient,
            owner=used.owner,
            record=used.record,
            at=used.stack,
        )

    @observes(BuiltForAnother)
    def on_built_for_another(self, built: BuiltForAnother) -> None:
        """An agent that is built around one user's id runs for another: what of it is used is not seen."""
        self.report(
            "IA201",
            "an agent that the work of {owner} has built around that user's id ran in the work of {ambient}",
            target=built.target,
            place="run in the work of {ambient}",
            owner=built.owner,
            ambient=built.ambient,
            before=(built.built, "built here"),
            severity=Severity.WARNING,
        )

    @observes(Shared)
    def on_shared(self, shared: Shared) -> None:
        """Told once: from here on the object is nobody's."""
        self.report(
            "IA210",
            "{target} was used for {owner} and then for {addressee}: it is taken to be shared by all",
            target=shared.target,
            place="used for {addressee} here",
            owner=shared.first,
            addressee=shared.other,
            record=shared.record,
        )

    @observes(Passage)
    def on_passage(self, passage: Passage) -> None:
        """Judge one event at one layer; a code is reported once an event, a wrong addressee counted once."""
        ambient, owner, addressee = passage.ambient, passage.owner, passage.addressee
        claimed = passage.emission.claimed
        if differ(owner, ambient):
            self._cross(
                passage,
                "IA201",
                "event {event} emitted through {detail} of {owner} while the work of {ambient} was running",
            )
        if addressee is EVERYONE:
            self._broadcast(passage)
        elif differ(addressee, ambient):
            self._cross(passage, "IA202", "event {event} of {ambient} sent to {addressee} through {detail}")
        elif differ(addressee, owner) or differ(addressee, claimed):
            source = owner if differ(addressee, owner) else claimed
            self._cross(passage, "IA202", "event {event} of {owner} sent to {addressee} through {detail}", source)

    @observes(Reached)
    def on_reached(self, reached: Reached) -> None:
        """One user's data reaches another, through a connection or a room of a library that is known."""
        code, template, place = _REACHED[reached.to]
        if not self.recorder.enabled(code):
            return
        if reached.to != "told":
            count(self.runtime, code)
        self.report(
            code,
            template,
            target=reached.message.target,
            event=reached.message.event,
            place=place,
            ambient=reached.ambient,
            addressee=reached.addressee,
            content=reached.content,
            record=reached.record,
            at=reached.stack,
            severity=Severity.WARNING if reached.to in ("answer", "displaced", "handed", "joined") else None,
        )

    @observes(Lost)
    def on_lost(self, lost: Lost) -> None:
        """Nobody's event."""
        target = str(lost.entry.target)
        if self._public(lost.emission.name, lost.entry.public):
            return
        self.report("IA204", "nobody's event {event} sent through {target}", target=target, event=lost.emission.name)

    def _broadcast(self, passage: Passage) -> None:
        private = next(
            (
                user
                for user in (passage.ambient, passage.owner, passage.emission.claimed)
                if user and user.kind is Kind.USER
            ),
            None,
        )
        if private is None or self._public(passage.emission.name, passage.entry.public):
            return
        self._cross(passage, "IA205", "event {event} of {owner} sent to everyone through {detail}", private)

    def _cross(self, passage: Passage, code: str, template: str, owner: User | None = None) -> None:
        emission = passage.emission
        if self.recorder.enabled(code):
            count_crossing(self.runtime, emission, None if code == "IA201" else passage.addressee, code)
        if code in emission.reported:
            return
        emission.reported.add(code)
        target = str(passage.entry.target)
        self.report(
            code,
            template,
            target=target,
            detail=f"{target}.{passage.method}",
            place="used while the work of {ambient} was running" if code == "IA201" else "sent to {addressee} here",
            event=emission.name,
            ambient=passage.ambient,
            owner=owner or passage.owner,
            addressee=passage.addressee,
            record=passage.record,
        )

    @staticmethod
    def _public(name: str | None, globs: tuple[str, ...]) -> bool:
        return name is not None and any(fnmatchcase(name, glob) for glob in globs)


def count_crossing(runtime: Runtime, emission: Emission, addressee: User | None, rule: str) -> None:
    """Count a wrong delivery of an event once; ``addressee`` is None where it is open who got it wrongly."""
    crossed = emission.crossed
    if addressee in crossed or (addressee is None and crossed):
        return
    if None in crossed:
        # The crossing was counted before its wrong addressee was known; this is the same one.
        crossed[crossed.index(None)] = addressee
        return
    crossed.append(addressee)
    count(runtime, rule)


def count(runtime: Runtime, rule: str) -> None:
    """Count a delivery to a user whom it was not for, as ``rule`` has seen it."""
    runtime.tally.crossings += 1
    runtime.tally.crossings_by_rule[rule] += 1
    scope = current_scope()
    if scope is not None:
        scope.crossings += 1
