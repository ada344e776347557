"""IA402 and IA206: what one user's work has put into state, read in another's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import shown
from isolation_audit.detectors.base import Detector, observes
from isolation_audit.findings import Finding, Site, Witnesses
from isolation_audit.instrument.stacks import frame_at, frame_of, is_ours
from isolation_audit.mechanisms.routes import current_endpoint
from isolation_audit.rules import Example, Rule, Severity
from isolation_audit.state.judging import Crossed

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import Site as Place
    from isolation_audit.instrument.stacks import RawStack

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

_ENGINE_CONFIG: Final = (
    _CONFIG
    + """
[[engines]]
target = "app:Engine"
"""
)

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


class StateDetector(Detector):
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
        Rule(
            "IA206",
            "ownerless-engine-shared",
            Severity.ERROR,
            "An engine that was made for nobody is used under several users, and one of its attributes that one "
            "user's work has written is read in another's.",
            "Each user's data stays in the engine for whoever uses it next. The finding names the attribute.",
            "make an engine for each user, or keep the attribute elsewhere, by user",
            Example(config=_ENGINE_CONFIG, bad=_ENGINE + _SHARED, good=_ENGINE + _OWN),
            options="`audit.depth`, `engines`, `emitters`, `shared`",
        ),
    )

    @observes(Crossed)
    def on_crossed(self, crossed: Crossed) -> None:
        """Tell of both places, and of the path between."""
        code = self._code(crossed)
        if not self.recorder.enabled(code):
            return
        rule = self._rules[code]
        witnesses = Witnesses(
            self.label(crossed.reader), self.label(crossed.writer), None, None, crossed.why.format(owner="the writer")
        )
        path, held = shown(crossed.path, 300), shown(crossed.held, 120)
        why = crossed.why.format(owner=self.label(crossed.writer) or "another session")
        endpoint = current_endpoint()
        self.recorder.record(
            Finding(
                rule=code,
                severity=crossed.severity if crossed.severity is not Severity.ERROR else rule.severity,
                message=f"{path}: {held or 'a value'} of {self.label(crossed.writer) or 'another session'}"
                f" met the work of {self.label(crossed.reader) or 'somebody else'}: {why}",
                help=rule.help,
                remedy=crossed.remedy or None,
                target=path,
                witnesses=witnesses,
                site=_site(crossed.read, crossed.stack, self.runtime.config.limits.stack),
                site_label="read here" if crossed.stack else "overwritten here",
                origin=_site(crossed.written, (), 1),
                origin_label="written here",
                seen=time.time(),
                route=None if endpoint is None or endpoint.route is None else shown(endpoint.route, 300),
                method=None if endpoint is None else endpoint.method,
            )
        )

    def _code(self, crossed: Crossed) -> str:
        engines: tuple[Any, ...] = (*self.runtime.config.engines, *self.runtime.config.deprecations)
        engines = (*engines, *self.runtime.config.emitters)
        return "IA206" if {str(one.target) for one in engines} & {*crossed.classes} else "IA402"


def _site(place: Place, stack: RawStack, limit: int) -> Site:
    """The statement itself, and what had called it."""
    frames = [frame_of(*step) for step in stack[:limit] if not is_ours(step[0])]
    top = frame_at(place.file, place.line, place.function or "<module>")
    if frames and frames[0].file == top.file and frames[0].function == top.function:
        frames = frames[1:]
    return Site((top, *frames))
