"""What is known of live objects: who owns them and where they were made.

Records hang on a weak reference keyed by ``id``: nothing is written to the application's objects (``vars(obj)``,
pickles and copies stay as they were), nothing is kept alive, and the removal callback runs before an id is used again.
A deep copy or an unpickled object is a new object: it starts without a record, on purpose.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isolation_audit.model.users import User


class Record:
    """The owner of one object (None until bound) and the raw place where it was made or bound."""

    __slots__ = ("built_by", "connection", "only", "origin", "origin_label", "owner", "reference", "served", "shared")

    def __init__(self, reference: weakref.ref[Any]) -> None:
        self.reference = reference
        self.owner: User | None = None
        self.origin: Any = None
        self.origin_label = ""
        self.built_by: tuple[str, ...] = ()
        """The targets as which it was built; one, as a rule."""
        self.served: User | None = None
        """The user whom its calls have named, of an object whose owner only calls name."""
        self.shared = False
        """True once it has served two: it belongs to nobody."""
        self.only: str | None = None
        """The one method through which it was used since it was bound; None where there were several."""
        self.connection: Any = None
        """What an integration knows of the object: of a connection its life, of a cache its entries."""


class Objects:
    """Weak table object -> :class:`Record`."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def owned(self, most: int) -> list[tuple[Any, Record]]:
        """So many of the objects that belong to somebody."""
        found = []
        for record in list(self._records.values()):
            obj = record.reference() if record.owner is not None else None
            if obj is not None:
                found.append((obj, record))
                if len(found) >= most:
                    break
        return found

    def get(self, obj: object) -> Record | None:
        """The record of ``obj``, if there is one."""
        record = self._records.get(id(obj))
        return record if record is not None and record.reference() is obj else None

    def record(self, obj: object) -> Record | None:
        """The record of ``obj``, made if needed; None for objects that take no weak reference."""
        key = id(obj)
        record = self._records.get(key)
        if record is not None and record.reference() is obj:
            return record
        records = self._records

        def forget(reference: weakref.ref[Any]) -> None:
            current = records.get(key)
            if current is not None and current.reference is reference:
                records.pop(key, None)

        try:
            record = Record(weakref.ref(obj, forget))
        except TypeError:
            return None
        # setdefault decides between threads that meet the same object at once; what else is there belonged to an object
        # that is dead already.
        current = records.setdefault(key, record)
        if current is not record and current.reference() is obj:
            return current
        records[key] = record
        return record
