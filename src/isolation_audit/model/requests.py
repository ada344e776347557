"""Requests: work that came from outside, and whose it is: found out on the way, from the best source there is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.credentials import cookie_set, is_session_cookie, plain_cookie
from isolation_audit.model.headers import name_in_headers
from isolation_audit.model.remembered import remembered
from isolation_audit.model.request_head import RequestHead
from isolation_audit.model.running import running_task
from isolation_audit.model.sources import (
    AMBIENT,
    ANSWERED,
    LEARNED,
    LOGIN,
    NEVER,
    TOKEN,
    UNPRESENTED,
    is_session,
    value_in,
)
from isolation_audit.model.user_names import Name, Unresolved, name_of
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.sources import Sources
    from isolation_audit.model.spans import Unit
    from isolation_audit.model.users import User


_WAITING: Final = 100
"""Answers, or parts of them, that wait for the user of one request."""


class Request(RequestHead):
    """One request or connection. ``headers`` gives names in lower case with their values, and is asked once at most."""

    __slots__ = (
        "__weakref__",
        "_answer_to",
        "_asked",
        "_borrowed",
        "_compared",
        "_endpoint_of",
        "_kept",
        "_name",
        "_person",
        "_said_others",
        "_task",
        "_user",
        "_void",
        "disagreed",
        "inherited",
        "inputs",
        "lasting",
        "mark",
        "named",
        "recognised",
        "said",
        "said_by",
        "scope",
        "searched",
        "served",
        "session",
        "sharing",
        "unit",
        "waiting",
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
        query: Callable[[], str] | None = None,
    ) -> None:
        self._endpoint_of = endpoint_of
        self._query = query
        self._presented = None
        self._sources = sources
        self._headers = headers
        self._read = None
        self._unclaimed = []
        self._task = running_task() if own_task_only else None
        self.lasting = own_task_only
        self.rank = NEVER
        self._user: User | None = None
        self._name: Name | None = None
        self._answer_to: User | None = None
        self._compared: object = None
        self._person: object = None
        self._kept: object = None
        self._asked = not sources.headers
        self._over = self._void = self._borrowed = False
        self.scope = scope
        """Where frameworks leave the user and the session: the ASGI scope, or what aiohttp keeps for a request."""
        self.mark = mark
        """What the copies of the scope have in common."""
        self.inherited: User | None = None
        """Whom its context had before it began: as long as the application sets nobody, that says nothing of it."""
        self.sharing: Any = None
        """What it has in common with other requests; see ``rules/context/shared_values.py``."""
        self.session: Any = None
        """The session, where it is not in the scope."""
        self.inputs: Any = None
        """What came in through this request, until it is over; see ``rules/provenance/inputs.py``."""
        self.unit: Unit | None = None
        """Its span, where spans are sent."""
        self.served = False
        """True where its server looks at what is sent, too."""
        self.searched: tuple[bytes, User] | None = None
        """The body that was searched where it left the application, and for whom: the server gets the same."""
        self.named = False
        """True once a source has named a user."""
        self._said_others = False
        self.waiting: list[tuple[Callable[[], None], Callable[[], None] | None]] = []
        self.said: User | None = None
        """Whom the application itself has said it works for, last."""
        self.said_by: dict[str, None] = {}
        """Whether its variable has said so, or a scope."""
        self.recognised = False
        """True once its session, token or key was known to be a user's."""
        self.disagreed = False
        """True once that was somebody else than whom a source names."""

    @property
    def ended(self) -> bool:
        """True once it is over."""
        return self._over

    @property
    def name(self) -> Name | None:
        """Whom a source has named last, also where others have to do with it."""
        return self._name

    def serves(self, scope: Any) -> bool:
        """True for this request's ASGI scope, and for copies that a middleware has made of it."""
        return scope is self.scope or (self.mark is not None and scope.get("headers") is self.mark)

    def hear(self, headers: Callable[[], Iterable[tuple[str, str]]], query: Callable[[], str] | None = None) -> None:
        """Look for the user in these headers, from now on: the server had none to show when the request began."""
        if not self._over:
            self._headers, self._query, self._presented, self._read = headers, query, None, None
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
        remembered.forget()
        changed = self.said is not None and not same(self.said, user)
        self._said_others = self._said_others or changed
        self.said = user
        self.said_by[source] = None
        self._look()
        self._compare()
        # Who works for several users in one request has credentials of their own.
        if source == AMBIENT and not changed and self._user is None and not self._void:
            known = self._recognise()
            self._said_others = self._said_others or (known is not None and not same(known, user))
            self._learn(user)

    def moves(self) -> None:
        """It is a connection, whose handler runs in another task than it has begun in: :meth:`goes_on_here` says so."""
        self._task = None

    def goes_on_here(self) -> None:
        """Its handler runs in the running task."""
        if self._task is None and not self._over:
            self._task = running_task()

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
        if self._endpoint_of is None or self._over or (self._task is not None and self._is_elsewhere()):
            return None
        return self._endpoint_of()

    def end(self) -> None:
        """The request is over. What it has left running inherits it, and may work for anybody: it names nobody."""
        if not self._over:
            if self.said is not None:
                self._look()
            if LOGIN < self.rank < TOKEN and self._has_logged_out():
                self._revoke()
        self._over = True
        self.inputs = None
        self.scope = self.session = self.mark = self._headers = self._task = self._endpoint_of = None
        self._query = self._presented = self._read = self.searched = None
        self.waiting = []
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
            user = self._sources.known_so(rank, name)
            if user is None:
                return
            self._borrowed = True
        else:
            self._borrowed = False
        switched = rank == self.rank and self._user is not None and user is not None and not same(user, self._user)
        self._void = self._void or switched
        self.rank, self._user, self._name = rank, user, name
        self.named = self.named or user is not None
        if self.said is not None:
            self._compare()
        if user is None or switched:
            if rank < TOKEN:
                self._revoke()
        elif not self._void and self._user is not None and rank != UNPRESENTED:
            # A token that the request did not come with may be anybody's: an invitation is its sender's.
            self._learn(self._user)

    def decoded(self, token: str, claims: object) -> None:
        """The application has decoded a token, which this request may have come with."""
        told = self._sources.told_by_token(claims, presented=self.presents(token))
        if told is not None:
            self.told(*told)

    def user(self) -> User | None:
        """Whose work this is; None as long as nobody knows, and where what is known contradicts itself."""
        if self._void or self._over or (self._task is not None and self._task is not running_task()):
            return None
        scope = self.scope
        unasked = not self._asked and self.rank > TOKEN
        in_scope = scope is not None and (scope.get("user") is not self._person or scope.get("session") is not None)
        if in_scope or unasked or self.session is not None:
            self._look()  # there is something to look at
            if self._void:
                return None
        has_the_word = self._borrowed or (self.rank <= self._sources.best and self.rank not in self._sources.outvoted)
        return (self._user if has_the_word else None) or self._answer_to or self._unasked()

    def claimed(self) -> User | None:
        """Whom its headers, session or login name, whatever the application itself says beside that."""
        if self._is_elsewhere():
            return None
        self._look()
        return self._user

    def answered(self, cookies: Iterable[str]) -> None:
        """The answer sets these cookies (values of ``Set-Cookie``): what a login hands out is its user's."""
        learned, presented = self._sources.learned, self._present()
        if presented is None:
            return
        self._look()
        user = None if self._has_logged_out() else self._user or self._said() or self._recognise()
        for header in cookies:
            name, value = cookie_set(header)
            if not value:
                learned.revoke([presented.cookies[name]] if name in presented.cookies else ())
            elif is_session_cookie(name, value, learned.cookies):
                self._unclaimed.append(learned.digest(plain_cookie(value)))
                if user is not None:
                    self._hand_out((), user)

    def hands_out(self, credentials: Iterable[str], login: str | None) -> None:
        """The answer has these credentials in it; ``login`` is the name with which the request has logged in, if so."""
        if self._is_elsewhere() or LEARNED not in self._sources.detect:
            return
        name = name_of(login) if login is not None and self._user is None and self.said is None else None
        if isinstance(name, Name):
            self.told(ANSWERED, name)
        user = None if self._void else self._user or self._said() or self._recognise()
        if user is not None:
            self._hand_out(map(self._sources.learned.digest, credentials), user)

    def _said(self) -> User | None:
        return self.said if AMBIENT in self.said_by else None

    def party(self) -> User | None:
        """Whoever comes with these credentials, as a user of their own, where nobody knows whose they are."""
        presented = None if self._void or self._is_elsewhere() else self._present()
        if presented is None:
            return None
        return self._sources.learned.party(presented.all())

    def _unasked(self) -> User | None:
        """Whom nothing in this request tells, but what it came with, or what the application has said in passing.

        What sets its variable may take that back before the answer leaves, and the answer is this user's all the same.
        """
        said = self.said
        known = self._recognise()
        if known is None:
            sole = AMBIENT in self.said_by and not self._said_others and self.rank == NEVER
            return said if sole and said is not None and said.kind is Kind.USER else None
        if said is not None and not same(said, known):
            return None
        self.recognised = True
        return known

    def when_known(self, judge: Callable[[], None], visitors: Callable[[], None] | None = None) -> None:
        """Call this once the user is known, at the end of the request at the latest; ``visitors`` if nobody can be."""
        if not self._over and len(self.waiting) < _WAITING:
            self.waiting.append((judge, visitors))

    def settle_waiting(self) -> None:
        """Judge what has waited for the user, where that is known now, or where it is known that there is none."""
        if not self.waiting:
            return
        known = self.user() is not None
        if known or self.is_a_visitors():
            waiting, self.waiting = self.waiting, []
            for judge, visitors in waiting:
                if known:
                    judge()
                elif visitors is not None:
                    visitors()

    def is_a_visitors(self) -> bool:
        """True where the login says that it is nobody's, and it came with nothing that could be somebody's."""
        if self.rank != LOGIN or self._user is not None or self._void or self.said is not None or self._is_elsewhere():
            return False
        presented = self._present()
        return presented is not None and not presented.all()

    def _has_logged_out(self) -> bool:
        """True where the session had named a user, and does so no more."""
        if not is_session(self.rank) or self._user is None:
            return False
        session = self.session if self.scope is None else self.scope.get("session", self.session)
        return value_in(session)[1] is None

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
            session = self.session if scope is None else scope.get("session", self.session)
            if session is not None:
                self._look_into(session)
        if self.rank > TOKEN and not self._asked:
            self._asked = True
            # Headers may be none at all, where the application, or whoever tests it, has made them up.
            with suppress(AttributeError, LookupError, TypeError, ValueError):
                sources = self._sources
                heads = self.headers() if self._read is None else self._read
                found = name_in_headers(heads, sources.headers, sources.claims)
                if found is not None:
                    self.told(*found)

    def _meet(self, person: object) -> None:
        name = name_of(person)
        if not isinstance(name, Unresolved):
            self._person = person
            self.told(LOGIN, name)

    def _look_into(self, session: Any) -> None:
        rank, value = value_in(session)
        if value is not None and value is not self._kept:
            self._kept = value
            name = name_of(value)
            if isinstance(name, Name):
                self.told(rank, name)
