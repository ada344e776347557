"""Sources: what may tell who the users of requests are, each with a rank, and which of them has the word.

Sources differ in how they call one user (a name, a number, an address), and mixing them would make one user two. So one
source speaks for the whole process: the best that has ever told. What weaker ones had told until then is forgotten.

The application's own words (``[ambient]``, scopes) have the word over all of them. The source that speaks goes on
beside them: it names the requests, and the parts of requests, of which the application says nothing. See
``agreement.py``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from isolation_audit.model.agreement import Agreement
from isolation_audit.model.aliases import OtherNames
from isolation_audit.model.head_reader import HeadReader
from isolation_audit.model.headers import name_in_headers, name_in_token
from isolation_audit.model.kept_users import PLACES, kept_in, kept_in_namespace
from isolation_audit.model.learned import LearnedUsers
from isolation_audit.model.served_hosts import ServedHosts
from isolation_audit.model.user_names import CLAIMS, Name, claim_of, name_in_claims, name_of
from isolation_audit.model.user_sources import USER_HEADERS
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.users import User, Users

_SUBJECT: Final = ("sub",)

FUNCTION: Final = 0
"""The rank of the functions of ``[[users]]``; 0 is the best rank."""
LOGIN: Final = 1
"""The rank of the framework's own login."""
DEPENDENCY: Final = 2
"""The rank of what a framework injects under a name that says: this is the current user."""
_SESSION: Final = 3
TOKEN: Final = _SESSION + PLACES
"""The rank of the first claim by which the token that a request came with names its user; each claim has its own."""
_CLAIMS: Final = 30
UNPRESENTED: Final = TOKEN + _CLAIMS
"""The rank of the subject of another token that the application has decoded meanwhile."""
DOUBTFUL: Final = UNPRESENTED + 1
"""The rank of what a framework injects and looks like the current user, by what it is made of alone."""
_HEADERS: Final = DOUBTFUL + 1
_OTHER_HEADERS: Final = _HEADERS + 1_000
"""The rank from which on headers stand that nobody has listed."""
NOTED: Final = 500_000
"""The rank of the first name under which an application notes the user for one request; each name has its own.

What a request comes with has the word before that: what was noted for somebody else may stand there, and be the leak.
"""
NEVER: Final = 1_000_000
"""The rank of what has told nothing."""

PARAMETER: Final = NEVER - 100
"""The rank of the first parameter by which requests say for whom they are made; each has its own."""

TENANT: Final = NEVER - 20
"""The rank of the first header by which requests name their tenant: somebody, where nobody else is named."""

ANSWERED: Final = PARAMETER - 1
"""The rank of the name with which somebody has logged in, where the application has answered with a token."""

LEARNED: Final = "credentials"
"""What ``identity.detect`` calls the sessions, tokens and keys that were seen with a user before."""

FUNCTIONS: Final = "functions"
AMBIENT: Final = "ambient"
SCOPES: Final = "scopes"
"""What the application's own words are counted as, beside the sources that are told apart by rank."""


def is_session(rank: int) -> bool:
    """True for the ranks of what sessions say."""
    return _SESSION <= rank < TOKEN


def is_header(rank: int) -> bool:
    """True for the ranks of headers."""
    return _HEADERS <= rank < NOTED or is_tenant(rank)


def is_tenant(rank: int) -> bool:
    """True for the ranks of headers that name a tenant."""
    return TENANT <= rank < NEVER


@lru_cache(200)
def source_of(rank: int) -> str:
    """What ``identity.detect`` calls the source of this rank; ``functions`` are those of ``[[users]]``."""
    if is_tenant(rank):
        return "headers"
    if rank >= PARAMETER:
        return "parameters"
    if rank == ANSWERED:
        return LEARNED
    if rank >= NOTED:
        return "session"
    if rank >= _HEADERS:
        return "headers"
    if rank in (DEPENDENCY, DOUBTFUL):
        return "dependency"
    if rank >= TOKEN:
        return "token"
    return "session" if rank >= _SESSION else "login" if rank == LOGIN else FUNCTIONS


class Parameters(Protocol):
    """What the parameters of one request have said so far; see ``content/acting_user.py``."""

    def find(
        self, inputs: Any, *, presents: Callable[[], bool], known: Callable[[int, str], bool]
    ) -> tuple[int, list[Name]] | None:
        """The users whom they name, with the place of the parameter; None where there is nothing new to see."""
        ...


_NOTHING: Final = Agreement()
"""Stands for what another thread has taken away."""


