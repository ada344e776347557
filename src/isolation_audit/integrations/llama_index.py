"""LlamaIndex: chats with which several users' work goes on, and agents that are built around their first user."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.agents import BuiltPoint, RunPoint
from isolation_audit.vocabulary.agents import AgentConversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_MEMORY: Final = "llama_index.core.memory"
_BUFFER: Final = f"{_MEMORY}.types:BaseChatStoreMemory"
_SUMMARY: Final = f"{_MEMORY}.chat_summary_memory_buffer:ChatSummaryMemoryBuffer"
_BLOCKS: Final = f"{_MEMORY}.memory:Memory"

_PUTS: Final = (
    *(f"{_BUFFER}.{name}" for name in ("put", "aput")),
    *(f"{_SUMMARY}.{name}" for name in ("put", "aput")),
    *(f"{_BLOCKS}.{name}" for name in ("aput", "aput_messages")),
)
"""What all ways to add to a memory end in."""

_SETS: Final = (*(f"{_BUFFER}.{name}" for name in ("set", "aset", "reset")), f"{_BLOCKS}.aset", f"{_BLOCKS}.areset")
"""What takes away all that a memory has; a buffer that sums up does so by itself as well."""

_AGENT: Final = "llama_index.core.agent.workflow.base_agent:BaseWorkflowAgent"
_CHATS: Final = "the LlamaIndex chat"
_IN_MEMORY: Final = ":memory:"


class LlamaIndex:
    """The integration; the users are those of the framework that serves the engine or agent."""

    distribution = "llama-index-core"
    since = "0.13"
    packages = ("llama_index", "workflows")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What adds to a memory, what empties it, what makes an agent, and what runs it."""
        for place in _PUTS:
            yield Point(place, partial(PutPoint, place, runtime))
        for place in _SETS:
            yield Point(place, partial(SetPoint, place, runtime))
        made, runs = f"{_AGENT}.__init__", f"{_AGENT}.run"
        yield Point(made, partial(BuiltPoint, made, runtime))
        yield Point(runs, partial(RunPoint, runs, runtime, lambda layout: layout.receiver_reader()))


class MemoryPoint(Interceptor):
    """Around a method of a memory, which keeps a conversation in its store, under a key."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._conversations = runtime.listener(AgentConversations)
        self._memory = layout.receiver_reader()

    def _kept(self, values: Values) -> tuple[str, Any]:
        """The key, and the store."""
        fields = vars(self._memory(values))
        if "sql_store" in fields:
            return str(fields["session_id"]), fields["sql_store"]
        return str(fields["chat_store_key"]), fields["chat_store"]


class PutPoint(MemoryPoint):
    """Around what adds messages."""

    def before(self, values: Values) -> None:
        """Whoever adds a message goes on with what was said before."""
        key, store = self._kept(values)
        if _is_in_memory(store):
            self._conversations.goes_on_under(_CHATS, key, store)
        else:
            self._conversations.goes_on_under(f"{_CHATS} in {type(store).__name__}", key)


class SetPoint(MemoryPoint):
    """Around what puts other messages in the place of all that there were, or none."""

    def before(self, values: Values) -> None:
        """Nobody goes on with what is gone."""
        key, store = self._kept(values)
        if _is_in_memory(store):
            self._conversations.is_over(key, store)


def _is_in_memory(store: Any) -> bool:
    """True where no other object has what this store keeps."""
    fields = vars(store)
    return type(fields.get("store")) is dict or str(fields.get("async_database_uri", "")).endswith(_IN_MEMORY)


integration = LlamaIndex()
