"""Gates: what keeps the busiest hooks of most applications from looking where there is nothing to be found."""

from __future__ import annotations


class Gate:
    """Says whether there is anything to look at yet: as long as it is closed, calls are counted and not looked at.

    Whoever learns the first thing that may be met opens it, for good.
    """

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open = False
