"""Events that are sent twice, or whose loss nobody notices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from agent_chat.agents import ResearchAgent, TriageAgent
from agent_chat.bridge import AgentWebSocketBridge
from agent_chat.connections import ConnectionManager
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.registry import AgentRegistry

if TYPE_CHECKING:
    from agent_chat.bridge import Data, EventType
    from agent_chat.runs import AgentRun

log = logging.getLogger(__name__)

# --- duplicate_after_retry -------------------------------------------------------------------------------------------


class RetryingBridge(AgentWebSocketBridge):
    """Tries again what clients reported as lost; the loop was to end at the first success."""

    attempts = 2
    retried = ("agent_thinking", "tool_completed")

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        delivered = False
        for _ in range(self.attempts if event in self.retried else 1):
            delivered = await super()._deliver(event, run_id, user_id, thread_id, agent, data, seq) or delivered
        return delivered


class DuplicateAfterRetry(FaultyApplication):
    """Thoughts and results of tools reach their user twice."""

    bridge_class = RetryingBridge


# --- swallowed_delivery ----------------------------------------------------------------------------------------------


class TracingTriage(TriageAgent):
    """Reports its thoughts with the words that led to them: a set, which JSON does not know."""

    async def work(self, run: AgentRun) -> None:
        """Think once."""
        self.outlet.begin_step(run)
        thought = await self.model.complete(f"{self.name}, decide how to go about: {run.question}")
        await self._emit("agent_thinking", run, {"thought": thought, "words": set(thought.split())})


class TracingRegistry(AgentRegistry):
    """Has an agent that reports more than can be written down."""

    agents = (TracingTriage, ResearchAgent)


class ForgivingBridge(AgentWebSocketBridge):
    """Never fails: an event less is better than a run less."""

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        try:
            await super()._deliver(event, run_id, user_id, thread_id, agent, data, seq)
        except Exception:
            log.debug("%s of %s was not delivered", event, run_id, exc_info=True)
        return True


class SwallowedDelivery(FaultyApplication):
    """The first thought of each run can't be sent, and counts as sent."""

    registry_class = TracingRegistry
    bridge_class = ForgivingBridge


# --- failed_delivery -------------------------------------------------------------------------------------------------


class ThrottledConnections(ConnectionManager):
    """Lets one thought of a run through and drops the others; that this returns False was thought to be enough."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._thinking: set[str] = set()

    async def _send(self, connection_ids: list[str], message: dict[str, Any]) -> int:
        if message["type"] == "agent_thinking":
            if message["run_id"] in self._thinking:
                return 0
            self._thinking.add(message["run_id"])
        elif message["type"] == "agent_completed":
            self._thinking.discard(message["run_id"])
        return await super()._send(connection_ids, message)


class FailedDelivery(FaultyApplication):
    """The second thought of each run is not delivered."""

    manager_class = ThrottledConnections
