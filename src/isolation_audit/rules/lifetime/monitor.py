"""IA501, IA502, IA506: what outlives the work of a user: objects, one by one and as a trend, and tasks and threads."""

from __future__ import annotations

from functools import partial
from typing import Any

from isolation_audit.analysis.durations import duration
from isolation_audit.instrument.reading.layout import MISSING
from isolation_audit.instrument.tracking.observations import NOTHING_MORE, Again, Built
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.lifetime.growth import Grown
from isolation_audit.rules.lifetime.lifetimes import Lifetimes, Outlived, running_unit
from isolation_audit.rules.lifetime.unended import Unended, UnendedWork
from isolation_audit.targets.construction import BUILT_FOR

_CONFIG = """\
[[engines]]
target = "app:Engine"
owner = "args.user"

[[scopes]]
target = "app:answer"
user = "args.user"
"""

_APP = """\
class Engine:
    def __init__(self, user):
        self.user = user
        self.messages = []

    def ask(self, question):
        self.messages.append(question)
        return len(self.messages)

ACTIVE = []

def answer(user, question):
    engine = Engine(user)
    ACTIVE.append(engine)
"""

_LEFT = """\
    return engine.ask(question)

def main():
    answer("alice", "Why?")
"""

_FREED = """\
    try:
        return engine.ask(question)
    finally:
        ACTIVE.remove(engine)

def main():
    answer("alice", "Why?")
"""

_MANY = """\
    return engine.ask(question)

def main():
    import isolation_audit  # in an application this is looked at twice a second
    for number in range(1200):
        answer("alice", "Why?")
        if number % 20 == 0:
            isolation_audit.current().settle(60.0)
"""


_WORKERS = """\
import threading
from isolation_audit import current, user_scope

over = threading.Event()

def wait_for_end():
    over.wait()

def answer(user):
    with user_scope(user):
        worker = threading.Thread(target=wait_for_end)
        worker.start()
"""

_WORKERS_LEFT = """\

def main():
    for user in ("alice", "bob"):
        answer(user)
    for _ in range(2):  # in an application this is looked at twice a second
        current().settle(60.0)
        over.wait(0.01)
    over.set()
"""

_WORKERS_JOINED = """\
        over.set()
        worker.join()
"""


