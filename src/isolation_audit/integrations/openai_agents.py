"""The OpenAI Agents SDK: sessions that several users' runs add to, and agents built around their first user."""

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

_AGENT: Final = "agents.agent:Agent.__init__"
_RUNS: Final = ("agents.run:AgentRunner.run", "agents.run:AgentRunner.run_streamed")
_ADDS: Final = (
    "agents.memory.sqlite_session:SQLiteSession.add_items",
    "agents.extensions.memory.sqlalchemy_session:SQLAlchemySession.add_items",
    "agents.extensions.memory.redis_session:RedisSession.add_items",
)
_SESSION: Final = "the session of the OpenAI Agents SDK"
_IN_MEMORY: Final = ":memory:"


class OpenAIAgents:
    """The integration; the users are those of the framework that serves the agent."""

    distribution = "openai-agents"
    since = "0.3"
    packages = ("agents",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What makes an agent, what runs it, and what adds a run's items to its session."""
        yield Point(_AGENT, partial(BuiltPoint, _AGENT, runtime))
        for place in _RUNS:
            yield Point(place, partial(RunPoint, place, runtime, lambda layout: layout.argument("starting_agent")))
        for place in _ADDS:
            yield Point(place, partial(AddingPoint, place, runtime))


class AddingPoint(Interceptor):
    """Around what adds items to a session."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._conversations = runtime.listener(AgentConversations)
        self._session = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Whoever runs an agent with it goes on with it."""
        session = self._session(values)
        fields = vars(session)
        if str(fields.get("db_path")) == _IN_MEMORY:
            self._conversations.goes_on(_SESSION, session)
        else:
            name = fields.get("session_id")
            self._conversations.goes_on_under(f"{_SESSION} in {type(session).__name__}", str(name))


integration = OpenAIAgents()
