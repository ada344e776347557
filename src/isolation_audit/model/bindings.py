"""Bindings: which user a run, thread, connection, room or request id belongs to, learned from the contexts seen."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from isolation_audit.analysis.texts import LONGEST
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import plain_name, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.users import Listener, User

LIVE: Final = 60.0
"""Seconds for which an id counts as in use after it was last seen; ids that come back later are recycled ones."""

AT_ONCE: Final = 0.05
"""Seconds within which an id that is seen again was just seen."""

AGAIN: Final = LIVE / 2
"""Seconds after which other processes are told once more of an id that is still in use."""

NEVER: Final = float("-inf")


class Binding(NamedTuple):
    """Whose an id is, when it was last seen, and when other processes were last told of it (times of the clock)."""

    user: User
    seen: float
    told: float = NEVER

    def live(self, now: float) -> bool:
        """True while the id counts as in use."""
        return now - self.seen <= LIVE


class Others(Protocol):
    """What other processes know, and are told."""

    def before(self, kind: str, identifier: str) -> Binding | None:
        """What was heard of an id that is not known here."""

    def user_of(self, kind: str, identifier: str) -> User | None:
        """The user to whom another process has bound an id."""

    def tell(self, kind: str, identifier: str, user: User, *, conflict: bool) -> None:
        """Let them know; ``conflict`` says that another user's claim to the id was reported."""


class Bindings:
    """One table a kind of id; bounded by count and by age: what is dropped is counted.

    Beyond ``limit`` entries of a kind the one seen longest ago goes, and so does one not seen for ``age`` seconds.
    Threads share the tables without a lock: each step is one operation of a C table, and an id that is seen again
    never drops out of it meanwhile.
    """

    def __init__(
        self,
        kinds: Iterable[str] = (),
        *,
        limit: int = 100_000,
        age: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables: dict[str, OrderedDict[str, Binding]] = {kind: OrderedDict() for kind in kinds}
        self.limit = limit
        self.age = age
        self.clock = clock
        self.evicted = 0
        self._rested = NEVER
        self.listener: Listener | None = None
        self.handles: set[str] = set()
        """Kinds whose ids only say where something goes: anybody may be shown one, and the listener hears of none."""
        self.elsewhere: Others | None = None
        """The other processes, where they share a store."""

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    @property
    def most(self) -> int:
        """Entries of the kind that has the most."""
        return max(map(len, list(self._tables.values())), default=0)

    def learn(self, kind: str, identifier: object, user: User) -> User | None:
        """Remember that ``identifier`` belongs to ``user``; a newer binding of the same id wins.

        Gives the other user to whom a live id belonged until now.
        """
        identifier = identifier if type(identifier) is str and len(identifier) <= LONGEST else plain_name(identifier)
        if not identifier:
            return None
        now = self.clock()
        table = self._tables.get(kind)
        known = None if table is None else table.get(identifier)
        elsewhere = self.elsewhere
        if known is not None and known.user is user and elsewhere is None and self._rested < known.seen > now - AT_ONCE:
            return None  # one context passes many points
        before = known if known is not None or elsewhere is None else elsewhere.before(kind, identifier)
        another = before is not None and before.user is not user and not same(before.user, user)
        in_use = before is not None and another and before.live(now) and before.seen > self._rested
        earlier = before.user if before is not None and in_use else None
        told = known.told if known is not None and known.user is user else NEVER
        news = elsewhere is not None and now - told >= AGAIN
        self._keep(kind, identifier, known, Binding(user, now, now if news else told))
        if news and elsewhere is not None:
            elsewhere.tell(kind, identifier, user, conflict=earlier is not None)
        return earlier

    def rest(self) -> None:
        """Take no id for one in use that is not seen from now on: what comes next, such as a test, numbers anew."""
        self._rested = self.clock()

    def forget(self, kind: str, identifier: str) -> None:
        """Take back what :meth:`learn` was told: it has turned out to be a mistake."""
        table = self._tables.get(kind)
        gone = None if table is None else table.pop(identifier, None)
        if gone is not None:
            remembered.forget()
        if gone is not None and self.listener is not None and kind not in self.handles:
            self.listener.forgotten(identifier)

    def overrule(self, kind: str, identifier: str, heard: Binding, *, own: bool, settled: bool) -> User | None:
        """Another process has seen an id of ours, or, where ``own``, our own word comes back.

        The last word wins; ``settled`` is False while it is still on its way. Gives the other user to whom a live id
        belongs here, or belonged until now.
        """
        table = self._table(kind)
        known = table.get(identifier)
        if known is None:
            if settled and not own:
                self._keep(kind, identifier, None, heard)
            return None
        if same(known.user, heard.user):
            if heard.seen > known.seen:
                self._keep(kind, identifier, known, known._replace(seen=heard.seen))
            return None
        if settled:
            self._keep(kind, identifier, known, heard)
        return known.user if known.live(heard.seen) else None

    def user_of(self, kind: str, identifier: object) -> User | None:
        """The user bound to ``identifier``, or None where it was never seen or is no string."""
        identifier = plain_name(identifier)
        if identifier is None:
            return None
        table = self._tables.get(kind)
        found = None if table is None else table.get(identifier)
        if found is not None:
            return found.user
        return None if self.elsewhere is None else self.elsewhere.user_of(kind, identifier)

    def _table(self, kind: str) -> OrderedDict[str, Binding]:
        table = self._tables.get(kind)
        return self._tables.setdefault(kind, OrderedDict()) if table is None else table

    def _keep(self, kind: str, identifier: str, known: Binding | None, binding: Binding) -> None:
        table, listener = self._table(kind), None if kind in self.handles else self.listener
        table[identifier] = binding
        if known is not None:
            to_end(table, identifier)
            if known.user is not binding.user:
                remembered.forget()
        if listener is not None and (known is None or known.user is not binding.user):
            listener.learned(identifier, binding.user)
        gone = evict(table, self.limit, binding.seen - self.age)
        if gone is not None:
            self.evicted += 1
            if listener is not None:
                listener.forgotten(gone)


def to_end(table: OrderedDict[str, Binding], key: str) -> None:
    """Make ``key`` the entry seen last: the order of the table is that of age."""
    try:  # noqa: SIM105 - suppress() costs five times what the move does, and this is done at every sight of an id
        table.move_to_end(key)
    except KeyError:
        pass  # another thread has evicted it at this moment


def evict(table: OrderedDict[str, Binding], limit: int, before: float) -> str | None:
    """Take away the entry seen longest ago, where the table is too long or the entry older than ``before``."""
    try:
        oldest = next(iter(table))
        if len(table) <= limit and table[oldest].seen >= before:
            return None
        del table[oldest]
    except (KeyError, RuntimeError, StopIteration):
        return None  # another thread evicts at this moment
    return oldest
