"""What runs at this moment, as asyncio sees it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

running_loop: Final[Callable[[], Any]] = asyncio.events._get_running_loop  # noqa: SLF001
"""The loop that runs on this thread; None where none does, where ``asyncio.get_running_loop`` raises."""

task_in: Final[Callable[[Any], Any]] = (
    asyncio.current_task if sys.version_info >= (3, 12) else vars(asyncio.tasks)["_current_tasks"].get
)
"""The task that a running loop is at. Before 3.12 it is written in Python, and looks the loop up in this dict."""


def running_task() -> Any:
    """The task of asyncio that runs; None outside of its event loops."""
    # Asked for the running loop first: on a thread without one, current_task() raises, which costs ten times as much.
    # The busiest places do these two steps by themselves, which saves a call.
    loop = running_loop()
    return None if loop is None else task_in(loop)
