"""What frameworks for agents do."""

from __future__ import annotations

from typing import Any


class AgentConversations:
    """Conversations that frameworks keep, under an id or in an object, and whose work goes on with them."""

    __slots__ = ()

    def goes_on(self, kind: str, held: object) -> None:
        """The running work adds to a conversation that an object of its own holds; ``kind`` says what it is."""

    def goes_on_under(self, kind: str, name: str, store: object = None) -> None:
        """The same where it is kept under a name, in this ``store`` alone, or else wherever all processes keep it."""

    def keeps(self, name: str, store: object) -> None:
        """The running work puts something into a store, under a name: nobody's yet, as long as nobody reads it."""

    def recalls(self, kind: str, name: str, store: object) -> None:
        """The running work asks the store for what is under this name, or under one that begins with it."""

    def forgets(self, name: str, store: object) -> None:
        """The store has nothing any more under this name, nor under those that begin with it."""

    def is_over(self, name: str, store: object) -> None:
        """The store has nothing under this name any more."""


class AgentBuilds:
    """Agents and their parts: in whose work they are built, and in whose they run."""

    __slots__ = ()

    def built(self, obj: Any) -> None:
        """An agent, or a part of one, was made."""

    def runs(self, target: str, obj: Any) -> None:
        """It is about to run."""
