"""The deprecated engine. Its agents are shared by all users: see :class:`agent_chat.outlets.SharedOutlet`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_chat.runs import AgentRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.registry import AgentRegistry


class ExecutionEngine:
    """Deprecated: use :meth:`agent_chat.user_engine.UserExecutionEngine.create_from_legacy`."""

    def __init__(
        self,
        registry: AgentRegistry,
        websocket_bridge: AgentWebSocketBridge,
        user_context: UserExecutionContext | None = None,
    ) -> None:
        self.registry = registry
        self.websocket_bridge = websocket_bridge
        self.user_context = user_context
        self._runs = 0
        self._events = 0

    async def execute_agent(self, context: UserExecutionContext, agent_name: str, question: str) -> str:
        """Let one agent answer the question."""
        return await self.execute_pipeline(context, [agent_name], question)

    async def execute_pipeline(self, context: UserExecutionContext, agent_names: Sequence[str], question: str) -> str:
        """Let several agents work on the question; the last one answers."""
        agents = [self.registry.shared_agent(name, self.websocket_bridge) for name in agent_names]
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
        return {"engine": "legacy", "runs": self._runs, "events": self._events}

    async def cleanup(self) -> None:
        """Nothing of this engine's own to let go."""
