"""AG2: conversations with which several users' work goes on, and agents that are built around their first user."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.agents import BuiltPoint, RunPoint
from isolation_audit.vocabulary.agents import AgentConversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_AGENT: Final = "ag2.agent:Agent"
_TURNS: Final = ("_make_run", "_execute")
"""What all ways to have an agent take a turn end in: a new question, and the next one to its reply."""


class AG2:
    """The integration; the users are those of the framework that serves the agent."""

    distribution = "ag2"
    since = "1.0"
    packages = ("ag2",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What makes an agent, and what has it take a turn."""
        made = f"{_AGENT}.__init__"
        yield Point(made, partial(BuiltPoint, made, runtime))
        for name in _TURNS:
            place = f"{_AGENT}.{name}"
            yield Point(place, partial(RunPoint, place, runtime, lambda layout: layout.receiver_reader()))
            yield Point(place, partial(TurnPoint, place, runtime))


class TurnPoint(Interceptor):
    """Around a turn, which goes on with what the stream of its context has had before."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._conversations = runtime.listener(AgentConversations)
        self._context = layout.argument("context")

    def before(self, values: Values) -> None:
        """A stream's number is its own, whatever stores its events."""
        stream = self._context(values).stream
        kept_in = type(stream.history.storage).__name__
        self._conversations.goes_on_under(f"the AG2 conversation in {kept_in}", str(stream.id))


integration = AG2()
