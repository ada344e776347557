"""What is stored back where it was read (``self.lines = self.lines[-9:]``): it has in it what others have put there."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.rewrite.listener import concern
from isolation_audit.model.tables import first

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.rules.state.records import Records, StateEntry, Write
    from isolation_audit.rules.state.units import Unit

_CARRIED: Final = 8
"""Writes of others that are remembered beside one that stores them back."""


def carry(
    unit: Unit, entry: StateEntry | None, inner: StateEntry | None, where: tuple[int, Hashable], value: object
) -> None:
    """Remember for the write that is to come whose work the value has in it: what stood there, and what was put in."""
    found = [write for _key, write in islice(inner.latest(), _CARRIED)] if inner is not None else []
    for one in entry.writes(where[1], value) if entry is not None else ():
        if one.is_of(value):
            found += [one, *one.carried]
    others = dict.fromkeys(one for one in found if one.unit is not unit)
    if others:
        unit.carried[where] = first(others, _CARRIED)


def bring(unit: Unit, records: Records, write: Write, where: tuple[int, Hashable]) -> None:
    """What was remembered for this place belongs to what is written there now."""
    if not unit.carried:
        return  # as for nearly all writes
    write.carried = unit.carried.pop(where, write.carried)
    entry = records.of(where[0])
    if write.carried and entry is not None:
        entry.only = None
        concern(where[0], None)
