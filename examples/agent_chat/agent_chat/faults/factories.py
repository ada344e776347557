"""Factories that are not what they should be, and engines that nobody lets go of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent_chat.emitters import UserWebSocketEmitter
from agent_chat.factory import ExecutionEngineFactory
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.registry import AgentFactory
from agent_chat.service import PIPELINE
from agent_chat.user_engine import UserExecutionEngine

if TYPE_CHECKING:
    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.registry import AgentRegistry
    from agent_chat.service import ChatService

_ACTIVE: list[UserExecutionEngine] = []
"""Engines at work, for a dashboard."""


class KeepingFactory(ExecutionEngineFactory):
    """Enters each engine into a list; taking it out again was to come with the dashboard."""

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return a new engine for the context's user."""
        engine = await super().create_for_user(context)
        _ACTIVE.append(engine)
        return engine


class QuickFactory:
    """A second factory, for short questions."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._agents = AgentFactory(registry)
        self._bridge = bridge

    def create_quick_engine(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return another engine for the context's user."""
        return UserExecutionEngine(context, self._agents, UserWebSocketEmitter(context, self._bridge))


class TwofoldChatService:
    """Has an engine ready for short questions beside the one that answers."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._factory = ExecutionEngineFactory(registry, bridge)
        self._quick = QuickFactory(registry, bridge)

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        async with self._factory.user_execution_engine(context) as engine:
            quick = self._quick.create_quick_engine(context)
            try:
                return await engine.execute_pipeline(context, PIPELINE, question)
            finally:
                await quick.cleanup()


_factory: ExecutionEngineFactory | None = None


async def shared_factory(registry: AgentRegistry, bridge: AgentWebSocketBridge) -> ExecutionEngineFactory:
    """Return the one factory; made by whoever asks first."""
    global _factory  # noqa: PLW0603 - the pattern that the fault is about
    if _factory is None:
        await asyncio.sleep(0.2)  # as if it had to connect
        _factory = ExecutionEngineFactory(registry, bridge)
    return _factory


class LazyChatService:
    """Gets its factory when a user asks for the first time, and remembers it for that user."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._registry = registry
        self._bridge = bridge
        self._factories: dict[str, ExecutionEngineFactory] = {}

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        factory = self._factories.get(context.user_id) or await shared_factory(self._registry, self._bridge)
        self._factories[context.user_id] = factory
        async with factory.user_execution_engine(context) as engine:
            return await engine.execute_pipeline(context, PIPELINE, question)


class KeptEngines(FaultyApplication):
    """Every engine stays in a list."""

    factory_class = KeepingFactory


class TwoFactories(FaultyApplication):
    """Every user has two engines at once, from two factories."""

    def _service(self) -> ChatService:
        return TwofoldChatService(self.registry, self.bridge)


class RacedFactory(FaultyApplication):
    """The first users make a factory each."""

    def _service(self) -> ChatService:
        return LazyChatService(self.registry, self.bridge)
