"""Which agents there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_chat.agents import Agent, ResearchAgent, TriageAgent
from agent_chat.outlets import PersonalOutlet, SharedOutlet

if TYPE_CHECKING:
    from agent_chat.bridge import AgentWebSocketBridge
    from agent_chat.emitters import UserWebSocketEmitter
    from agent_chat.history import ChatHistory
    from agent_chat.model import LanguageModel


class AgentRegistry:
    """Knows the agents by name; one for the process."""

    agents: tuple[type[Agent], ...] = (TriageAgent, ResearchAgent)

    def __init__(self, model: LanguageModel, history: ChatHistory) -> None:
        self._model = model
        self._history = history
        self._classes: dict[str, type[Agent]] = {agent.name: agent for agent in self.agents}
        self._shared: dict[str, Agent] = {}

    def agent_class(self, name: str) -> type[Agent]:
        """Return the class of an agent.

        Raises:
            LookupError: if there is no such agent.
        """
        if name not in self._classes:
            raise LookupError(f"no agent is called {name!r}; there are {', '.join(self._classes)}")
        return self._classes[name]

    def new_agent(self, name: str, emitter: UserWebSocketEmitter) -> Agent:
        """Return a fresh agent that speaks to the emitter's user and to nobody else."""
        return self.agent_class(name)(self._model, self._history, PersonalOutlet(emitter))

    def shared_agent(self, name: str, bridge: AgentWebSocketBridge) -> Agent:
        """Return the one agent of this name that all users share. Deprecated, with the engine that needs it."""
        if name not in self._shared:
            self._shared[name] = self.agent_class(name)(self._model, self._history, SharedOutlet(bridge))
        return self._shared[name]


class AgentFactory:
    """Makes the agents of one engine, afresh."""

    def __init__(self, registry: AgentRegistry) -> None:
        self._registry = registry

    def create(self, name: str, emitter: UserWebSocketEmitter) -> Agent:
        """Return a fresh agent that speaks through this emitter."""
        return self._registry.new_agent(name, emitter)
