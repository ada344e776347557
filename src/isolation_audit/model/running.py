"""What runs at this moment, as asyncio sees it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_running_loop: Final = asyncio.events._get_running_loop  # noqa: SLF001 - get_running_loop() raises
_current_task: Final[Callable[[Any], Any]] = (
    asyncio.current_task if sys.version_info >= (3, 12) else vars(asyncio.tasks)["_current_tasks"].get
)
"""Before 3.12 it is written in Python, and looks the loop up in this dict."""


def running_task() -> Any:
    """The task of asyncio that runs; None outside of its event loops."""
    # Asked for the running loop first: on a thread without one, current_task() raises, which costs ten times as much.
    loop = _running_loop()
    return None if loop is None else _current_task(loop)
