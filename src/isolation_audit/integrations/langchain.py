"""LangChain: chat histories that several users' runs add to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.agents import AgentConversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_RUNS: Final = "langchain_core.runnables.history:RunnableWithMessageHistory"
_ENDS: Final = (f"{_RUNS}._exit_history", f"{_RUNS}._aexit_history")
_HISTORY: Final = "the LangChain chat history"


class LangChain:
    """The integration; graphs and agents are LangGraph's."""

    distribution = "langchain-core"
    since = "1.0"
    packages = ("langchain", "langchain_core")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What adds a run's messages to the history that was found for it."""
        for place in _ENDS:
            yield Point(place, partial(AddingPoint, place, runtime))


class AddingPoint(Interceptor):
    """Around the end of a run."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._conversations = runtime.listener(AgentConversations)
        self._config = layout.argument("config")

    def before(self, values: Values) -> None:
        """Whoever runs it goes on with that history; one in a database is made anew for each run."""
        history = self._config(values)["configurable"]["message_history"]
        session = _session_of(history)
        if session:
            self._conversations.goes_on_under(f"{_HISTORY} in {type(history).__name__}", session)
        else:
            self._conversations.goes_on(_HISTORY, history)


def _session_of(history: Any) -> str:
    fields = getattr(history, "__dict__", {})
    session = next((fields[name] for name in ("session_id", "_session_id") if name in fields), "")
    return str(session) if type(session) is str or type(session) is int else ""


integration = LangChain()
