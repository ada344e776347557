"""IA7xx: runs and clean-ups that take longer than a team allows them."""

from __future__ import annotations

from isolation_audit.instrument.observations import Slow
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes

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
    )

    @observes(Slow)
    def on_slow(self, slow: Slow) -> None:
        """Name what was slow, how long it took, and its limit."""
        measured = _duration(slow.seconds)
        limit = f"the limit is {_duration(slow.limit)}"
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


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.4g} s"
