"""The variables of a function that runs, read so that its frame is afterwards as it was."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import FrameType

_OURS: Final = 3
"""References to a frame's copy of its variables that nobody has asked for: the frame's, ours, and that of the count."""


def variables_of(frame: FrameType) -> dict[str, Any]:
    """The variables by name; none of a class body or of code that ``exec`` runs, whose names are in any mapping."""
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return {}
    held = frame.f_locals
    found = dict(held)
    # Before Python 3.13 this is a copy that stays with the frame, and would keep alive what the function lets go. Where
    # the application has called ``locals()``, the copy is what it has got, and stays as it is. While a tracer or a
    # profiler looks at the frame, Python takes the variables back from the copy: what is not there would be gone.
    watched = sys.gettrace() is not None or sys.getprofile() is not None
    if type(held) is dict and not watched and sys.getrefcount(held) <= _OURS:
        held.clear()
    return found
