"""From a question to an answer: the part of the application that chooses the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from agent_chat.legacy_engine import ExecutionEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.factory import ExecutionEngineFactory
    from agent_chat.registry import AgentRegistry

PIPELINE = ("triage", "research")


class Engine(Protocol):
    """What a service needs of an engine, old or new."""

    async def execute_agent(self, context: UserExecutionContext, agent_name: str, question: str) -> str:
        """Let one agent answer."""

    async def execute_pipeline(self, context: UserExecutionContext, agent_names: Sequence[str], question: str) -> str:
        """Let several agents work; the last one answers."""

    def get_execution_stats(self) -> dict[str, Any]:
        """Return how much the engine has done."""

    async def cleanup(self) -> None:
        """Let go of what the engine holds."""


class ChatService(Protocol):
    """Answers questions."""

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question; the events reach the user meanwhile."""


async def legacy_engine_for(
    registry: AgentRegistry, bridge: AgentWebSocketBridge, context: UserExecutionContext
) -> Engine:
    """Return a deprecated engine for one run."""
    return ExecutionEngine(registry, bridge, context)


class LegacyChatService:
    """Answers with the deprecated engine."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._registry = registry
        self._bridge = bridge

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        engine = await legacy_engine_for(self._registry, self._bridge, context)
        try:
            return await engine.execute_pipeline(context, PIPELINE, question)
        finally:
            await engine.cleanup()


class UserChatService:
    """Answers with an engine made for the user by the factory."""

    def __init__(self, factory: ExecutionEngineFactory) -> None:
        self._factory = factory

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        async with self._factory.user_execution_engine(context) as engine:
            return await engine.execute_pipeline(context, PIPELINE, question)
