"""Whose a request is: found out on the way, from the best source there is, beside what the application itself says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from isolation_audit.model.remembered import remembered
from isolation_audit.model.request_head import MADE_UP, NOTHING_PRESENTED, RequestHead
from isolation_audit.model.running import running_loop, running_task, task_in
from isolation_audit.model.sources import (
    AMBIENT,
    ANSWERED,
    LOGIN,
    NEVER,
    PARAMETER,
    TOKEN,
    UNPRESENTED,
    is_session,
    is_tenant,
    value_in,
    value_in_namespace,
)
from isolation_audit.model.user_names import Name, Unresolved, name_of
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from isolation_audit.model.sources import Parameters
    from isolation_audit.model.users import User


class RequestUser(RequestHead):
    """What was told of a request's user so far."""

    __slots__ = (
        "_answer_to",
        "_asked",
        "_attributes_read",
        "_borrowed",
        "_compared",
        "_decodes",
        "_kept",
        "_name",
        "_parameters",
        "_person",
        "_said_others",
        "_scanned",
        "_task",
        "_user",
        "_void",
        "attributes",
        "attributes_size",
        "disagreed",
        "inherited",
        "named",
        "namespace",
        "namespace_size",
        "recognised",
        "said",
        "said_by",
        "scope",
        "session",
    )

    _user: User | None
    _name: Name | None
    _answer_to: User | None
    _asked: bool
    """True once the headers were asked, or where they tell nothing."""
    _void: bool
    """True where what is known contradicts itself."""
    _borrowed: bool
    _said_others: bool
    _compared: object
    _decodes: bool
    """True once the application has begun to decode a token, which it may refuse."""
    _person: object
    _kept: object
    _parameters: Parameters | None
    """What its parameters have said, once they were looked at."""
    _scanned: int
    """How many notes there were when they were looked through; -1 where there may be more in them later."""
    _task: Any
    """The one task in which it is anybody's, of a connection."""
    scope: dict[str, Any] | None
    """Where frameworks leave the user and the session: the ASGI scope, or what aiohttp keeps for a request."""
    session: Any
    """The session, where it is not in the scope."""
    namespace: dict[str, Any] | None
    """What the application notes for the request, where that is not the ``state`` of its scope: Flask's ``g``, say."""
    namespace_size: int
    """How many entries were in it when the request began."""
    attributes: dict[str, Any] | None
    """The fields of the framework's own object for the request, where applications may note the user as well..."""
    attributes_size: int
    """...but for so many, which were there before they could..."""
    _attributes_read: int
    """...and how many there were when they were looked through."""
    inherited: User | None
    """Whom its context had before it began: as long as the application sets nobody, that says nothing of it."""
    named: bool
    """True once a source has named a user."""
    said: User | None
    """Whom the application itself has said it works for, last."""
    said_by: dict[str, None]
    """Whether its variable has said so, or a scope."""
    recognised: bool
    """True once its session, token or key was known to be a user's."""
    disagreed: bool
    """True once that was somebody else than whom a source names."""

    @property
    def name(self) -> Name | None:
        """Whom a source has named last, also where others have to do with it."""
        return self._name

    def user(self) -> User | None:
        """Whose work this is; None as long as nobody knows, and where what is known contradicts itself."""
        if self._void or self._over:
            return None
        if self._task is not None:
            loop = running_loop()  # as running_task()
            if loop is None or task_in(loop) is not self._task:
                return None
        rank, scope = self.rank, self.scope
        if (
            (scope is not None and (scope.get("user") is not self._person or scope.get("session") is not None))
            or self.session is not None
            or (rank > TOKEN and (not self._asked or (rank >= ANSWERED and self._has_new_notes())))
        ):
            self._look()  # there is something to look at
            if self._void:
                return None
            rank = self.rank
        sources = self._sources
        if rank >= PARAMETER and sources.best >= PARAMETER:
            self._look_at_parameters()
            if self._void:
                return None
            rank = self.rank
        if self._user is not None and (self._borrowed or (rank <= sources.best and rank not in sources.outvoted)):
            return self._user
        return self._answer_to or self._unasked()

    @property
    def user_so_far(self) -> User | None:
        """The same, as far as it was told by now, for whoever asks on another thread: nothing is looked at for it."""
        if self._void or self._over:
            return None
        return self.said or (self._user if self.rank <= self._sources.best else None)

    def claimed(self) -> User | None:
        """Whom its headers, session or login name, whatever the application itself says beside that."""
        if self._is_elsewhere():
            return None
        self._look()
        return self._user

    def party(self) -> User | None:
        """Whoever comes with these credentials, as a user of their own, where nobody knows whose they are."""
        presented = None if self._void or self._is_elsewhere() else self._present()
        if presented is None:
            return None
        return self._sources.learned.party(presented.all())

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
        elif (
            not self._void
            and self._user is not None
            and self._presented is not NOTHING_PRESENTED
            # A token that the request did not come with may be anybody's: an invitation is its sender's.
            and rank != UNPRESENTED
            # What somebody of a tenant comes with is theirs alone.
            and not is_tenant(rank)
        ):
            self._learn(self._user)

    def called(self, name: Name) -> None:
        """The request calls itself somebody's, in a way that its server knows to read."""
        if self._sources.parameters is not None:
            self.told(PARAMETER, name)

    def decodes(self) -> None:
        """The application begins to decode a token: unless it says what is in there, that tells nothing."""
        self._decodes = True
        self.recognised = False  # maybe by what that token says; by anything else again

    def decoded(self, token: str, claims: object) -> None:
        """The application has decoded a token, which this request may have come with."""
        told = self._sources.told_by_token(claims, presented=self.presents(token))
        if told is not None:
            self.told(*told)

    def meet(self, user: User, source: str) -> None:
        """The application itself has said whom it works for, in its variable or with a scope.

        Where a source names somebody else, both have to do with the request, as with an administrator's work in
        somebody's account: beyond what the application says itself it is nobody's.
        """
        if self._is_elsewhere() or (self.inherited is not None and same(user, self.inherited)):
            return
        changed = self.said is not None and not same(self.said, user)
        self._said_others = self._said_others or changed
        if self.said is not user:
            self.said = user
            remembered.forget_verdicts()  # afterwards: what others have found out meanwhile goes by the old one
        self.said_by[source] = None
        self._look()
        self._compare()
        # Who works for several users in one request has credentials of their own.
        if source == AMBIENT and not changed and self._user is None and not self._void:
            known = self._recognise()
            self._said_others = self._said_others or (known is not None and not same(known, user))
            self._learn(user)

    def settle(self) -> None:
        """The application has said that it works for nobody in particular: nothing is guessed beside that."""
        self._void = True

    def answer_to(self, user: User) -> bool:
        """A scope has made the response, which is its user's with that; False where somebody else is named as well."""
        self._answer_to = user
        found = self.user()
        return found is not None and same(found, user)

    def _said(self) -> User | None:
        return self.said if AMBIENT in self.said_by else None

    def _unasked(self) -> User | None:
        """Whom nothing in this request tells, but what it came with, or what the application has said in passing.

        What sets its variable may take that back before the answer leaves, and the answer is this user's all the same.
        """
        said = self.said
        known = self._recognise()
        if known is None and self._naming and not self._decodes:
            known = self._sources.named_by_kept_token(self._naming)
        if known is None:
            sole = AMBIENT in self.said_by and not self._said_others and self.rank == NEVER
            return said if sole and said is not None and said.kind is Kind.USER else None
        if said is not None and not same(said, known):
            return None
        self.recognised = True
        return known

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
            naming = self._scan() if self._naming is None else self._naming
            if naming:
                with suppress(*MADE_UP):
                    sources = self._sources
                    found = sources.named_in(naming)
                    # The application's own login makes nobody a user.
                    if found is not None and (sources.known(found[1].id) or not sources.is_own_login(naming)):
                        self.told(*found)
        if self.rank >= ANSWERED:
            self._look_further()

    def _look_further(self) -> None:
        """At what the application notes for the request, and at what the request says of itself."""
        if "session" in self._sources.detect and self._has_new_notes():
            self._look_through_notes()
        if self.rank >= PARAMETER and self._sources.best >= PARAMETER:
            self._look_at_parameters()

    def _notes(self) -> Any:
        """What the application notes for this request."""
        return self.namespace or (None if self.scope is None else self.scope.get("state"))

    def _has_new_notes(self) -> bool:
        notes, fields = self._notes(), self.attributes
        if type(notes) is dict and len(notes) not in (self.namespace_size, self._scanned):
            return True
        return fields is not None and len(fields) not in (self.attributes_size, self._attributes_read)

    def _look_at_parameters(self) -> None:
        """Where an application asks nobody to log in: for whom the request is made, as it says itself."""
        sources = self._sources
        if sources.parameters is None or self.inputs is None:
            return
        if self._parameters is None:
            self._parameters = sources.parameters()
        with suppress(*MADE_UP):
            found = self._parameters.find(
                self.inputs,
                presents=self._comes_with_any,
                known=lambda place, name: sources.has_told(PARAMETER + place, name),
            )
            place, names = found or (0, ())
            if len(names) == 1:
                self.told(PARAMETER + place, names[0])
            elif names and self._user is not None:
                self._void = True  # a connection that speaks for several users

    def _meet(self, person: object) -> None:
        name = name_of(person)
        if not isinstance(name, Unresolved):
            self._person = person
            self.told(LOGIN, name)

    def _look_through_notes(self) -> None:
        notes, fields = self._notes(), self.attributes
        if type(notes) is dict and len(notes) not in (self.namespace_size, self._scanned):
            self._scanned = self._look_through(notes, self.namespace_size)
        if self.rank >= ANSWERED and fields is not None:
            self._attributes_read = self._look_through(fields, self.attributes_size)

    def _look_through(self, notes: dict[str, Any], before: int) -> int:
        """How many notes there are no more to be looked for among; -1 where that may change."""
        size = len(notes)
        rank, value = value_in_namespace(notes, before)
        name = name_of(value)
        if isinstance(name, Name):
            self.told(rank, name)
        elif value is not None:
            return -1
        return size

    def _look_into(self, session: Any) -> None:
        rank, value = value_in(session)
        if value is not None and value is not self._kept:
            self._kept = value
            name = name_of(value)
            if isinstance(name, Name):
                self.told(rank, name)
