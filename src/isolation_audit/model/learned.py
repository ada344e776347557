"""Learned users: whom a session's cookie, a token or an API key belongs to, once a request with it has named its user.

Nothing is kept of a credential but a digest under a random key that never leaves this process. A credential with which
two users come is a service's, and tells nothing from then on.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.model.credentials import presented_in
from isolation_audit.model.users import PARTY, Kind, User, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.credentials import Presented

DIGEST: Final = 16
"""Bytes of a digest."""

_PARTIES: Final = 10_000
"""Parties that may yet turn out to be a user."""

_COOKIES: Final = 1_000
"""Names of cookies that frameworks may be configured with."""

_TEXTS: Final = 2_000
"""Texts of which the digest is remembered, and heads of requests, each by its hash: most requests come again."""


class Learned(NamedTuple):
    """Whose a credential is, None for several users'; when it was last seen; and whether a request came with it."""

    user: User | None
    seen: float
    used: bool


class LearnedUsers:
    """Digest of a credential -> its user; bounded by count and by age, ``evicted`` counts what was dropped.

    Threads share the table without a lock: each step is one operation of a C table.
    """

    def __init__(
        self, *, limit: int = 100_000, age: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._key = secrets.token_bytes(32)
        self._table: OrderedDict[bytes, Learned] = OrderedDict()
        self._limit = limit
        self._age = age
        self._clock = clock
        self._parties: dict[bytes, User] = {}
        self.remembered = min(_TEXTS, limit)
        """So many heads of requests, and texts, are remembered with what they tell."""
        self._digests: dict[int, bytes] = {}
        self._heads: dict[int, Presented] = {}
        self.cookies: dict[str, None] = {}
        """Names of cookies that frameworks are configured to keep sessions under."""
        self.unlearned = 0
        """Credentials that several users have come with."""
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        # The key and the table stay out of whatever prints objects.
        return f"<LearnedUsers {len(self._table)}>"

    def digest(self, credential: str) -> bytes:
        """What stands for a credential, in this process alone."""
        text = hash(credential)
        found = self._digests.get(text)
        if found is None:
            found = blake2b(credential.encode("utf-8", "surrogatepass"), key=self._key, digest_size=DIGEST).digest()
            if len(self._digests) >= self.remembered:
                self._digests.clear()
            self._digests[text] = found
        return found

    def session_cookie(self, name: object) -> None:
        """A framework is configured to keep its sessions under this cookie."""
        if type(name) is str and name and len(self.cookies) < _COOKIES:
            self.cookies[name] = None

    def present(self, headers: Iterable[tuple[str, str]], query: str) -> Presented:
        """What a request with these headers, names in lower case, presents."""
        head = hash((*headers, query, len(self.cookies)))
        found = self._heads.get(head)
        if found is None:
            found = presented_in(headers, query, self.cookies, self.digest)
            if len(self._heads) >= self.remembered:
                self._heads.clear()
            self._heads[head] = found
        return found

    def user_of(self, digests: Iterable[bytes]) -> User | None:
        """The one user to whom they belong; None where none is known, or where they are two users'."""
        found: User | None = None
        for digest in digests:
            known = self._table.get(digest)
            user = None if known is None else self._alive(digest, known)
            if user is None:
                continue
            if found is not None and not same(found, user):
                return None
            found = user
        return found

    def _alive(self, digest: bytes, known: Learned) -> User | None:
        now = self._clock()
        user = known.user
        # A user that has turned out to be none, because a better source has the word now, is a placeholder.
        if now - known.seen > self._age or (user is not None and user.kind is not Kind.USER):
            self._table.pop(digest, None)
            return None
        if now - known.seen > self._age / 64:
            self._keep(digest, known._replace(seen=now))
        return user

    def learn(self, digests: Iterable[bytes], user: User, *, used: bool = True) -> None:
        """A request with these credentials is this user's; not ``used``: they were handed out in an answer to them.

        What somebody was given, and somebody else comes with first, is the latter's: an administrator makes keys for
        others.
        """
        if user.kind is not Kind.USER:
            return
        for digest in digests:
            known = self._table.get(digest)
            if known is not None and self._clock() - known.seen <= self._age:
                if known.user is None or (known.used and not used):
                    continue
                if same(known.user, user):
                    if used and not known.used:
                        self._keep(digest, known._replace(used=True, seen=self._clock()))
                    continue
                if known.used and used and known.user.kind is Kind.USER:
                    self._keep(digest, Learned(None, self._clock(), used=True))
                    self.unlearned += 1
                    continue
            self._keep(digest, Learned(user, self._clock(), used))

    def revoke(self, digests: Iterable[bytes]) -> None:
        """They are nobody's any more: somebody has logged out, or logged in as somebody else."""
        for digest in digests:
            self._table.pop(digest, None)

    def party(self, digests: Iterable[bytes]) -> User | None:
        """Whoever comes with these, as a user of their own until it is known who that is; None where none tells."""
        own = [digest for digest in digests if (known := self._table.get(digest)) is None or known.user is not None]
        if not own:
            return None
        first = min(own)
        found = self._parties.get(first)
        if found is None:
            found = self._parties.setdefault(first, User(PARTY + first.hex()))
            if len(self._parties) > _PARTIES:
                self._parties.pop(next(iter(list(self._parties))), None)
        return found

    def _keep(self, digest: bytes, learned: Learned) -> None:
        party = self._parties.pop(digest, None) if learned.user is not None and learned.used else None
        if party is not None:
            party.known_as = learned.user
        table = self._table
        table[digest] = learned
        try:
            table.move_to_end(digest)
            oldest = next(iter(table))
            if len(table) > self._limit or learned.seen - table[oldest].seen > self._age:
                del table[oldest]
                self.evicted += 1
        except (KeyError, RuntimeError, StopIteration):
            return  # another thread evicts at this moment
