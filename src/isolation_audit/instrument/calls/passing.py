"""What is on its way out through several layers: it is searched in the uppermost one that knows it, and only there."""

from __future__ import annotations

from asyncio import events, tasks
from typing import Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.model.contexts import sending_variable


class Passing:
    """Something on its way through a sink: what it is written to below is no sink of its own until it is ``over``."""

    over = False

    @classmethod
    def begin(cls) -> Passing:
        """From here on."""
        state = cls()
        sending_variable.set(state)
        return state

    def end(self) -> None:
        """It has passed. Tasks that were started meanwhile inherit it, and are told by this."""
        self.over = True
        if sending_variable.get() is self:
            sending_variable.set(None)


class PassingPoint(Interceptor):
    """A point whose ``before`` may return a :class:`Passing`, which is over when the call is."""

    def after(self, state: Passing, _result: Any) -> None:
        """It was sent."""
        state.over = True
        if sending_variable.get() is state:
            sending_variable.set(None)

    def failed(self, state: Passing, _error: BaseException) -> None:
        """It was not."""
        state.end()


def passing() -> bool:
    """True below a sink that has searched already."""
    outer: Passing | None = sending_variable.get()
    return outer is not None and not outer.over


def in_task() -> bool:
    """True in a task of asyncio. The context of a callback is that of whoever opened the connection, long ago."""
    return events._get_running_loop() is not None and tasks.current_task() is not None  # noqa: SLF001 - raises nothing
