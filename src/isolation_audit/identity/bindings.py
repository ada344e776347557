"""Bindings: which user a run, thread, connection, room or request id belongs to, learned from the contexts seen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from isolation_audit.identity.users import plain_text, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.identity.users import Listener, User

LIVE: Final = 60.0
"""Seconds for which an id counts as in use after it was last seen; ids that come back later are recycled ones."""


class Bindings:
    """One table a kind of id; bounded by count and by age: what is dropped is counted.

    Beyond ``limit`` entries of a kind the one seen longest ago goes, and so does one not seen for ``age`` seconds.
    """

    def __init__(
        self,
        kinds: Iterable[str] = (),
        *,
        limit: int = 100_000,
        age: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables: dict[str, dict[str, tuple[User, float]]] = {kind: {} for kind in kinds}
        self._limit = limit
        self._age = age
        self._clock = clock
        self.evicted = 0
        self.listener: Listener | None = None

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def learn(self, kind: str, identifier: object, user: User) -> User | None:
        """Remember that ``identifier`` belongs to ``user``; a newer binding of the same id wins.

        Gives the other user to whom a live id belonged until now.
        """
        identifier = plain_text(identifier)
        if not identifier:
            return None
        now = self._clock()
        table = self._tables.setdefault(kind, {})
        # Re-inserting keeps the order of age right for ids in use.
        before = table.pop(identifier, None)
        table[identifier] = (user, now)
        if self.listener is not None and (before is None or before[0] is not user):
            self.listener.learned(identifier, user)
        self._evict(table, now)
        if before is None or same(before[0], user) or now - before[1] > LIVE:
            return None
        return before[0]

    def _evict(self, table: dict[str, tuple[User, float]], now: float) -> None:
        try:
            oldest = next(iter(table))
            if len(table) <= self._limit and now - table[oldest][1] <= self._age:
                return
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
        found = self._tables.get(kind, {}).get(identifier)
        return None if found is None else found[0]
