"""IA7xx: runs and clean-ups that take longer than a team allows them, and clean-ups that do not come."""

from __future__ import annotations

from functools import partial
from typing import Any

from isolation_audit.analysis.durations import duration
from isolation_audit.instrument.tracking.observations import NOTHING_MORE, Again, Built, Slow
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.service_levels.cleanups import Cleanups, Uncleaned
from isolation_audit.targets.construction import BUILT_FOR

_RUN = """\
[[emitters]]
target = "app:emit"
addressee = "args.to"

[[scopes]]
target = "app:answer"
user = "args.user"

[service_levels]
first_event = "40ms"
run = "2s"
"""

_ANSWER = """\
import time

def emit(to, text):
    pass

def look_up(question):
    time.sleep(0.08)
    return "an answer"

def answer(user, question):
"""

_CLEANUP = """\
[[engines]]
target = "app:Engine"
owner = "args.user"
cleanup = ["cleanup"]

[service_levels]
cleanup = "40ms"
"""

_ENGINE = """\
import time

class Engine:
    def __init__(self, user):
        self.connection = user

    def cleanup(self):
"""

_USE = """\

def main():
    Engine("alice").cleanup()
"""

_WORK = """\
[[engines]]
target = "app:Engine"
owner = "args.user"
cleanup = ["cleanup"]

[[scopes]]
target = "app:answer"
user = "args.user"

[limits]
grace = "1ms"
"""

_KEPT_OPEN = """\
        self.connection = None

def answer(user, question):
    engine = Engine(user)
    if question:
        engine.cleanup()

def main():
    answer("alice", "Why?")
    answer("bob", "")
"""


class ServiceLevelMonitor(Monitor):
    """Says what was too slow: it is told only of what broke its limit."""

    rules = (
        Rule(
            "IA701",
            "run-too-slow",
            Severity.WARNING,
            "A run, or its first event, took longer than its limit.",
            "Until the first event a user can't tell a slow answer from a lost one, asks again, and doubles the load; "
            "a run that was fast alone and is slow beside others waits for something that users share.",
            "look for what the run waits for: a lock, a pool or a queue that all users go through, or a blocking call "
            "on the event loop",
            Example(
                config=_RUN,
                bad=_ANSWER + '    emit(user, look_up(question))\n\ndef main():\n    answer("alice", "Why?")\n',
                good=_ANSWER + '    emit(user, "looking it up")\n    emit(user, look_up(question))\n\n'
                'def main():\n    answer("alice", "Why?")\n',
            ),
            options="`service_levels.first_event`, `service_levels.run`",
        ),
        Rule(
            "IA702",
            "cleanup-too-slow",
            Severity.WARNING,
            "Cleaning up an engine took longer than its limit.",
            "Until it is cleaned up, an engine keeps its user's data and connections; under load these pile up, and "
            "the next user waits for them.",
            "let go of the user's data first, and don't wait for others (flushes, confirmations) while cleaning up",
            Example(
                config=_CLEANUP,
                bad=_ENGINE + "        time.sleep(0.08)  # waits for the other end to confirm\n"
                "        self.connection = None\n" + _USE,
                good=_ENGINE + "        self.connection = None\n" + _USE,
            ),
            options="`service_levels.cleanup`, `engines.cleanup`",
        ),
        Rule(
            "IA703",
            "not-cleaned-up",
            Severity.WARNING,
            "An engine was not cleaned up when the work that it was made for had ended, or only long after that.",
            "What `engines.cleanup` names lets go of the user's data and connections. Left to the garbage collector "
            "they stay for as long as it likes, and on the way on which the call is missing (an exception, an early "
            "return) for every user. An engine is told when it goes without a clean-up, `limits.unended` after its "
            "work, or at the end of the process; one that was cleaned up later than `limits.grace` is told with the "
            "time. Where no engine of a target is ever cleaned up it is a note. Engines that serve in a later unit "
            "are made to last, and nothing is said of them.",
            "clean up in a finally block, or use the engine as a context manager; IA702 tells how long it may take",
            Example(
                config=_WORK,
                bad=_ENGINE + _KEPT_OPEN,
                good=_ENGINE + _KEPT_OPEN.replace("if question:", "if True:"),
            ),
            options="`engines.cleanup`, `limits.grace`, `limits.unended`",
        ),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        config = self.runtime.config
        wanted = any(engine.cleanup for engine in config.engines) and self.recorder.enabled("IA703")
        self._cleanups = self.runtime.part(Cleanups) if wanted else None

    @observes(Built)
    def on_built(self, built: Built) -> Again:
        """An engine that has to be cleaned up is followed until it is."""
        if self._cleanups is None or not getattr(built.entry, "cleanup", ()):
            return NOTHING_MORE
        self._follow(self._cleanups, built)
        return Again(partial(self._follow, self._cleanups))

    @staticmethod
    def _follow(cleanups: Cleanups, built: Built) -> None:
        record = built.record
        origin = record.origin if record is not None and record.origin_label == BUILT_FOR else None
        cleanups.made(built.target, built.obj, built.owner, origin)

    @observes(Uncleaned)
    def on_uncleaned(self, uncleaned: Uncleaned) -> None:
        """Late or never, and where the engine was made."""
        never = uncleaned.method is None
        self.report(
            "IA703",
            "{target} of {owner} was not cleaned up after its work had ended"
            if never
            else "{target} of {owner} was cleaned up by {event} only {measured} after its work had ended",
            target=uncleaned.target,
            event=uncleaned.method,
            measured=duration(uncleaned.seconds),
            owner=uncleaned.owner,
            place="made for {owner} here",
            at=uncleaned.stack,
            severity=None if uncleaned.others_are else Severity.NOTE,
        )

    @observes(Slow)
    def on_slow(self, slow: Slow) -> None:
        """Name what was slow, how long it took, and its limit."""
        measured = duration(slow.seconds)
        limit = f"the limit is {duration(slow.limit)}"
        if slow.level == "cleanup":
            self.report(
                "IA702",
                "cleaning up by {target}.{event} took {measured}; {detail}",
                target=slow.target,
                event=slow.event,
                measured=measured,
                detail=limit,
                ambient=slow.user,
                place="cleaned up here",
            )
        elif slow.level == "first_event":
            self.report(
                "IA701",
                "the first event of a run of {ambient}, {event}, came after {measured}; {detail}",
                target=slow.target,
                event=slow.event,
                measured=measured,
                detail=limit,
                ambient=slow.user,
                place="emitted here",
            )
        else:
            self.report(
                "IA701",
                "a run of {ambient} took {measured}; {detail}",
                target=slow.target,
                measured=measured,
                detail=limit,
                ambient=slow.user,
                place="the run began here",
                at=slow.origin or (),
            )
