"""Through what an agent speaks: its user's own emitter, or, in the deprecated engine, something all users share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agent_chat.bridge import AgentWebSocketBridge, Data, EventType
    from agent_chat.emitters import UserWebSocketEmitter
    from agent_chat.runs import AgentRun


class Outlet(Protocol):
    """What an agent needs in order to report on its work."""

    def begin_step(self, run: AgentRun) -> None:
        """Note that the agent now turns to this run."""

    async def emit(self, event: EventType, run: AgentRun, agent: str, data: Data) -> None:
        """Report an event of this run."""


class PersonalOutlet:
    """Speaks through the emitter of one user, whatever happens meanwhile."""

    def __init__(self, emitter: UserWebSocketEmitter) -> None:
        self._emitter = emitter

    def begin_step(self, run: AgentRun) -> None:
        """Nothing to note: there is only one user here."""

    async def emit(self, event: EventType, run: AgentRun, agent: str, data: Data) -> None:
        """Report an event to the emitter's user."""
        emit = getattr(self._emitter, f"emit_{event}")
        await emit(agent, data, run.next_seq())


class SharedOutlet:
    """Speaks to "the current user", as agents did before users had emitters of their own. Deprecated.

    There is one of these per shared agent, so while one run waits for the model, the next one overwrites ``user_id``;
    what the first run reports after waiting then goes to the wrong user. Only the addressee is wrong, which is why this
    passed its tests for so long: with one user at a time, nothing shows.
    """

    def __init__(self, bridge: AgentWebSocketBridge) -> None:
        self._bridge = bridge
        self.user_id = ""

    def begin_step(self, run: AgentRun) -> None:
        """Remember whom the agent works for, until somebody else's step begins."""
        self.user_id = run.context.user_id

    async def emit(self, event: EventType, run: AgentRun, agent: str, data: Data) -> None:
        """Report an event to whoever is remembered now."""
        notify = getattr(self._bridge, f"notify_{event}")
        context = run.context
        await notify(
            context.run_id, self.user_id, thread_id=context.thread_id, agent=agent, data=data, seq=run.next_seq()
        )
