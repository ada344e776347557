"""LangGraph: threads that a checkpointer keeps, and graphs that are built around their first user.

LangChain's own agents are such graphs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.agents import BuiltPoint
from isolation_audit.vocabulary.agents import AgentBuilds, AgentConversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_LOOP: Final = "langgraph.pregel._loop:PregelLoop.__init__"
_NODE: Final = "langgraph.pregel._read:PregelNode.__init__"
_MEMORY: Final = "langgraph.checkpoint.memory"
_THREAD: Final = "the LangGraph thread"


class LangGraph:
    """The integration; the users are those of the framework that serves the graph."""

    distribution = "langgraph"
    since = "1.0"
    packages = ("langgraph",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What makes the nodes of a graph, and the beginning of each run, of subgraphs as well."""
        yield Point(_NODE, partial(BuiltPoint, _NODE, runtime))
        yield Point(_LOOP, partial(LoopPoint, runtime))


class LoopPoint(Interceptor):
    """Around the beginning of a run."""

    place = _LOOP

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        self._conversations = runtime.listener(AgentConversations)
        self._builders = runtime.listener(AgentBuilds)
        self._input = layout.argument("input")
        self._config, self._checkpointer = layout.argument("config"), layout.argument("checkpointer")
        self._nodes = layout.argument("nodes")

    def before(self, values: Values) -> None:
        """Compare whose thread it is, and for whom the graph was built, with whose work runs it."""
        for node in list(self._nodes(values).values()):
            self._builders.runs(_LOOP, node)
        asked = self._config(values).get("configurable") or {}
        thread, checkpointer = asked.get("thread_id"), self._checkpointer(values)
        if thread is None or checkpointer is None or asked.get("checkpoint_ns"):
            return
        # Who goes on with what was interrupted may be somebody else on purpose: whoever has to agree.
        if _begins(self._input(values)):
            self._goes_on(checkpointer, str(thread))

    def _goes_on(self, checkpointer: Any, thread: str) -> None:
        """In memory it is one checkpointer's own thread; in a database, that of everybody who opens it."""
        kind = type(checkpointer)
        if not any(one.__module__.startswith(_MEMORY) for one in kind.__mro__):
            self._conversations.goes_on_under(f"{_THREAD} in {kind.__name__}", thread)
            return
        if thread not in vars(checkpointer).get("storage", (thread,)):
            self._conversations.is_over(thread, checkpointer)
        self._conversations.goes_on_under(_THREAD, thread, checkpointer)


def _begins(asked: Any) -> bool:
    """True for a message, and not for what resumes an interrupted run."""
    return asked is not None and type(asked).__name__ != "Command"


integration = LangGraph()
