"""Starters: in whose work a task, a thread or a timer was started, which has its context, and whether that is over.

A task ends by itself. A thread that serves one request or job after the other lives on: there the turn ends.
"""

from __future__ import annotations

import weakref
from threading import Thread
from typing import TYPE_CHECKING, Any

from isolation_audit.model.contexts import task_origin_variable
from isolation_audit.model.runners import OfRunner, runner
from isolation_audit.model.running import running_task
from isolation_audit.model.users import same

if TYPE_CHECKING:
    import asyncio

    from isolation_audit.model.users import User


class Turn(OfRunner):
    """One of the many pieces of work that a thread or a task does: a request, a job, a queued item."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.runner = runner()  # as the base does: one is made for each job of a worker's thread
        self.over = False


class TaskOrigin:
    """One user's task or thread that has started others; they inherit a reference to it with its context."""

    __slots__ = ("_turn", "_unit", "before", "noted", "served", "user")

    def __init__(
        self, unit: asyncio.Task[Any] | Thread, user: User, turn: Turn | None, before: TaskOrigin | None
    ) -> None:
        """``turn`` is what ``unit`` is at, where it does one thing after the other; ``before`` has started it."""
        self._unit = weakref.ref(unit)
        self._turn = turn
        self.before = before
        if before is not None:
            before.forget_ended()
        self.user = user
        self.noted = False
        """True once it is known which queue a task that it started asks."""
        self.served = False
        """True once what it started has worked on something that its user had queued."""

    def is_(self, task: asyncio.Task[Any] | None) -> bool:
        """True for the task itself."""
        return task is not None and self._unit() is task

    def is_same(self, task: asyncio.Task[Any], user: User, turn: Turn | None) -> bool:
        """True where another one for these would tell nothing new."""
        return self.user is user and self._turn is turn and self.is_(task)

    def ended(self) -> bool:
        """True once its work is over, and that of whoever has started it for the same user."""
        one: TaskOrigin | None = self
        while one is not None and same(one.user, self.user):
            if not one.over():
                return False
            one = one.before
        return True

    def forget_ended(self) -> None:
        """Hold none of those before it that have ended: tasks may start one another for ever."""
        while self.before is not None and self.before.over():
            self.before = self.before.before

    def over(self) -> bool:
        """True once its own work is over."""
        if self._turn is not None:
            return self._turn.over
        unit = self._unit()
        if unit is None:
            return True
        return not unit.is_alive() if isinstance(unit, Thread) else unit.done()


def own_origin() -> TaskOrigin | None:
    """In whose work that was started which runs at this moment; a task that has started others notes itself as well."""
    starter: TaskOrigin | None = task_origin_variable.get()
    return starter.before if starter is not None and starter.is_(running_task()) else starter