class Sources:
    """What may tell who the users are, and which of it has the word at present."""

    def __init__(
        self,
        users: Users,
        bindings: Bindings,
        detect: Iterable[str],
        headers: Iterable[str],
        names: OtherNames | None = None,
        learned: LearnedUsers | None = None,
        claims: Iterable[str] = CLAIMS,
        hosts: ServedHosts | None = None,
    ) -> None:
        self.hosts = hosts or ServedHosts()
        """Where the process itself is asked."""
        self.claims = tuple(claims)[:_CLAIMS]
        """By which claims tokens name their users, the best first."""
        self._users = users
        self.known = users.known
        """The user of an id that was met before."""
        self.learned = LearnedUsers() if learned is None else learned
        self.parameters: Callable[[], Parameters] | None = None
        """Makes what finds the user in the parameters of one request; None where these are not asked."""
        self._names = OtherNames(users, bindings) if names is None else names
        self._agreements: dict[int, Agreement] = {}
        self.detect = frozenset(detect)
        listed = tuple(headers) if "headers" in self.detect else ()
        self.headers = {name.lower(): _HEADERS + place for place, name in enumerate(listed)}
        self.reader = HeadReader(
            self.headers,
            self.hosts,
            others_from=_OTHER_HEADERS if listed == USER_HEADERS else None,
            tenants_from=TENANT,
        )
        """Finds in the heads of requests what tells something."""
        self._named: dict[int, tuple[int, Name] | None] = {}
        """By their hash, whom headers name: most requests come with those of an earlier one."""
        self.best = NEVER
        """The rank of the best source that has told anything in this process."""
        self.outvoted: dict[int, None] = {}
        """Sources that are not asked any more, because they contradict the application's own words."""

    def is_own_login(self, naming: list[tuple[str, str]]) -> bool:
        """True for a login of the application's own, with which its users' work asks this process too."""
        return self.hosts.logins.any_of(value for _name, value in naming)

    def has_told(self, rank: int, name: str) -> bool:
        """True where the source of this rank has called somebody so before."""
        agreement = self._agreements.get(rank)
        return agreement is not None and name in agreement.told

    def named_in(self, naming: list[tuple[str, str]]) -> tuple[int, Name] | None:
        """Whom the headers of a request name, and the rank of the one that does."""
        head = hash((*naming, len(self.headers)))
        try:
            return self._named[head]
        except KeyError:
            found = name_in_headers(naming, self.headers, self.claims)
        if len(self._named) >= self.learned.remembered:
            self._named.clear()
        self._named[head] = found
        return found

    def named_by_kept_token(self, naming: list[tuple[str, str]]) -> User | None:
        """Whom the signed token in the headers of a request names, where the application has decoded others.

        It may keep what a token says, and decode none twice: or, by mistake, take it for another's.
        """
        best = self.best
        agreement = self._agreements.get(best) if TOKEN <= best < UNPRESENTED else None
        name = None if agreement is None else name_in_token(naming, self.claims[best - TOKEN])
        if agreement is None or name is None:
            return None
        called = agreement.pairs.get(name.id, name.id)
        user = self._users.known(called) or self._users.token(called)  # no login: it may be refused yet
        return user if user is not None and user.kind is Kind.USER else None

    def told_by_token(self, claims: object, *, presented: bool) -> tuple[int, Name] | None:
        """The name in a decoded token, and its rank; None where it names nobody.

        A token that the request did not come with may be about anybody, as an invitation is. Only a subject counts.
        """
        keys = self.claims if presented else _SUBJECT
        place = claim_of(claims, keys)
        name = name_in_claims(claims, keys, place)
        return None if name is None else (TOKEN + place if presented else UNPRESENTED, name)

    def user(self, rank: int, name: Name) -> User | None:
        """The user of this name; None where a better source has the word."""
        if rank > self.best or rank in self.outvoted:
            return None
        agreement = self._agreements.get(rank)
        if agreement is None:
            agreement = self._agreements.setdefault(rank, Agreement())
        if name.id not in agreement.told or (name.id in agreement.said and not agreement.one_language):
            self._part(agreement.hear(name.id))
        called = agreement.pairs.get(name.id, name.id)
        user = self._users.known(called) or self._users.token(called)
        if user is None or user.kind is Kind.PLACEHOLDER:
            return None
        if rank < self.best:
            self.best = rank
            for weaker in list(self._agreements):
                if weaker > rank:
                    self._forget(self._agreements.pop(weaker, _NOTHING))
            user = self._users.token(called)
            assert user is not None  # noqa: S101 - it was one before, and may have been among the forgotten
        if not user.login:
            self._names.enter(user)
        if name.aliases or name.ids:
            self._names.learn(name, user)
        return user

    def known_so(self, rank: int, name: Name) -> User | None:
        """Somebody whom a better source, or the application, calls by this very name: there are no two names to mix."""
        if rank <= self.best or rank in self.outvoted:
            return None
        user = self._names.meant(name.id)
        return user if user is not None and user.login and user.kind is Kind.USER else None

    def agree(self, rank: int, name: Name, said: User) -> bool:
        """Whether this source's name and the application's own word mean one person; from then on they are one."""
        agreement = self._agreements.get(rank)
        if agreement is None:
            return True  # it has lost the word meanwhile
        if agreement.is_settled(name.id, said.id):
            agreement.agreed += 1
            return True
        one, broken = agreement.compare(name.id, said.id)
        self._part(broken)
        if one and name.id != said.id:
            if agreement.told.pop(name.id, self) is None:
                self._users.forget(name.id)
            self._names.learn(Name(said.id, (name.id, *name.aliases), name.ids), said)
        elif agreement.outvoted:
            self.outvoted[rank] = None
            self._forget(self._agreements.pop(rank, _NOTHING))
            self.best = min(list(self._agreements), default=NEVER)
        return one

    def _part(self, names: Iterable[str]) -> None:
        for name in names:
            self._names.part(name)

    def _forget(self, agreement: Agreement) -> None:
        for told in list(agreement.told):
            self._users.forget(told)
        self._part(agreement.pairs)


def session_name(session: Any) -> tuple[int, Name] | None:
    """What a session says of its user, and the rank of that; None where it says nothing."""
    rank, value = value_in(session)
    name = name_of(value)
    return (rank, name) if isinstance(name, Name) else None


def value_in(session: Any) -> tuple[int, Any]:
    """What a session has for its user, and the rank of that."""
    place, value = kept_in(session)
    return (NEVER, None) if place is None else (_SESSION + place, value)


def value_in_namespace(namespace: dict[str, Any], seen: int) -> tuple[int, Any]:
    """The same of what an application keeps for one request, but for the first ``seen`` entries."""
    place, value = kept_in_namespace(namespace, seen)
    return (NEVER, value) if place is None else (NOTED + place, value)
