"""The canonical engine: made for one user and one run, with agents and an emitter of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_chat.contexts import UserExecutionContext
from agent_chat.runs import AgentRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_chat.agents import Agent
    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.emitters import UserWebSocketEmitter
    from agent_chat.registry import AgentFactory, AgentRegistry

PLACEHOLDER_USER = "legacy_user"
"""For whom an engine works when old code asks for one without saying for whom."""


class UserExecutionEngine:
    """Runs agents for one user; :class:`agent_chat.factory.ExecutionEngineFactory` is the place that makes it."""

    def __init__(
        self, context: UserExecutionContext, agent_factory: AgentFactory, websocket_emitter: UserWebSocketEmitter
    ) -> None:
        self.context = context
        self._agent_factory = agent_factory
        self._emitter = websocket_emitter
        self._agents: dict[str, Agent] = {}
        self._runs = 0
        self._events = 0

    @classmethod
    async def create_from_legacy(
        cls,
        registry: AgentRegistry,
        websocket_bridge: AgentWebSocketBridge,
        user_context: UserExecutionContext | None = None,
    ) -> UserExecutionEngine:
        """Make an engine from what the deprecated one was made of; without a context, for a placeholder user."""
        from agent_chat.factory import ExecutionEngineFactory  # it imports this module

        context = user_context or UserExecutionContext(
            user_id=PLACEHOLDER_USER,
            thread_id="thread_legacy",
            run_id="run_thread_legacy_0_00000000",
            request_id="req_legacy",
        )
        return await ExecutionEngineFactory(registry, websocket_bridge).create_for_user(context)

    async def execute_agent(self, context: UserExecutionContext, agent_name: str, question: str) -> str:
        """Let one agent answer the question."""
        return await self.execute_pipeline(context, [agent_name], question)

    async def execute_pipeline(self, context: UserExecutionContext, agent_names: Sequence[str], question: str) -> str:
        """Let several agents work on the question; the last one answers.

        Raises:
            PermissionError: if the context is another user's.
        """
        if context.user_id != self.context.user_id:
            raise PermissionError("this engine was made for another user")
        agents = [self._agent(name) for name in agent_names]
        run = AgentRun(context, question)
        await agents[0].begin(run)
        for agent in agents:
            await agent.work(run)
        answer = await agents[-1].answer(run)
        self._runs += 1
        self._events += run.events
        return answer

    def get_execution_stats(self) -> dict[str, Any]:
        """Return how much this engine has done."""
        return {"engine": "user", "runs": self._runs, "events": self._events}

    async def cleanup(self) -> None:
        """Let go of the agents."""
        for agent in self._agents.values():
            await agent.close()
        self._agents.clear()

    def _agent(self, name: str) -> Agent:
        if name not in self._agents:
            self._agents[name] = self._agent_factory.create(name, self._emitter)
        return self._agents[name]
