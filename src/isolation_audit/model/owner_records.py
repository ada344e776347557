"""What is known of live objects: who owns them and where they were made.

Records hang on a weak reference keyed by ``id``: nothing is written to the application's objects (``vars(obj)``,
pickles and copies stay as they were), nothing is kept alive, and the removal callback runs before an id is used again.
A deep copy or an unpickled object is a new object: it starts without a record, on purpose.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.users import User


class Record(weakref.ref[Any]):
    """The owner of one object (None until bound) and the raw place where it was made or bound.

    It is the weak reference itself: called, it gives the object, as long as that is there. One thing less is made for
    each object that is built.
    """

    __slots__ = ("built_by", "connection", "key", "only", "origin", "origin_label", "owner", "served", "shared")

    key: int
    """The identity of the object, under which the record is kept."""
    owner: User | None
    origin: Any
    origin_label: str
    built_by: tuple[str, ...]
    """The targets as which it was built; one, as a rule."""
    served: User | None
    """The user whom its calls have named, of an object whose owner only calls name."""
    shared: bool
    """True once it has served two: it belongs to nobody."""
    only: str | None
    """The one method through which it was used since it was bound; None where there were several."""
    connection: Any
    """What an integration knows of the object: of a connection its life, of a cache its entries."""

    # References compare what they refer to, by the application's code.
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        # Asked for what nobody has set. It is not set here either: another thread may be about to set it.
        if name in _UNSET:
            return _UNSET[name]
        raise AttributeError(name)


_UNSET: Final[dict[str, Any]] = {
    "built_by": (),
    "connection": None,
    "only": None,
    "origin": None,
    "origin_label": "",
    "owner": None,
    "served": None,
    "shared": False,
}


class Objects:
    """Weak table object -> :class:`Record`."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        """By the identity of the object."""
        records = self.records

        def forget(record: Record) -> None:
            if records.get(record.key) is record:
                records.pop(record.key, None)

        self.forget: Callable[[Any], None] = forget
        """Called with the record of an object that is gone."""

    def __len__(self) -> int:
        return len(self.records)

    def owned(self, most: int) -> list[tuple[Any, Record]]:
        """So many of the objects that belong to somebody."""
        found = []
        for record in list(self.records.values()):
            obj = record() if record.owner is not None else None
            if obj is not None:
                found.append((obj, record))
                if len(found) >= most:
                    break
        return found

    def get(self, obj: object) -> Record | None:
        """The record of ``obj``, if there is one."""
        record = self.records.get(id(obj))
        return record if record is not None and record() is obj else None

    def record(self, obj: object) -> Record | None:
        """The record of ``obj``, made if needed; None for objects that take no weak reference."""
        key, records = id(obj), self.records
        record = records.get(key)
        if record is not None and record() is obj:
            return record
        try:
            record = Record(obj, self.forget)
        except TypeError:
            return None
        record.key = key
        record.owner = record.origin = record.served = record.only = record.connection = None
        record.origin_label, record.built_by, record.shared = "", (), False
        # setdefault decides between threads that meet the same object at once; what else is there belonged to an object
        # that is dead already.
        current = records.setdefault(key, record)
        if current is not record and current() is obj:
            return current
        records[key] = record
        return record
