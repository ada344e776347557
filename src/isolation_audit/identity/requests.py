"""Requests: work that came from outside, and whose it is: found out on the way, from the best source there is.

Sources differ in how they call one user (a name, a number, an address), and mixing them would make one user two. So one
source speaks for the whole process: the best that has ever told. What weaker ones had told until then is forgotten.

The application's own words (``[ambient]``, scopes) have the word over all of them. The source that speaks goes on
beside them: it names the requests, and the parts of requests, of which the application says nothing. See
``agreement.py``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.agreement import Agreement
from isolation_audit.identity.names import Name, Unresolved, name_in_authorization, name_of, plain_id
from isolation_audit.identity.other_names import OtherNames
from isolation_audit.identity.users import Kind, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from isolation_audit.identity.bindings import Bindings
    from isolation_audit.identity.users import User, Users

SESSION_KEYS: Final = ("user_id", "_user_id", "uid", "username", "user_name", "email", "sub", "user")
"""Where applications keep who has logged in, in the session, each a source of its own, the best first."""

LOGIN: Final = 0
"""The rank of the framework's own login; 0 is the best rank."""
_SESSION: Final = 1
TOKEN: Final = _SESSION + len(SESSION_KEYS)
"""The rank of the subject of a token that the application has decoded."""
_HEADERS: Final = TOKEN + 1
_NEVER: Final = 1_000_000

AMBIENT: Final = "ambient"
SCOPES: Final = "scopes"
"""What the application's own words are counted as, beside the sources that are told apart by rank."""


def source_of(rank: int) -> str:
    """What ``identity.detect`` calls the source of this rank."""
    if rank >= _HEADERS:
        return "headers"
    return "token" if rank == TOKEN else "login" if rank == LOGIN else "session"


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
    ) -> None:
        self._users = users
        self._names = names or OtherNames(users, bindings)
        self._agreements: dict[int, Agreement] = {}
        self.detect = frozenset(detect)
        self.headers: Mapping[str, int] = {
            name.lower(): _HEADERS + place for place, name in enumerate(headers if "headers" in self.detect else ())
        }
        self.best = _NEVER
        """The rank of the best source that has told anything in this process."""
        self.outvoted: dict[int, None] = {}
        """Sources that are not asked any more, because they contradict the application's own words."""

    def user(self, rank: int, name: Name) -> User | None:
        """The user of this name; None where a better source has the word."""
        if rank > self.best or rank in self.outvoted:
            return None
        agreement = self._agreements.get(rank) or self._agreements.setdefault(rank, Agreement())
        self._part(agreement.hear(name.id))
        called = agreement.pairs.get(name.id, name.id)
        user = self._users.token(called)
        if user is None or user.kind is Kind.PLACEHOLDER:
            return None
        if rank < self.best:
            self.best = rank
            for weaker in list(self._agreements):
                if weaker > rank:
                    self._forget(self._agreements.pop(weaker, _NOTHING))
            user = self._users.token(called)
            assert user is not None  # noqa: S101 - it was one before, and may have been among the forgotten
        self._names.enter(user)
        self._names.learn(name, user)
        return user

    def agree(self, rank: int, name: Name, said: User) -> bool:
        """Whether this source's name and the application's own word mean one person; from then on they are one."""
        agreement = self._agreements.get(rank)
        if agreement is None:
            return True  # it has lost the word meanwhile
        one, broken = agreement.compare(name.id, said.id)
        self._part(broken)
        if one and name.id != said.id:
            if agreement.told.pop(name.id, self) is None:
                self._users.forget(name.id)
            self._names.learn(Name(said.id, (name.id, *name.aliases), name.ids), said)
        elif agreement.outvoted:
            self.outvoted[rank] = None
            self._forget(self._agreements.pop(rank, _NOTHING))
            self.best = min(list(self._agreements), default=_NEVER)
        return one

    def _part(self, names: Iterable[str]) -> None:
        for name in names:
            self._names.part(name)

    def _forget(self, agreement: Agreement) -> None:
        for told in list(agreement.told):
            self._users.forget(told)
        self._part(agreement.pairs)


