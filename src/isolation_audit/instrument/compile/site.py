"""Sites: what one watched function remembers of its last clean call, and how many clean calls it has had since."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.remembered import remembered

if TYPE_CHECKING:
    from isolation_audit.instrument.compile.cells import Cells


class _Gone:
    """Something that is not there any more."""


_NOTHING: Final = weakref.ref(_Gone())
"""Is no object of the application's, and refers to none: a comparison with it fails, and so does one with its call."""


class Site:
    """A constant of the generated code, which compares a call with ``known`` and counts in ``clean``.

    ``known`` is one tuple, exchanged as a whole: no thread meets the half of one call and the half of another.
    """

    __slots__ = ("__weakref__", "_cells", "_counted", "_nothing", "clean", "known", "unit")

    def __init__(self, size: int, cells: Cells) -> None:
        self._nothing = (_NOTHING,) * size
        self.known: tuple[Any, ...] = self._nothing
        self.clean = 0
        self.unit: object = _NOTHING
        """The unit of work of the last call that had to be looked at: only what comes back is worth remembering."""
        self._counted = 0
        self._cells: list[tuple[Any, Any]] = []
        cells.add(self)

    def counts_in(self, cells: Any, key: Any) -> None:
        """Each clean call counts in ``cells[key]``, once somebody asks."""
        self._cells.append((cells, key))

    def remember(self, known: tuple[Any, ...], version: object) -> None:
        """The next call is clean where it compares equal to this, unless something was learned since ``version``."""
        self.known = known
        remembered.keep(self, version)

    def forget(self) -> None:
        """Have the next call looked at."""
        self.known = self._nothing
        self.unit = _NOTHING

    def sum_up(self) -> None:
        """Add the clean calls since the last time to the counters."""
        # ``clean`` itself is never written here: a call of another thread may be adding to it.
        new = self.clean - self._counted
        if new:
            self._counted += new
            for cells, key in self._cells:
                cells[key] += new

    def __reduce__(self) -> tuple[Any, ...]:
        # As Probe's: what a by-value pickler takes along knows no call, and asks nobody.
        return (SimpleNamespace, ())
