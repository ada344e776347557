"""What takes longer than users will wait; ``AGENT_CHAT_SLOW_SECONDS`` says how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent_chat.agents import ResearchAgent, TriageAgent
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.registry import AgentRegistry

if TYPE_CHECKING:
    from agent_chat.agents import Agent
    from agent_chat.emitters import UserWebSocketEmitter
    from agent_chat.runs import AgentRun
    from agent_chat.settings import Settings


class SlowResearch(ResearchAgent):
    """Asks an index for context that nobody has ever tuned; the connection to it takes its time to close, too."""

    seconds_to_look_up = 0.0
    seconds_to_close = 0.0

    async def work(self, run: AgentRun) -> None:
        """Look the question up, then work as usual."""
        await asyncio.sleep(self.seconds_to_look_up)
        await super().work(run)

    async def close(self) -> None:
        """Wait for the index to confirm."""
        await asyncio.sleep(self.seconds_to_close)
        await super().close()


class SlowRegistry(AgentRegistry):
    """Tells its agents how slow they are."""

    agents = (TriageAgent, SlowResearch)
    seconds_to_look_up = 0.0
    seconds_to_close = 0.0

    def new_agent(self, name: str, emitter: UserWebSocketEmitter) -> Agent:
        """Return a fresh agent."""
        agent = super().new_agent(name, emitter)
        if isinstance(agent, SlowResearch):
            agent.seconds_to_look_up = self.seconds_to_look_up
            agent.seconds_to_close = self.seconds_to_close
        return agent


class _Slow(FaultyApplication):
    registry_class = SlowRegistry
    registry: SlowRegistry

    def _seconds(self, default: float) -> float:
        return default if self.settings.slow_seconds is None else self.settings.slow_seconds


class SlowRun(_Slow):
    """Every run takes longer than 2 seconds."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.registry.seconds_to_look_up = self._seconds(2.2)


class SlowCleanup(_Slow):
    """Cleaning up after a run takes longer than 1 second."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.registry.seconds_to_close = self._seconds(1.2)
