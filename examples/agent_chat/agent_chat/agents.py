"""The agents: triage looks at a question first, research answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_chat.tools import tools_for

if TYPE_CHECKING:
    from agent_chat.bridge import Data, EventType
    from agent_chat.history import ChatHistory
    from agent_chat.model import LanguageModel
    from agent_chat.outlets import Outlet
    from agent_chat.runs import AgentRun


class Agent:
    """What every agent can do: begin a run, work on it, answer it.

    All that belongs to a run is in its ``run`` argument; what an agent says goes through its outlet.
    """

    name = "agent"

    def __init__(self, model: LanguageModel, history: ChatHistory, outlet: Outlet) -> None:
        self.model = model
        self.history = history
        self.outlet = outlet

    async def begin(self, run: AgentRun) -> None:
        """Take the question in."""
        self.outlet.begin_step(run)
        self.history.add(run.context.user_id, run.context.run_id, "user", run.question)
        await self._emit("agent_started", run, {})

    async def work(self, run: AgentRun) -> None:
        """Do this agent's part of the run."""
        await self._think(run, "consider")

    async def answer(self, run: AgentRun) -> str:
        """Answer the question and end the run."""
        self.outlet.begin_step(run)
        answer = await self.model.complete(f"{self.name} answers: {run.question}")
        self.history.add(run.context.user_id, run.context.run_id, "agent", answer)
        await self._emit("agent_completed", run, {"answer": answer})
        return answer

    async def close(self) -> None:
        """Let go of what the agent holds: nothing, unless a subclass does."""

    async def _think(self, run: AgentRun, what: str) -> None:
        self.outlet.begin_step(run)
        thought = await self.model.complete(f"{self.name}, {what}: {run.question}")
        await self._emit("agent_thinking", run, {"thought": thought})

    async def _emit(self, event: EventType, run: AgentRun, data: Data) -> None:
        await self.outlet.emit(event, run, self.name, {"question": run.question, **data})


class TriageAgent(Agent):
    """Decides how to go about a question."""

    name = "triage"

    async def work(self, run: AgentRun) -> None:
        """Think once, and leave the work to others."""
        await self._think(run, "decide how to go about")


class ResearchAgent(Agent):
    """Answers a question with the help of tools."""

    name = "research"

    async def work(self, run: AgentRun) -> None:
        """Plan, then use the tools one after another."""
        await self._think(run, "plan how to answer")
        for tool in tools_for(run, self.history, self.model):
            await self._emit("tool_executing", run, {"tool": tool.name})
            result = await tool.use()
            await self._emit("tool_completed", run, {"tool": tool.name, "result": result})
