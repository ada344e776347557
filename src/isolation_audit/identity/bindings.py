"""Bindings: which user a run, thread, connection, room or request id belongs to, learned from the contexts seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.identity.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.identity.users import Listener, User


class Bindings:
    """One table a kind of id; bounded: beyond ``limit`` entries the oldest of that kind is dropped and counted."""

    def __init__(self, kinds: Iterable[str] = (), *, limit: int = 100_000) -> None:
        self._tables: dict[str, dict[str, User]] = {kind: {} for kind in kinds}
        self._limit = limit
        self.evicted = 0
        self.listener: Listener | None = None

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def learn(self, kind: str, identifier: object, user: User) -> None:
        """Remember that ``identifier`` belongs to ``user``; a newer binding of the same id wins."""
        identifier = plain_text(identifier)
        if not identifier:
            return
        table = self._tables.setdefault(kind, {})
        # Re-inserting keeps the order of age right for ids in use.
        before = table.pop(identifier, None)
        table[identifier] = user
        if self.listener is not None and before is not user:
            self.listener.learned(identifier, user)
        if len(table) > self._limit:
            self._evict(table)

    def _evict(self, table: dict[str, User]) -> None:
        try:
            oldest = next(iter(table))
            del table[oldest]
            self.evicted += 1
        except (KeyError, RuntimeError, StopIteration):
            return  # another thread evicts at this moment
        if self.listener is not None:
            self.listener.forgotten(oldest)

    def user_of(self, kind: str, identifier: object) -> User | None:
        """The user bound to ``identifier``, or None where it was never seen or is no string."""
        identifier = plain_text(identifier)
        if identifier is None:
            return None
        table = self._tables.get(kind)
        return None if table is None else table.get(identifier)
