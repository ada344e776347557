"""Who has called a logger, as integrations of libraries for logging ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


def caller_of(module: str) -> FrameType | None:
    """The frame that has called the functions of a module which run; None where there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    while frame is not None and frame.f_globals.get("__name__") != module:
        frame = frame.f_back
    while frame is not None and frame.f_globals.get("__name__") == module:
        frame = frame.f_back
    return frame


def is_global(holder: Any, frame: FrameType | None) -> bool:
    """True where the module of a frame has the object as one of its variables."""
    return frame is not None and any(value is holder for value in list(frame.f_globals.values()))
