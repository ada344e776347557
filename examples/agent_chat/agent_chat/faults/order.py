"""Agents that lose an event of a run, or report it at the wrong moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_chat.agents import ResearchAgent, TriageAgent
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.registry import AgentRegistry
from agent_chat.tools import tools_for

if TYPE_CHECKING:
    from agent_chat.runs import AgentRun


class SilentTriage(TriageAgent):
    """Takes the question in by itself, and forgets what else the base class does there."""

    async def begin(self, run: AgentRun) -> None:
        """Take the question in."""
        self.outlet.begin_step(run)
        self.history.add(run.context.user_id, run.context.run_id, "user", run.question)


class BelatedTriage(SilentTriage):
    """Announces the run only once the model has answered: it may be overloaded."""

    async def work(self, run: AgentRun) -> None:
        """Think, then say that the run has begun."""
        await super().work(run)
        await self._emit("agent_started", run, {})


class TalkativeResearch(ResearchAgent):
    """Has one more thought after the answer."""

    async def answer(self, run: AgentRun) -> str:
        """Answer the question, and go on."""
        answer = await super().answer(run)
        await self._emit("agent_thinking", run, {"thought": "Keep this answer for later questions."})
        return answer


class FrugalResearch(ResearchAgent):
    """Has nothing to say about tools that found nothing."""

    async def work(self, run: AgentRun) -> None:
        """Plan, then use the tools one after another."""
        await self._think(run, "plan how to answer")
        for tool in tools_for(run, self.history, self.model):
            await self._emit("tool_executing", run, {"tool": tool.name})
            result = await tool.use()
            if result.get("hits") == []:
                continue
            await self._emit("tool_completed", run, {"tool": tool.name, "result": result})


class ModestResearch(ResearchAgent):
    """Returns its answer and leaves it to the engine to announce it, which the engine leaves to the agent."""

    async def answer(self, run: AgentRun) -> str:
        """Answer the question."""
        self.outlet.begin_step(run)
        answer = await self.model.complete(f"{self.name} answers: {run.question}")
        self.history.add(run.context.user_id, run.context.run_id, "agent", answer)
        return answer


class _SilentRegistry(AgentRegistry):
    agents = (SilentTriage, ResearchAgent)


class _BelatedRegistry(AgentRegistry):
    agents = (BelatedTriage, ResearchAgent)


class _TalkativeRegistry(AgentRegistry):
    agents = (TriageAgent, TalkativeResearch)


class _FrugalRegistry(AgentRegistry):
    agents = (TriageAgent, FrugalResearch)


class _ModestRegistry(AgentRegistry):
    agents = (TriageAgent, ModestResearch)


class MissingStart(FaultyApplication):
    """No run says that it has begun."""

    registry_class = _SilentRegistry


class LateStart(FaultyApplication):
    """Every run says that it has begun after its first thought."""

    registry_class = _BelatedRegistry


class ThinkingAfterEnd(FaultyApplication):
    """Every run thinks once more after its end."""

    registry_class = _TalkativeRegistry


class LostToolCompleted(FaultyApplication):
    """A tool that found nothing never ends: at least in each user's first run, whose history is empty."""

    registry_class = _FrugalRegistry


class NeverCompleted(FaultyApplication):
    """No run says that it has ended, and still all of them end."""

    registry_class = _ModestRegistry
