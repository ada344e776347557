"""Sites: what one watched function remembers of its last clean call, and how many clean calls it has had since."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.cells import Cell
from isolation_audit.model.remembered import remembered

if TYPE_CHECKING:
    from isolation_audit.instrument.cells import Cells


class _Gone:
    """Something that is not there any more."""


_NOTHING: Final = weakref.ref(_Gone())
"""Is no object of the application's, and refers to none: a comparison with it fails, and so does one with its call."""


_IN_VAIN: Final = 8
"""Calls in a row that were remembered for nothing; then nothing is remembered until something is learned, or
another unit of work begins."""


class Site(Cell):
    """A constant of the generated code, which compares a call with ``known`` and counts in ``clean``.

    ``known`` is one tuple, exchanged as a whole: no thread meets the half of one call and the half of another.
    """

    __slots__ = ("_at_last", "_kept", "_looked", "_nothing", "_unit", "_vain", "known")

    def __init__(self, size: int, cells: Cells) -> None:
        super().__init__(cells)
        self._nothing = (_NOTHING,) * size
        self.known: tuple[Any, ...] = self._nothing
        self._unit: object = _NOTHING
        """The moment of the last call that had to be looked at."""
        self._kept: object = None
        """The version under which something is remembered."""
        self._looked: object = None
        """The version of the last call that had to be looked at."""
        self._at_last = 0.0
        self._vain = 0
        """Clean calls when something was remembered last, and how often that was in vain since."""

    def worth_it(self, moment: object, version: object) -> bool:
        """False for what comes once in a unit of work, and where calls take turns: none is like the one before."""
        if self._unit is not moment or self._looked is not version:
            again = self._unit is moment
            self._unit, self._looked, self._vain = moment, version, 0
            return again
        self._vain = self._vain + 1 if self.clean == self._at_last else 0
        self._at_last = self.clean
        return self._vain < _IN_VAIN

    def remember(self, known: tuple[Any, ...], version: object) -> None:
        """The next call is clean where it compares equal to this, unless something was learned since ``version``."""
        self.known = known
        if self._kept is not version:
            self._kept = version
            remembered.keep(self, version)
        elif remembered.version is not version:
            self.forget()

    def forget(self) -> None:
        """Have the next call looked at."""
        self.known = self._nothing
        self._unit = _NOTHING

    def __reduce__(self) -> tuple[Any, ...]:
        # As Probe's: what a by-value pickler takes along knows no call, and asks nobody.
        return (SimpleNamespace, ())


class EventSite(Site):
    """What one emitting callable remembers of its last event."""

    __slots__ = ("alone",)

    def __init__(self, size: int, cells: Cells) -> None:
        super().__init__(size, cells)
        self.alone = False
        """True where nobody else is asked of the call."""
