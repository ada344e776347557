"""One question on its way through the agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_chat.contexts import UserExecutionContext


@dataclass
class AgentRun:
    """A user's question, and how many events it has caused so far; made for one run and never shared."""

    context: UserExecutionContext
    question: str
    events: int = 0

    def next_seq(self) -> int:
        """Return the number of the run's next event, from 1 on."""
        self.events += 1
        return self.events
