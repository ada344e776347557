"""Bindings: which user a run, thread, connection, room or request id belongs to, learned from the contexts seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.identity.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.identity.users import User


class Bindings:
    """One table a kind of id; bounded: beyond ``limit`` entries the oldest of that kind is dropped and counted."""

    def __init__(self, kinds: Iterable[str] = (), *, limit: int = 100_000) -> None:
        self._tables: dict[str, dict[str, User]] = {kind: {} for kind in kinds}
        self._limit = limit
        self.evicted = 0

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def learn(self, kind: str, identifier: object, user: User) -> None:
        """Remember that ``identifier`` belongs to ``user``; a newer binding of the same id wins."""
        identifier = plain_text(identifier)
        if not identifier:
            return
        table = self._tables.setdefault(kind, {})
        # Re-inserting keeps the order of age right for ids in use.
        table.pop(identifier, None)
        table[identifier] = user
        if len(table) > self._limit:
            try:
                del table[next(iter(table))]
                self.evicted += 1
            except (KeyError, RuntimeError, StopIteration):
                pass  # another thread evicts at this moment

    def user_of(self, kind: str, identifier: object) -> User | None:
        """The user bound to ``identifier``, or None where it was never seen or is no string."""
        identifier = plain_text(identifier)
        if identifier is None:
            return None
        table = self._tables.get(kind)
        return None if table is None else table.get(identifier)
