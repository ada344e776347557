"""Requests: work that came from outside, from its beginning to its end, and what its answer tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.credentials import cookie_set, is_session_cookie, plain_cookie
from isolation_audit.model.request_user import RequestUser
from isolation_audit.model.running import running_task
from isolation_audit.model.sources import ANSWERED, LEARNED, LOGIN, NEVER, TOKEN
from isolation_audit.model.user_names import Name, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.scopes import UnitSpan
    from isolation_audit.model.sources import Sources
    from isolation_audit.model.users import User


_WAITING: Final = 100
"""Answers, or parts of them, that wait for the user of one request."""


class Request(RequestUser):
    """One request or connection.

    ``headers`` gives names in lower case with their values, and is asked once at most. ``raw`` is the same as the
    server holds it, where that is at hand: ASGI's list of pairs, or a WSGI environment.
    """

    __slots__ = (
        "__weakref__",
        "_endpoint_of",
        "_told_cookies",
        "answer",
        "answer_head",
        "connection",
        "endpoint_in",
        "lasting",
        "looked_at",
        "mark",
        "searched",
        "served",
        "served_user",
        "server",
        "sharing",
        "transport",
        "unit",
        "waiting",
    )

    def __init__(
        self,
        sources: Sources,
        headers: Callable[[], Iterable[tuple[str, str]]],
        *,
        raw: Any = None,
        scope: dict[str, Any] | None = None,
        mark: object = None,
        own_task_only: bool = False,
        endpoint_of: Callable[[], Any] | None = None,
        query: Callable[[], str] | None = None,
    ) -> None:
        self._sources = sources
        self._headers, self._raw, self._query = headers, raw, query
        self._presented = self._read = self._naming = None
        self._unclaimed = []
        self._told_cookies = self.attributes_size = 0
        self._task = running_task() if own_task_only else None
        self._user = self._name = self._answer_to = self.said = self.inherited = None
        self._compared = self._person = self._kept = self.namespace = self.attributes = None
        state = None if scope is None else scope.get("state")
        self._scanned = self._attributes_read = -1
        self.namespace_size = len(state) if type(state) is dict else 0
        self._asked = not sources.headers
        self._over = self._void = self._borrowed = self._said_others = self._decodes = False
        self.rank = NEVER
        self.scope = scope
        self.session = None
        self.named = self.recognised = self.disagreed = False
        self.said_by = {}
        self._endpoint_of = endpoint_of
        self.endpoint_in: Callable[[Any], Any] | None = None
        """Reads in the scope what answers, where nothing else tells."""
        self.lasting = own_task_only
        self.connection: Any = None
        """What is known of the WebSocket that it is, before the framework's object for it has said a word."""
        self.mark = mark
        """What the copies of the scope have in common."""
        self.sharing: Any = None
        """What it has in common with other requests; see ``rules/context/shared_values.py``..."""
        self.looked_at: Any = None
        """...where what it reads of that is looked at; its own, or that of the request around it."""
        self.inputs = self._parameters = None
        self.unit: UnitSpan | None = None
        """Its span, where spans are sent."""
        self.served = False
        """True where its server looks at what is sent, too."""
        self.served_user: User | None = None
        """Whose it was, once it is over: what it has left at work may read for them."""
        self.server: Any = None
        """The server's object that sends the answer, once it does..."""
        self.transport: Any = None
        """...and what it writes to: what it writes there was looked at."""
        self.answer_head: Any = None
        """The headers of its answer, as long as nothing of the body was sent."""
        self.answer: Any = None
        """What is sent in answer to it, once its server is at that; see ``rules/content/responses.py``."""
        self.searched: tuple[bytes, User] | None = None
        """The body that was searched where it left the application, and for whom: the server gets the same."""
        self.waiting: list[tuple[Callable[[], None], Callable[[], None] | None]] = []
        """What is judged once the user is known."""

    @property
    def ended(self) -> bool:
        """True once it is over."""
        return self._over

    def serves(self, scope: Any) -> bool:
        """True for this request's ASGI scope, and for copies that a middleware has made of it."""
        return scope is self.scope or (self.mark is not None and scope.get("headers") is self.mark)

    def hear(
        self,
        headers: Callable[[], Iterable[tuple[str, str]]],
        query: Callable[[], str] | None = None,
        *,
        raw: Any = None,
    ) -> None:
        """Look for the user in these headers, from now on: the server had none to show when the request began."""
        if not self._over:
            self._headers, self._query, self._raw = headers, query, raw
            self._presented = self._read = self._naming = None
            self._asked = not self._sources.headers

    def moves(self) -> None:
        """It is a connection, whose handler runs in another task than it has begun in: :meth:`goes_on_here` says so."""
        self._task = None

    def goes_on_here(self) -> None:
        """Its handler runs in the running task."""
        if self._task is None and not self._over:
            self._task = running_task()

    def routed(self, endpoint_of: Callable[[], Any]) -> None:
        """Whoever serves the request knows what answers it; asked only where somebody wants to know."""
        if not self._over:
            self._endpoint_of = endpoint_of

    def endpoint(self) -> Any:
        """What answers the request, an ``Endpoint``; None as long as nobody knows, and once the request is over."""
        if self._over or (self._task is not None and self._is_elsewhere()):
            return None
        if self._endpoint_of is not None:
            return self._endpoint_of()
        return None if self.endpoint_in is None else self.endpoint_in(self.scope)

    def end(self) -> None:
        """The request is over. What it has left running inherits it, and may work for anybody: it names nobody."""
        if not self._over:
            if self.said is not None:
                self._look()
            if LOGIN < self.rank < TOKEN and self._has_logged_out():
                self._revoke()
        self._over = True
        self.inputs = None
        self.scope = self.session = self.mark = self._headers = self._raw = self._task = self._endpoint_of = None
        self._query = self._presented = self._read = self._naming = self.searched = self.connection = None
        self.sharing = self.looked_at = self.server = self.transport = self.answer_head = self.answer = None
        self.waiting = []
        self.namespace = self.attributes = None
        self._person = self._kept = self._user = self._name = self._compared = self._answer_to = None

    def answered(self, cookies: Iterable[str]) -> None:
        """The answer sets these cookies (values of ``Set-Cookie``): what a login hands out is its user's."""
        learned, presented = self._sources.learned, self._present()
        if presented is None:
            return
        self._look()
        user = None if self._has_logged_out() else self._user or self._said() or self._recognise()
        told = hash((*cookies, None if user is None else user.id))
        if told == self._told_cookies:
            return  # the framework that has made the answer has told of them, and now the server that sends it
        self._told_cookies = told
        for header in cookies:
            name, value = cookie_set(header)
            if not value:
                self._told_cookies = 0
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
            self._revoke()  # whoever has used this browser before
            self.told(ANSWERED, name)
        user = None if self._void else self._user or self._said() or self._recognise()
        if user is not None:
            self._hand_out(map(self._sources.learned.digest, credentials), user)

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
