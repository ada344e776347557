"""Who runs: a task of asyncio, a loop's callbacks, a thread, or a pool's job; and what belongs to it alone."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextvars import Context
from functools import partial
from threading import get_ident
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from threading import Thread


_current_task: Final = asyncio.current_task

running_loop: Final[Callable[[], asyncio.AbstractEventLoop | None]] = asyncio.events._get_running_loop  # noqa: SLF001
"""The loop that runs on this thread, if any; raises nothing."""


def runner() -> Hashable:
    """Stands for whoever runs at this moment; equal for the same task, loop or thread."""
    loop = running_loop()
    if loop is None:
        return get_ident()
    # A callback's context is a copy, and what the thread was at before its loop is none of the callback's.
    return weakref.ref(_current_task(loop) or loop)


class OfRunner:
    """Something that is one task's or one thread's own; in what they start there is but a copy of the reference."""

    __slots__ = ("runner",)

    def __init__(self) -> None:
        self.runner = runner()

    def is_here(self) -> bool:
        """True in that task, or on that thread."""
        return self.runner == runner()


def running_thread() -> Thread | None:
    """The running thread's object, where it has one: asking for the current thread would make one."""
    return _ACTIVE.get(get_ident())


_ACTIVE: Final[dict[int, Thread]] = vars(threading)["_active"]
"""What ``threading.enumerate`` tells, without its lock."""

POOL: Final = "concurrent.futures.thread"
"""The module of pools of threads."""


def brought(function: Any) -> Context | None:
    """The context of its own that a job runs in (``copy_context().run``, ``asyncio.to_thread``); None without."""
    below = function.func if type(function) is partial else function
    if type(below) is BuiltinMethodType and type(below.__self__) is Context:
        return below.__self__
    return None
