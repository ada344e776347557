"""What a request comes with: its headers and its query, and the credentials among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.credentials import Presented, cookie_set, is_session_cookie, plain_cookie
from isolation_audit.model.sources import LEARNED, NEVER, is_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.sources import Sources
    from isolation_audit.model.users import User


NOTHING_PRESENTED: Final = Presented({})
"""What most requests of a service present."""

_KEYS: Final = 8
"""Credentials beyond which messages of one connection bring no more."""

_PAIRS: Final = frozenset(map(id, (tuple, list)))

MADE_UP: Final = (AttributeError, LookupError, TypeError, ValueError)
"""Headers may be none at all, where the application, or whoever tests it, has made them up."""


def readable(headers: Any) -> Any:
    """Headers of ASGI that may be read more than once; nothing of those that reading would take from the application.

    They may be anything that can be gone through, an iterator for one, and so may each pair of name and value.
    """
    if type(headers) is list or type(headers) is tuple:
        return () if headers and hasattr(type(headers[0]), "__next__") else headers
    return () if headers is None or hasattr(type(headers), "__next__") else headers


class RequestHead:
    """The part of a request that does not change on the way; each header is read once at most, and only if asked."""

    __slots__ = (
        "_headers",
        "_naming",
        "_over",
        "_presented",
        "_query",
        "_raw",
        "_read",
        "_sources",
        "_unclaimed",
        "inputs",
        "rank",
    )

    _headers: Callable[[], Iterable[tuple[str, str]]] | None
    _raw: Any
    """The same as the server holds it, a list of pairs or a WSGI environment, where that is at hand."""
    _naming: list[tuple[str, str]] | None
    """The headers that may name the user, once they were looked for."""
    _query: Callable[[], str] | None
    """None where there is no query."""
    _read: tuple[tuple[str, str], ...] | None
    _presented: Presented | None
    _unclaimed: list[bytes]
    """Digests of cookies that the answer has set, as long as nobody knows for whom."""
    _sources: Sources
    _over: bool
    inputs: Any
    """What came in through it, until it is over; see ``model/inputs.py``."""
    rank: int
    """The rank of the source that has told whose the request is."""

    def cookie_with(self, value: str) -> str | None:
        """The name of the cookie of a session that it came with and that has this value.

        None for a cookie that a framework is configured to keep its session in: that is read as a session.
        """
        presented = self._present() if value else None
        if presented is None or not presented.cookies:
            return None
        learned = self._sources.learned
        digest = learned.digest(plain_cookie(value))
        return next(
            (name for name, one in presented.cookies.items() if one == digest and name not in learned.cookies), None
        )

    def owner_of(self, cookie: str) -> User | None:
        """Whose a cookie is that its answer sets: who came with it, or was given it, before."""
        learned = self._sources.learned
        return learned.user_of([learned.digest(plain_cookie(cookie))]) if LEARNED in self._sources.detect else None

    def sessions_in(self, set_cookies: Iterable[str]) -> dict[str, str]:
        """The cookies of sessions among values of ``Set-Cookie``, by name, without those that are taken away."""
        configured = self._sources.learned.cookies
        pairs = [cookie_set(header) for header in set_cookies]
        return {name: plain_cookie(value) for name, value in pairs if is_session_cookie(name, value, configured)}

    def comes_with(self, name: str) -> bool:
        """True where it came with a session's cookie of this name."""
        presented = self._present()
        return presented is not None and name in presented.cookies

    def presents(self, text: str | None) -> bool:
        """True for a credential that the request came with: that is nobody's name."""
        presented = self._present() if text else None
        return presented is not None and text is not None and self._sources.learned.digest(text) in presented.all()

    def brings(self, credentials: Iterable[str]) -> None:
        """A message on its connection has brought these: they count as if they had come in its head."""
        presented = self._present()
        if presented is not None and len(presented.keys) < _KEYS:
            digests = map(self._sources.learned.digest, credentials)
            self._presented = Presented(presented.cookies, (*presented.keys, *digests))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Its headers, as they were read first: names in lower case, with their values; none once it is over."""
        if self._read is None:
            self._read = () if self._headers is None else (*self._headers(),)
        return self._read

    def _comes_with_any(self) -> bool:
        """True where it presents anything that could be somebody's."""
        presented = self._present()
        return presented is not None and bool(presented.all())

    def _present(self) -> Presented | None:
        """What it presents; None where nobody is asked for that."""
        if self._presented is None and not self._over and LEARNED in self._sources.detect:
            self._scan()
        return self._presented

    def _scan(self) -> list[tuple[str, str]]:
        """Look for the headers that may name the user, which are returned, and for what it presents."""
        sources, raw = self._sources, self._raw
        credentials: list[tuple[str, str]] = []
        self._naming = []
        try:
            encoded = raw is not None and type(raw) is not dict
            if encoded:
                # As servers give them they can be read as they are, and no call says so.
                heads = raw if type(raw) is list and raw and id(type(raw[0])) in _PAIRS else readable(raw)
            else:
                heads = self.headers() if raw is None else list(raw.items())
            self._naming, credentials = sources.reader.read(heads, encoded=encoded)
        except MADE_UP:
            pass
        if LEARNED in sources.detect:
            self._presented = NOTHING_PRESENTED
            try:
                query = "" if self._query is None else self._query()
                if credentials or query:
                    self._presented = sources.learned.present(credentials, query)
            except MADE_UP:
                pass
        return self._naming

    def _recognise(self) -> User | None:
        """The user whom earlier requests with the same session, token or key have named."""
        presented = self._present()
        if presented is None:
            return None
        # A login that knows nobody says so of the session's cookie; a token or a key it may not have looked at.
        digests = presented.all() if self.rank == NEVER else presented.keys
        return self._sources.learned.user_of(digests) if digests else None

    def _learn(self, user: User) -> None:
        """What it came with is this user's."""
        presented = self._present()
        if presented is not None and (presented.cookies or presented.keys):
            # A gateway that says in a header who it is that asks has a key of its own.
            ours = presented.cookies.values() if is_header(self.rank) else presented.all()
            self._sources.learned.learn(ours, user)

    def _hand_out(self, digests: Iterable[bytes], user: User) -> None:
        """What the answer has in it, or sets, is this user's, until somebody else comes with it."""
        given, self._unclaimed = [*digests, *self._unclaimed], []
        self._sources.learned.learn(given, user, used=False)

    def _revoke(self) -> None:
        """The session that it came with is nobody's any more."""
        presented = self._present()
        if presented is not None:
            self._sources.learned.revoke(presented.cookies.values())
