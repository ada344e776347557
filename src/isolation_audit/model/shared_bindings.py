"""Elsewhere: what other processes know of ids and users, told and heard through a store that they share.

Nothing leaves but digests under the deployment's key: one stands for the kind and the id, one for the user. A process
finds an id that it holds itself under the id's digest. A user of whom only a digest is known is a stranger, whom
:func:`~isolation_audit.model.users.same` recognises by the digest of the user that this process knows.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from isolation_audit.model.bindings import Binding, evict, to_end
from isolation_audit.model.tables import let_go
from isolation_audit.model.users import STRANGER, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.users import User, Users

ECHO: Final = 10.0
"""Seconds after which what was told is taken for lost, if it has not come back."""

_ON_THEIR_WAY: Final = 4_000
"""Bindings that were told and may come back yet: as many as wait for a store, and as many that it has and we have not
heard of."""

_MISSED: Final = 1_000
"""Ids that were asked for in vain and are remembered, to count those that come late."""


class News(NamedTuple):
    """One binding on its way between processes.

    ``name`` is the digest of the id, ``user`` that of the user (the id itself where raw ids are asked for);
    ``conflict`` says that the sender has reported another user's claim to the id.
    """

    name: str
    user: str
    conflict: bool


class Store(Protocol):
    """What processes share. Its work is done on threads of its own."""

    def start(self) -> None:
        """Begin to pass on and to listen."""

    def tell(self, news: News) -> None:
        """Take one binding to pass on; never waits and never raises."""

    def close(self) -> None:
        """Pass on what is left within the configured time, and end."""

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong so far: ``failures``, ``lost`` and ``rejected``."""


class SharedBindings:
    """The bindings of other processes, by digest; bounded like the table of our own, beside which it stands."""

    def __init__(
        self,
        users: Users,
        bindings: Bindings,
        pseudonyms: Pseudonyms,
        open_store: Callable[[SharedBindings], Store],
        on_conflict: Callable[[str, User, User], None],
    ) -> None:
        self._users = users
        self._bindings = bindings
        self._pseudonyms = pseudonyms
        self._open_store = open_store
        self._on_conflict = on_conflict
        self._heard: OrderedDict[str, Binding] = OrderedDict()
        self._ours: dict[str, dict[str, str]] = {}
        """By kind, and by digest, the ids that were told."""
        self._on_their_way: dict[str, tuple[int, float]] = {}
        self._missed: dict[str, None] = {}
        self.late = 0
        """Ids that were heard of only after they had been asked for."""
        self._store: Store | None = None
        bindings.elsewhere = self

    def start(self) -> None:
        """Open the store and begin to listen; in a forked child, too, which keeps what is known and counts anew."""
        self.late = 0
        self._on_their_way.clear()
        self._store = self._open_store(self)
        self._store.start()

    def close(self) -> None:
        """Pass on what is left, and listen no more."""
        if self._store is not None:
            self._store.close()

    @property
    def counts(self) -> dict[str, int]:
        """What the report says of the store."""
        return {**({} if self._store is None else self._store.counts), "late": self.late}

    def tell(self, kind: str, identifier: str, user: User, *, conflict: bool) -> None:
        """Let the others know; what is a service's or nobody's stays here."""
        if user.kind is not Kind.USER:
            return
        name = self._name(kind, identifier)
        ours = self._ours.get(kind) or self._ours.setdefault(kind, {})
        ours[name] = identifier
        for _gone in let_go(ours, self._bindings.limit):
            pass
        self._heard.pop(name, None)
        count, _since = self._on_their_way.pop(name, (0, 0.0))
        self._on_their_way[name] = (count + 1, self._bindings.clock())
        self._give_up_lost()
        if self._store is not None:
            self._store.tell(News(name, self._who(user), conflict))

    def hear(self, news: News, seen: float, *, own: bool) -> None:
        """A binding that a process, ``own`` or another, told at ``seen`` (by the clock of the bindings).

        All processes hear everything in one order, and the last word counts. What was told here and has not come back
        yet is a later word than anything that is heard meanwhile.
        """
        user = self._users.token(news.user if self._pseudonyms.raw else STRANGER + news.user)
        if user is None:
            return
        now = self._bindings.clock()
        binding = Binding(user, seen)
        ours = self._told(news.name)
        if ours is not None:
            settled = self._settled(news.name, now, own=own)
            earlier = self._bindings.overrule(*ours, binding, own=own, settled=settled)
            if earlier is not None and not (own or news.conflict):
                self._on_conflict(ours[0], earlier, user)
            return
        if own:
            return
        self._heard[news.name] = binding
        to_end(self._heard, news.name)
        if evict(self._heard, self._bindings.limit, now - self._bindings.age) is not None:
            self._bindings.evicted += 1
        if news.name in self._missed:
            self._missed.pop(news.name, None)
            self.late += 1

    def _told(self, name: str) -> tuple[str, str] | None:
        """The kind and the id behind a digest, where that was told here."""
        for kind, ids in [*self._ours.items()]:
            identifier = ids.get(name)
            if identifier is not None:
                return kind, identifier
        return None

    def _give_up_lost(self) -> None:
        """Let go of what will not come back: of a store that is down, all would stay."""
        lost, most = self._bindings.clock() - ECHO, min(self._bindings.limit, _ON_THEIR_WAY)
        try:
            for _ in range(2):  # more than one, so that the table shrinks while others come
                oldest = next(iter(self._on_their_way))
                if len(self._on_their_way) <= most and self._on_their_way[oldest][1] >= lost:
                    return
                del self._on_their_way[oldest]
        except (KeyError, RuntimeError, StopIteration):
            return  # another thread does the same at this moment

    def _settled(self, name: str, now: float, *, own: bool) -> bool:
        """False while something that was told here about this id has not come back."""
        count, since = self._on_their_way.get(name, (0, now))
        count -= own
        if count <= 0 or now - since > ECHO:
            self._on_their_way.pop(name, None)
            return True
        self._on_their_way[name] = (count, since)
        return False

    def before(self, kind: str, identifier: str) -> Binding | None:
        """What was heard of an id."""
        return self._heard.get(self._name(kind, identifier)) if self._heard else None

    def user_of(self, kind: str, identifier: str) -> User | None:
        """The user to whom another process has bound an id; what is not known is noted, to count it should it come."""
        name = self._name(kind, identifier)
        found = self._heard.get(name)
        if found is not None:
            return found.user
        self._missed[name] = None
        for _gone in let_go(self._missed, _MISSED):
            pass
        return None

    def _name(self, kind: str, identifier: str) -> str:
        return self._pseudonyms.digest(f"{kind}\0{identifier}")

    def _who(self, user: User) -> str:
        if self._pseudonyms.raw:
            return user.id
        return user.digest or self._pseudonyms.digest(user.id)
