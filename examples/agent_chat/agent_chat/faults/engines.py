"""Engines that are built wrongly, and then work all the same."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from agent_chat.contexts import UserExecutionContext
from agent_chat.emitters import UserWebSocketEmitter
from agent_chat.factory import ExecutionEngineFactory
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.registry import AgentFactory
from agent_chat.service import PIPELINE
from agent_chat.user_engine import UserExecutionEngine

if TYPE_CHECKING:
    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.registry import AgentRegistry
    from agent_chat.service import ChatService

VISITOR = UserExecutionContext("anonymous", "thread_visitor", "run_visitor", "req_visitor")
"""For whom engines are prepared while the profile is still being looked up."""


class HastyFactory(ExecutionEngineFactory):
    """Prepares the engine first, and asks afterwards whom it is for."""

    placeholder: UserExecutionContext | None = None

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return an engine that was built for nobody in particular and handed over to the user."""
        engine = await super().create_for_user(cast("UserExecutionContext", self.placeholder))
        engine.context = context
        engine._emitter = UserWebSocketEmitter(context, self._bridge)  # noqa: SLF001 - code in a hurry does such things
        return engine


class VisitorFactory(HastyFactory):
    """Prepares the engine for a visitor."""

    placeholder = VISITOR


class LooseFactory(ExecutionEngineFactory):
    """Passes on what came out of a JSON round trip in place of the context: it has the same attributes, after all."""

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return a new engine for the user, with a lookalike of the context in it."""
        return await super().create_for_user(cast("UserExecutionContext", SimpleNamespace(**asdict(context))))


class DirectChatService:
    """Builds its engines itself: calling the constructor is one import less."""

    def __init__(self, registry: AgentRegistry, bridge: AgentWebSocketBridge) -> None:
        self._agents = AgentFactory(registry)
        self._bridge = bridge

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        engine = UserExecutionEngine(context, self._agents, UserWebSocketEmitter(context, self._bridge))
        try:
            return await engine.execute_pipeline(context, PIPELINE, question)
        finally:
            await engine.cleanup()


class AnonymousUser(FaultyApplication):
    """Every engine is built for the anonymous visitor."""

    factory_class = VisitorFactory


class UserlessEngine(FaultyApplication):
    """Every engine is built without a context."""

    factory_class = HastyFactory


class LookalikeContext(FaultyApplication):
    """Every engine is built with something that merely looks like a context."""

    factory_class = LooseFactory


class DirectConstruction(FaultyApplication):
    """Every engine is built past the factory."""

    def _service(self) -> ChatService:
        return DirectChatService(self.registry, self.bridge)
