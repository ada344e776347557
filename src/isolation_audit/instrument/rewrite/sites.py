"""The table of sites: for each number that a rewritten module has, the place in the source and what it does there."""

from __future__ import annotations

from typing import Final, NamedTuple

NAVIGATED: Final = "navigated"
"""A prefix of a longer path, iterated, tested, or given a local name that is only used in these ways."""
RETURNED: Final = "returned"
PASSED: Final = "passed"
FORMATTED: Final = "formatted"
STORED: Final = "stored"
YIELDED: Final = "yielded"
BRANCHED: Final = "branched"
"""Compared, or tested where a branch returns or raises."""
WRITTEN: Final = "written"
"""The site of a store."""


class Site(NamedTuple):
    """One load or store in the source."""

    file: str
    line: int
    function: str
    """Qualified name; "" for a module's own statements."""
    expression: str
    """The path as it is written: ``self.registry._agents['triage']``."""
    use: str
    """What becomes of a value that is read here."""
    arms: tuple[str, ...] = ()
    """Of a store: names by which what it stores to is read elsewhere."""

    @property
    def flows(self) -> bool:
        """True where a value that is read here goes on to somewhere."""
        return self.use not in (NAVIGATED, WRITTEN)


_sites: list[Site] = []


def add(sites: list[Site]) -> int:
    """Add a module's sites; the number of the first."""
    first = len(_sites)
    _sites.extend(sites)
    return first


def site(number: int) -> Site:
    """The site with this number."""
    return _sites[number]
