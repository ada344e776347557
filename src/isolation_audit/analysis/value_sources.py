"""Where a value comes from that a function returns."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Source(IntEnum):
    """Where a value comes from; the higher one wins where two meet."""

    ELSEWHERE = 0
    CONTEXT = 1
    """The context: another ContextVar, a thread local, a proxy of the request; it may say who is running, or not."""
    USER = 2
    """A parameter that was handed the user, and that a cache's key leaves out."""
    AMBIENT = 3
    """The variable that says who is running, or what the context has under a name that says so: ``g.user``."""


Given = frozenset[tuple[str, Source]]
"""Where parameters come from that differ between calls which a cache takes for equal."""

NOTHING: Final[Given] = frozenset()
