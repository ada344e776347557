"""A user's own way to the WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_chat.bridge import AgentWebSocketBridge, Data
    from agent_chat.contexts import UserExecutionContext


class UserWebSocketEmitter:
    """Emits the events of one run; the addressee is fixed when it is made and can't change afterwards."""

    def __init__(self, user_context: UserExecutionContext, bridge: AgentWebSocketBridge) -> None:
        self.user_context = user_context
        self.bridge = bridge

    async def emit_agent_started(self, agent: str, data: Data, seq: int) -> bool:
        """Say that the run has begun."""
        to = self.user_context
        return await self.bridge.notify_agent_started(
            to.run_id, to.user_id, thread_id=to.thread_id, agent=agent, data=data, seq=seq
        )

    async def emit_agent_thinking(self, agent: str, data: Data, seq: int) -> bool:
        """Say what the agent thinks."""
        to = self.user_context
        return await self.bridge.notify_agent_thinking(
            to.run_id, to.user_id, thread_id=to.thread_id, agent=agent, data=data, seq=seq
        )

    async def emit_tool_executing(self, agent: str, data: Data, seq: int) -> bool:
        """Say that a tool is at work."""
        to = self.user_context
        return await self.bridge.notify_tool_executing(
            to.run_id, to.user_id, thread_id=to.thread_id, agent=agent, data=data, seq=seq
        )

    async def emit_tool_completed(self, agent: str, data: Data, seq: int) -> bool:
        """Say what the tool found."""
        to = self.user_context
        return await self.bridge.notify_tool_completed(
            to.run_id, to.user_id, thread_id=to.thread_id, agent=agent, data=data, seq=seq
        )

    async def emit_agent_completed(self, agent: str, data: Data, seq: int) -> bool:
        """Say the answer."""
        to = self.user_context
        return await self.bridge.notify_agent_completed(
            to.run_id, to.user_id, thread_id=to.thread_id, agent=agent, data=data, seq=seq
        )
