"""IA206: an engine that was made for nobody is used under several users, and keeps what one of them has left."""

from __future__ import annotations

from typing import Final

from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import observes
from isolation_audit.rules.state.crossed import Crossed
from isolation_audit.rules.state.reports import StateReports

_CONFIG: Final = """\
[ambient]
contextvar = "app:current_user"

[audit]
depth = "state"

[[engines]]
target = "app:Engine"
"""

_ENGINE: Final = """\
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)

class Engine:
    def __init__(self):
        self.history = []

    def run(self, text):
        self.history.append(text)
        return list(self.history)

def request(user, text):
    current_user.set(user)
    return engine_of(user).run(text)

def main():
    copy_context().run(request, "alice", "the pin is 4711")
    copy_context().run(request, "bob", "buy milk")

"""

_SHARED: Final = """\
engine = Engine()

def engine_of(user):
    return engine
"""

_OWN: Final = """\
engines = {}

def engine_of(user):
    if user not in engines:
        engines[user] = Engine()
    return engines[user]
"""


class SharingMonitor(StateReports):
    """Of what the monitor publishes, the state of engines and emitters."""

    rules = (
        Rule(
            "IA206",
            "ownerless-engine-shared",
            Severity.ERROR,
            "An engine that was made for nobody is used under several users, and one of its attributes that one "
            "user's work has written is read in another's.",
            "Each user's data stays in the engine for whoever uses it next. The finding names the attribute.",
            "make an engine for each user, or keep the attribute elsewhere, by user",
            Example(config=_CONFIG, bad=_ENGINE + _SHARED, good=_ENGINE + _OWN),
            options="`audit.depth`, `engines`, `emitters`, `shared`",
        ),
    )

    @observes(Crossed)
    def on_crossed(self, crossed: Crossed) -> None:
        """Tell of the attribute."""
        if self.is_of_an_engine(crossed):
            self.tell("IA206", crossed)