class Request:
    """One request or connection. ``headers`` gives names in lower case with their values, and is asked once at most."""

    __slots__ = (
        "_answer_to",
        "_asked",
        "_compared",
        "_endpoint_of",
        "_headers",
        "_kept",
        "_name",
        "_over",
        "_person",
        "_sources",
        "_task",
        "_user",
        "_void",
        "disagreed",
        "inherited",
        "inputs",
        "lasting",
        "mark",
        "named",
        "rank",
        "said",
        "said_by",
        "scope",
        "session",
        "sharing",
    )

    def __init__(
        self,
        sources: Sources,
        headers: Callable[[], Iterable[tuple[str, str]]],
        *,
        scope: dict[str, Any] | None = None,
        mark: object = None,
        own_task_only: bool = False,
        endpoint_of: Callable[[], Any] | None = None,
    ) -> None:
        self._endpoint_of = endpoint_of
        self._sources = sources
        self._headers: Callable[[], Iterable[tuple[str, str]]] | None = headers
        self._task = running_task() if own_task_only else None
        self.lasting = own_task_only
        self.rank = _NEVER
        """The rank of the source that has told."""
        self._user: User | None = None
        self._name: Name | None = None
        self._answer_to: User | None = None
        self._compared: object = None
        self._person: object = None
        self._kept: object = None
        self._asked = not sources.headers
        self._over = self._void = False
        self.scope = scope
        """Where frameworks leave the user and the session: the ASGI scope, or what aiohttp keeps for a request."""
        self.mark = mark
        """What the copies of the scope have in common."""
        self.inherited: User | None = None
        """Whom its context had before it began: as long as the application sets nobody, that says nothing of it."""
        self.sharing: Any = None
        """What it has in common with other requests; see ``mechanisms/shared_values.py``."""
        self.session: Any = None
        """The session, where it is not in the scope."""
        self.inputs: Any = None
        """What came in through this request, until it is over; see ``provenance/inputs.py``."""
        self.named = False
        """True once a source has named a user."""
        self.said: User | None = None
        """Whom the application itself has said it works for, last."""
        self.said_by: dict[str, None] = {}
        """Whether its variable has said so, or a scope."""
        self.disagreed = False
        """True once that was somebody else than whom a source names."""

    def serves(self, scope: Any) -> bool:
        """True for this request's ASGI scope, and for copies that a middleware has made of it."""
        return scope is self.scope or (self.mark is not None and scope.get("headers") is self.mark)

    def hear(self, headers: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Look for the user in these headers, from now on: the server had none to show when the request began."""
        if not self._over:
            self._headers = headers
            self._asked = not self._sources.headers

    def settle(self) -> None:
        """The application has said that it works for nobody in particular: nothing is guessed beside that."""
        self._void = True

    def meet(self, user: User, source: str) -> None:
        """The application itself has said whom it works for, in its variable or with a scope.

        Where a source names somebody else, both have to do with the request, as with an administrator's work in
        somebody's account: beyond what the application says itself it is nobody's.
        """
        if self._is_elsewhere() or (self.inherited is not None and same(user, self.inherited)):
            return
        self.said = user
        self.said_by[source] = None
        self._look()
        self._compare()

    def answer_to(self, user: User) -> bool:
        """A scope has made the response, which is its user's with that; False where somebody else is named as well."""
        self._answer_to = user
        found = self.user()
        return found is not None and same(found, user)

    def routed(self, endpoint_of: Callable[[], Any]) -> None:
        """Whoever serves the request knows what answers it; asked only where somebody wants to know."""
        if not self._over:
            self._endpoint_of = endpoint_of

    def endpoint(self) -> Any:
        """What answers the request, an ``Endpoint``; None as long as nobody knows, and once the request is over."""
        if self._endpoint_of is None or self._is_elsewhere():
            return None
        return self._endpoint_of()

    def end(self) -> None:
        """The request is over. What it has left running inherits it, and may work for anybody: it names nobody."""
        if self.said is not None and not self._over:
            self._look()
        self._over = True
        self.inputs = None
        self.scope = self.session = self.mark = self._headers = self._task = self._endpoint_of = None
        self._person = self._kept = self._user = self._name = self._compared = self._answer_to = None

    def told(self, rank: int, name: Name | None) -> None:
        """A source has told whose the request is; None: it is nobody's, as far as this source knows.

        One that becomes another user's on the way (an account is switched, somebody else's token decoded) is nobody's
        from then on: both have to do with it.
        """
        if rank > self.rank or self._over:
            return
        user = None if name is None else self._sources.user(rank, name)
        if name is not None and user is None:
            return
        if rank == self.rank and self._user is not None and user is not None and not same(user, self._user):
            self._void = True
        self.rank, self._user, self._name = rank, user, name
        self.named = self.named or user is not None
        self._compare()

    def user(self) -> User | None:
        """Whose work this is; None as long as nobody knows, and where what is known contradicts itself."""
        if self._void or self._is_elsewhere():
            return None
        self._look()
        if self._void:
            return None
        has_the_word = self.rank <= self._sources.best and self.rank not in self._sources.outvoted
        return (self._user if has_the_word else None) or self._answer_to

    def claimed(self) -> User | None:
        """Whom its headers, session or login name, whatever the application itself says beside that."""
        if self._is_elsewhere():
            return None
        self._look()
        return self._user

    def _is_elsewhere(self) -> bool:
        return self._over or (self._task is not None and self._task is not running_task())

    def _compare(self) -> None:
        user, name, said = self._user, self._name, self.said
        if user is None or name is None or said is None or said.kind is not Kind.USER or self.rank > self._sources.best:
            return
        if self._compared == (user, said):
            return
        if user.kind is Kind.USER and not same(user, said):
            if self._sources.agree(self.rank, name, said):
                self._user = said
            else:
                self._void = self.disagreed = True
        elif same(user, said):
            self._sources.agree(self.rank, name, said)
        self._compared = (self._user, said)

    def _look(self) -> None:
        scope, detect = self.scope, self._sources.detect
        if scope is not None and "login" in detect:
            person = scope.get("user")
            if person is not self._person:
                self._meet(person)
        if self.rank > LOGIN and "session" in detect:
            self._look_into(self.session if scope is None else scope.get("session", self.session))
        if self.rank > TOKEN and not self._asked:
            self._asked = True
            # Headers may be none at all, where the application, or whoever tests it, has made them up.
            with suppress(AttributeError, LookupError, TypeError, ValueError):
                self._guess()

    def _meet(self, person: object) -> None:
        name = name_of(person)
        if not isinstance(name, Unresolved):
            self._person = person
            self.told(LOGIN, name)

    def _look_into(self, session: Any) -> None:
        rank, value = _value_in(session)
        if value is not None and value is not self._kept:
            self._kept = value
            name = name_of(value)
            if isinstance(name, Name):
                self.told(rank, name)

    def _guess(self) -> None:
        ranks = self._sources.headers
        found: dict[int, Name | None] = {}
        for header, value in self._headers() if self._headers is not None else ():
            rank = ranks.get(header)
            if rank is not None:
                plain = plain_id(value)
                named = None if plain is None else Name(plain)
                name = name_in_authorization(value) if header == "authorization" else named
                found[rank] = name if rank not in found else None
        best = min((rank for rank, name in found.items() if name is not None), default=None)
        name_found = None if best is None else found[best]
        if best is not None and name_found is not None:
            self.told(best, Name(name_found.id, (*name_found.aliases, *_addresses(found, best))))


def _addresses(found: Mapping[int, Name | None], best: int) -> Iterator[str]:
    """Addresses in other headers than the best: a gateway sends a name and the address of the same person."""
    for rank, name in found.items():
        if rank != best and name is not None and "@" in name.id.strip("@"):
            yield name.id


def session_name(session: Any) -> tuple[int, Name] | None:
    """What a session says of its user, and the rank of that; None where it says nothing."""
    rank, value = _value_in(session)
    name = name_of(value)
    return (rank, name) if isinstance(name, Name) else None


def _value_in(session: Any) -> tuple[int, Any]:
    if issubclass(type(session), dict):
        for place, key in enumerate(SESSION_KEYS):
            # Past the session's own way of reading, which notes that it was read.
            value = dict.get(session, key)
            if value is not None:
                return _SESSION + place, value
    return _NEVER, None


def running_task() -> Any:
    """The task of asyncio that runs; None outside of its event loops."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