class LifetimeMonitor(Monitor):
    """Has the objects of engines, emitters and their contexts watched, and names who holds what has stayed."""

    hears = (("WorkStarted", "isolation_audit.rules.lifetime.unended:UnendedWork"),)

    rules = (
        Rule(
            "IA501",
            "outlived-its-unit",
            Severity.WARNING,
            "An engine, an emitter or a user context that was made for one unit of work is still there when that has "
            "been over for a while.",
            "What stays holds its user's data, sockets and messages: memory grows, and whoever finds the object later "
            "finds another user's state in it. A unit is a request, a connection, or a call of `[[scopes]]`. "
            "The object is told after `limits.grace`, if a full garbage collection has not freed it, with the way "
            "from whoever holds it. The same goes for the connections of WebSocket libraries, and for what an engine "
            "reaches when it is made, where each engine of the same user has one of its own. Where objects of a "
            "target are used in a later unit, they are made to last, and nothing is said of that target.",
            "take the object out of what holds it when the work ends, in a finally block; keep a weak reference where "
            "a registry only has to find it",
            Example(config=_CONFIG, bad=_APP + _LEFT, good=_APP + _FREED),
            options="`limits.grace`, `watch.lifetimes`",
        ),
        Rule(
            "IA502",
            "grows-with-each-unit",
            Severity.WARNING,
            "With each unit of work more objects of one class stay, or they take more bytes.",
            "A leak of one object a request is not seen in a test and fills the memory in a week. The auditor counts "
            "the objects of engines, emitters and contexts whose unit has ended, over all users and for each, their "
            "bytes, and the objects of the application's other classes and of what has to be closed. It looks for "
            "a [trend](../explanation/lifetimes.md#growth) over 1,000 units or more: at least one object in fifty "
            "units, or 8 bytes a unit, in each half of the samples. Of a thousand series without a trend at most one "
            "is told. What waits for the garbage collector does not count, a cache that fills up ends the trend where "
            "it is full, and where the holder has a maximum nothing is said. What is made to last, such as sessions, "
            "and classes that no configuration names, are told after `limits.warm_up`.",
            "look at who holds the objects; take them out when the work ends, or bound what holds them",
            Example(
                config=_CONFIG,
                bad=_APP + _MANY,
                good=_APP.replace("ACTIVE = []", "import weakref\nACTIVE = weakref.WeakSet()").replace(
                    "append(e", "add(e"
                )
                + _MANY,
            ),
            options="`limits.warm_up`, `watch.lifetimes`",
        ),
        Rule(
            "IA506",
            "unended-work",
            Severity.WARNING,
            "Tasks, threads or jobs of an executor that units of work have started run on although these are over.",
            "Each holds its user's data and context, and whatever it emits comes when nobody waits for it; one more "
            "with each request uses up the memory, the threads of the pool, or the connections. "
            "It is told after `limits.unended`, or at the end of the process or of the event loop where it is older "
            "than `limits.grace`, with who has started it and for whom. Where several units have left one at the same "
            "place it is a warning. One alone may be a worker for all that the first request has started: it is told "
            "at the end, as a note. What libraries start for themselves is not told.",
            "wait for it before the work ends, or cancel it in a finally block; name work that is meant to go on in "
            "`lifetimes.background`, or let it run in `system_scope()`",
            Example(
                config='[limits]\nunended = "1ms"\n',
                bad=_WORKERS + _WORKERS_LEFT,
                good=_WORKERS + _WORKERS_JOINED + _WORKERS_LEFT,
            ),
            options="`lifetimes.background`, `limits.unended`, `watch.lifetimes`",
        ),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        wanted = self.runtime.config.watch.lifetimes and any(map(self.recorder.enabled, ("IA501", "IA502")))
        if self.runtime.config.watch.lifetimes and self.recorder.enabled("IA506"):
            self.runtime.part(UnendedWork)
        self._lifetimes: Lifetimes | None = self.runtime.part(Lifetimes) if wanted else None

    @observes(Built)
    def on_built(self, built: Built) -> Again:
        """Watch the object, and the context that it was made with."""
        if self._lifetimes is None:
            return NOTHING_MORE
        self._watch(self._lifetimes, built)
        return Again(partial(self._watch, self._lifetimes), in_units=True)

    @staticmethod
    def _watch(lifetimes: Lifetimes, built: Built) -> None:
        unit = running_unit()
        if unit is None:
            return
        record = built.record
        origin = record.origin if record is not None and record.origin_label == BUILT_FOR else None
        stack = lifetimes.made(built.target, built.obj, built.owner, unit, origin)
        context = built.context
        if context is not MISSING and context is not None:
            kind = type(context)
            lifetimes.made(f"{kind.__module__}:{kind.__qualname__}", context, built.owner, unit, stack)
        lifetimes.reached(built.target, built.obj, stack)

    @observes(Outlived)
    def on_outlived(self, outlived: Outlived) -> None:
        """Where it was made, and who has it."""
        self.report(
            "IA501",
            "{target} of {owner} is still there after its work has ended, held by {detail}",
            target=outlived.target,
            detail=outlived.holder,
            owner=outlived.owner,
            place=f"{outlived.within or 'made'}{', which had it, was made' * bool(outlived.within)} for {{owner}} here",
            at=outlived.stack,
        )

    @observes(Grown)
    def on_grown(self, grown: Grown) -> None:
        """How fast, and who has one of them."""
        unit, now = ("bytes", _bytes(grown.now)) if grown.in_bytes else ("objects", f"{grown.now:.0f}")
        whose = "" if grown.user is None else " of {owner}"
        self.report(
            "IA502",
            f"{unit} of {{target}}{whose} pile up: {{measured}}, held by {{detail}}",
            target=grown.target,
            detail=grown.holder,
            measured=f"{grown.slope:.2g} with each unit of work, {now} after {grown.units} more",
            owner=grown.user,
            place="one of them was made here",
            at=grown.stack,
            with_site=bool(grown.stack),
        )

    @observes(Unended)
    def on_unended(self, unended: Unended) -> None:
        """What runs on, who has started it, for whom, and since when."""
        self.report(
            "IA506",
            "{detail} {target}() that the work of {owner} has started runs on: that work has ended {measured} ago",
            target=unended.function,
            detail=unended.what,
            measured=duration(unended.seconds),
            owner=unended.owner,
            place="started for {owner} here",
            at=unended.stack,
            before=(unended.began, "the work of {owner} began here") if unended.began else None,
            severity=None if unended.several else Severity.NOTE,
        )


def _bytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
