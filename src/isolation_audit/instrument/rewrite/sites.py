"""The table of sites: for each number that a rewritten module has, the place in the source and what it does there."""

from __future__ import annotations

import hashlib
import marshal
from typing import Final, NamedTuple

from isolation_audit.instrument.originals import BUILTINS

__builtins__ = BUILTINS

NAVIGATED: Final = "navigated"
"""A prefix of a longer path, iterated, tested, or given a local name that is only used in these ways."""
KEPT: Final = "kept"
"""Stored back where it was read, or saved: whoever asks gets none of it."""
HANDED: Final = "handed"
"""Taken out with all else, and handed on to where nothing comes back from."""
RETURNED: Final = "returned"
PASSED: Final = "passed"
FORMATTED: Final = "formatted"
STORED: Final = "stored"
YIELDED: Final = "yielded"
BRANCHED: Final = "branched"
"""Compared, or tested where a branch returns or raises."""
WRITTEN: Final = "written"
"""The site of a store."""


class AccessSite(NamedTuple):
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
        return self.use not in (NAVIGATED, KEPT, HANDED, WRITTEN)


Plan = tuple[int, str, str, str, tuple[str, ...]]
"""A site without its file: line, function, expression, use and names."""

_BITS: Final = 20
_INDEX: Final = (1 << _BITS) - 1
_UNKNOWN: Final = AccessSite("", 0, "", "", NAVIGATED)
_modules: Final[dict[int, tuple[str, list[Plan] | bytes]]] = {}
"""By number: the file and the sites of a module, which are not unpacked before somebody asks."""


def first_of(source: bytes, file: str) -> int:
    """The number of the first site in a module, which is the same in every process."""
    made_of = hashlib.sha256(file.encode("utf-8", "surrogateescape") + b"\0")
    made_of.update(source)
    return int.from_bytes(made_of.digest()[:5]) << _BITS


def add(first: int, file: str, plans: list[Plan] | bytes) -> None:
    """Add a module's sites; bytes are the list, marshalled."""
    _modules[first >> _BITS] = file, plans


def site(number: int) -> AccessSite:
    """The site with this number; one without a file where there is none."""
    file, plans = _module(number >> _BITS)
    index = number & _INDEX
    return AccessSite(file, *plans[index]) if index < len(plans) else _UNKNOWN


def function_of(number: int) -> str:
    """The function of the site with this number, which is asked for each store."""
    plans = _module(number >> _BITS)[1]
    index = number & _INDEX
    return plans[index][1] if index < len(plans) else ""


def _module(number: int) -> tuple[str, list[Plan]]:
    file, plans = _modules.get(number, ("", []))
    if isinstance(plans, bytes):
        plans = marshal.loads(plans)  # noqa: S302 - of the cache, which has been checked
        _modules[number] = file, plans
    return file, plans
