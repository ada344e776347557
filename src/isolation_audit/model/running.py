"""What runs at this moment, as asyncio sees it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_running_loop: Final = asyncio.events._get_running_loop  # noqa: SLF001 - get_running_loop() raises
_current_task: Final = asyncio.current_task


def running_task() -> Any:
    """The task of asyncio that runs; None outside of its event loops."""
    # Asked for the running loop first: on a thread without one, current_task() raises, which costs ten times as much.
    loop = _running_loop()
    return None if loop is None else _current_task(loop)
