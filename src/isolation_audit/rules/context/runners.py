"""Who runs: a task of asyncio, a loop's callbacks, or a thread; and what belongs to it alone."""

from __future__ import annotations

import asyncio
import threading
import weakref
from threading import get_ident
from typing import TYPE_CHECKING, Final

from isolation_audit.model.requests import running_task

if TYPE_CHECKING:
    from collections.abc import Hashable
    from threading import Thread


def _runner() -> Hashable:
    task = running_task()
    if task is not None:
        return weakref.ref(task)
    # A callback's context is a copy, and what the thread was at before its loop is none of the callback's.
    loop = running_loop()
    return get_ident() if loop is None else weakref.ref(loop)


class OfRunner:
    """Something that is one task's or one thread's own; in what they start there is but a copy of the reference."""

    __slots__ = ("_runner",)

    def __init__(self) -> None:
        self._runner = _runner()

    def is_here(self) -> bool:
        """True in that task, or on that thread."""
        return self._runner == _runner()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs on this thread, if any."""
    return asyncio.events._get_running_loop()  # noqa: SLF001 - raises nothing


def running_thread() -> Thread | None:
    """The running thread's object, where it has one: asking for the current thread would make one."""
    return _ACTIVE.get(get_ident())


_ACTIVE: Final[dict[int, Thread]] = vars(threading)["_active"]
"""What ``threading.enumerate`` tells, without its lock."""
