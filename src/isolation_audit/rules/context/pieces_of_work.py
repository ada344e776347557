"""What a thread, or a long-lived task, takes up one after the other: jobs, requests, queued items."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any

from isolation_audit.model.runners import OfRunner, runner
from isolation_audit.model.running import running_loop
from isolation_audit.rules.context.task_origins import Turn

if TYPE_CHECKING:
    from isolation_audit.instrument.work.suspicion import Suspicion
    from isolation_audit.model.users import User
    from isolation_audit.rules.context.brought_contexts import KeptContext
    from isolation_audit.rules.context.context_residue import Job


class PieceOfWork(OfRunner):
    """One job, or the time from one item of a queue to the next, in the context that it is done in."""

    __slots__ = ("job", "kept", "looks", "native", "owner", "suspicion", "trail", "turn")

    elsewhere = False

    def __init__(self, owner: User | None, native: User | None) -> None:
        super().__init__()
        self.owner = owner
        """Who submitted or queued it."""
        self.native = native
        """The user of the context when it began."""
        self.suspicion: Suspicion | None = None
        self.kept: KeptContext | None = None
        self.looks = False
        """True where the thread looks because of what is suspected of the context that it does this in."""
        self.turn: Turn | None = None
        """What stands for it; None for a part of another one."""
        self.trail: Any = None
        self.job: Job | None = None
        """What it finds in other variables, and leaves there."""


class Elsewhere(Turn):
    """An item that brought its own context: what it finds and leaves is in there, and not in the thread's."""

    __slots__ = ("looks",)

    elsewhere = True
    native: User | None = None

    def __init__(self) -> None:
        # As its base does: one is made for each job of a worker's thread, on which no loop runs, as a rule.
        self.runner = get_ident() if running_loop() is None else runner()
        self.over = self.looks = False

    @property
    def turn(self) -> Turn:
        """It is one by itself."""
        return self
