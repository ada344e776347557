"""From agents to WebSockets: the five events a client sees while an agent works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from agent_chat.connections import ConnectionManager

EventType = Literal["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
EVENT_TYPES: tuple[EventType, ...] = (
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
)
Data = dict[str, Any]


class AgentWebSocketBridge:
    """Puts events into messages; there is one for the whole process and it knows no user of its own."""

    def __init__(self, manager: ConnectionManager) -> None:
        self.manager = manager

    async def notify_agent_started(
        self, run_id: str, user_id: str, *, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        """Tell the user that the run has begun."""
        return await self._deliver("agent_started", run_id, user_id, thread_id, agent, data, seq)

    async def notify_agent_thinking(
        self, run_id: str, user_id: str, *, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        """Tell the user what the agent thinks."""
        return await self._deliver("agent_thinking", run_id, user_id, thread_id, agent, data, seq)

    async def notify_tool_executing(
        self, run_id: str, user_id: str, *, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        """Tell the user that a tool is at work."""
        return await self._deliver("tool_executing", run_id, user_id, thread_id, agent, data, seq)

    async def notify_tool_completed(
        self, run_id: str, user_id: str, *, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        """Tell the user what the tool found."""
        return await self._deliver("tool_completed", run_id, user_id, thread_id, agent, data, seq)

    async def notify_agent_completed(
        self, run_id: str, user_id: str, *, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        """Tell the user the answer."""
        return await self._deliver("agent_completed", run_id, user_id, thread_id, agent, data, seq)

    async def _deliver(
        self, event: EventType, run_id: str, user_id: str, thread_id: str, agent: str, data: Data, seq: int
    ) -> bool:
        message = {"type": event, "run_id": run_id, "thread_id": thread_id, "agent": agent, "data": data, "seq": seq}
        return await self.manager.send_to_user(user_id, message)
