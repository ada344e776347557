"""Objects that were made in the reader's name: what another unit puts there is handed over, and not left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.listener import ATTRIBUTE, ITEM

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.users import User
    from isolation_audit.rules.state.records import StateEntry

__builtins__ = BUILTINS


def lies_under(kind: str, key: object, reader: User | None) -> bool:
    """True for an entry of a mapping under the reader's id: a session, a profile, a mailbox."""
    return kind == ITEM and reader is not None and type(key) is str and key == reader.id


def is_of_reader(value: object, entry_of: Callable[[int], StateEntry | None], reader: User | None) -> bool:
    """True where a field of an object is the reader's id, and nobody else has ever stored to that field.

    A current user on a shared object is stored by whoever comes: that is nobody's own.
    """
    if reader is None:
        return False
    own = [name for name, one in fields(value).items() if type(one) is str and one == reader.id]
    if not own:
        return False
    entry = entry_of(id(value))
    stored = [] if entry is None else [one for name in own for one in entry.slots.get((ATTRIBUTE, name), ())]
    return all(one.unit.user is reader for one in stored)
