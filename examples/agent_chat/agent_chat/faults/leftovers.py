"""What a run leaves behind: a task that goes on, an engine that nobody cleans up, an event that is lost on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent_chat.bridge import AgentWebSocketBridge
from agent_chat.factory import ExecutionEngineFactory
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.service import PIPELINE, UserChatService

if TYPE_CHECKING:
    from agent_chat.bridge import Data, EventType
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.registry import AgentRegistry
    from agent_chat.service import ChatService

# --- left_tasks ------------------------------------------------------------------------------------------------------

SECONDS_TO_LOOK_UP = 1.2
"""How long the profile takes that each answer waits for."""


class WatchingChatService(UserChatService):
    """Watches for each question whether the user writes again; nobody tells the watch that the user has gone."""

    def __init__(self, factory: ExecutionEngineFactory) -> None:
        super().__init__(factory)
        self._watches: set[asyncio.Task[None]] = set()

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        self._watches.add(asyncio.create_task(self._watch(context)))
        await asyncio.sleep(SECONDS_TO_LOOK_UP)
        return await super().ask(context, question)

    @staticmethod
    async def _watch(_context: UserExecutionContext) -> None:
        await asyncio.Event().wait()


class LeftTasks(FaultyApplication):
    """A task for each question never ends."""

    def _service(self) -> ChatService:
        return WatchingChatService(ExecutionEngineFactory(self.registry, self.bridge))


# --- forgotten_cleanup -----------------------------------------------------------------------------------------------


class HurriedChatService:
    """Cleans up after the first question of each user, and not after the others."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._factory = ExecutionEngineFactory(registry, bridge)
        self._known: set[str] = set()

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        engine = await self._factory.create_for_user(context)
        answer = await engine.execute_pipeline(context, PIPELINE, question)
        if context.user_id in self._known:
            return answer  # the quick way out, past the clean-up
        self._known.add(context.user_id)
        await engine.cleanup()
        return answer


class ForgottenCleanup(FaultyApplication):
    """The engines of second questions are never cleaned up."""

    def _service(self) -> ChatService:
        return HurriedChatService(self.registry, self.bridge)


# --- lost_in_bridge --------------------------------------------------------------------------------------------------


class FilteringBridge(AgentWebSocketBridge):
    """Keeps results of tools from clients that would not show them; it takes all for such clients."""

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        if event == "tool_completed":
            return True
        return await super()._deliver(event, run_id, user_id, thread_id, agent, data, seq)


class LostInBridge(FaultyApplication):
    """Results of tools are emitted, and come no further than the bridge."""

    bridge_class = FilteringBridge
