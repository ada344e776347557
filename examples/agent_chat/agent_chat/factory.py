"""Where user engines come from."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agent_chat.emitters import UserWebSocketEmitter
from agent_chat.registry import AgentFactory
from agent_chat.user_engine import UserExecutionEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.registry import AgentRegistry


class ExecutionEngineFactory:
    """Makes engines that share nothing but the model, the history and the way to the WebSockets."""

    def __init__(self, registry: AgentRegistry, websocket_bridge: AgentWebSocketBridge) -> None:
        self._registry = registry
        self._bridge = websocket_bridge

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return a new engine for the context's user."""
        return UserExecutionEngine(context, AgentFactory(self._registry), UserWebSocketEmitter(context, self._bridge))

    @asynccontextmanager
    async def user_execution_engine(self, context: UserExecutionContext) -> AsyncIterator[UserExecutionEngine]:
        """Give out an engine for the context's user, and clean it up afterwards."""
        engine = await self.create_for_user(context)
        try:
            yield engine
        finally:
            await engine.cleanup()
