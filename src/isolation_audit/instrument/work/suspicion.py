"""What is suspected of a context: it may have the wrong user, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.model.contexts import suspicion_variable

if TYPE_CHECKING:
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User


class Suspicion:
    """Of a context with the user ``ambient`` where ``owner`` would be right, or unknown.

    Where ``ambient`` is None, the context has lost ``owner``.
    """

    __slots__ = ("ambient", "how", "outer", "over", "owner", "read", "told", "watched")

    def __init__(self, how: str, ambient: User | None, owner: User | None) -> None:
        """Within the suspicion that the current context is under already, if any."""
        self.how = how
        self.ambient = ambient
        self.owner = owner
        self.over = False
        self.read: RawStack = ()
        """Where the variable was read first."""
        self.told: User | None = None
        """Whose request it was read in, where its headers, session or login say so: nothing of the context's."""
        self.watched = False
        """True once a thread has a profile function because of it."""
        outer: Suspicion | None = suspicion_variable.get()
        # One that is over may have been copied with its context, again and again: it must not become a chain.
        self.outer = None if outer is None or outer.over else outer
