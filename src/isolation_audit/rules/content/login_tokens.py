"""Tokens of logins: what one request has got for its own code, and what it finds in the client when it uses it.

A client of OAuth that many requests share keeps the token that came last. Of two logins at a time the first one goes
on with the second one's token, and one user is logged in as the other. Nobody is known as yet: that a request is a
login, the code says with which it came. What requests without one get, is the application's own token, or a new one for
an old.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.frames import beneath
from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.request_texts import text_of
from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.owner_records import Record
from isolation_audit.model.users import Kind
from isolation_audit.vocabulary.outside import ClientTokens

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_HOLDERS: Final = 1_000
"""Clients that one request may use."""

_has_code: Final = pattern(r"(?:^|[?&\0])code=[^&\0\s]{4}")
_LIBRARIES: Final = (
    "oauthlib",
    "requests_oauthlib",
    "authlib",
    "requests",
    "httpx",
    "httpx2",
    "asyncio",
    "threading.py",
)


@dataclass(slots=True, eq=False, repr=False)
class TokenReplaced:
    """A login has stored its token in a client, another one has put its own in its place, and the first uses that."""

    reader: User | None
    writer: User | None
    record: Record
    stack: RawStack


class _Stored:
    """The last token of a client."""

    __slots__ = ("__weakref__", "number", "place", "user")

    def __init__(self, number: int, user: User | None, place: RawStack) -> None:
        self.number = number
        self.user = user
        self.place = place


class LoginTokens(ClientTokens):
    """One audit's; holds no token, and no client longer than the application does."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last: WeakKeyDictionary[Any, _Stored] = WeakKeyDictionary()
        self._own: WeakKeyDictionary[Inputs, dict[int, int]] = WeakKeyDictionary()
        """Of each request, by the identity of a client, the number of what it has stored there."""
        self._numbers = count(1)

    def stored(self, holder: Any) -> None:
        """A token is put into a client."""
        inputs = current_inputs()
        if inputs is None or not _came_with_code(inputs):
            return
        own = self._own.setdefault(inputs, {})
        if len(own) < _HOLDERS:
            stored = _Stored(next(self._numbers), self._user(), beneath(capture(DEEP), _LIBRARIES))
            self._last[holder] = stored
            own[id(holder)] = stored.number

    def used(self, holder: Any) -> None:
        """A client's token is read."""
        last, inputs = self._last.get(holder), current_inputs()
        own = None if last is None or inputs is None else self._own.get(inputs)
        number = None if own is None else own.get(id(holder))
        if last is None or own is None or number is None or number == last.number:
            return
        own[id(holder)] = last.number  # once
        record = Record(self)
        record.owner, record.origin, record.origin_label = last.user, last.place, "replaced here"
        stack = beneath(capture(self._runtime.config.limits.stack), _LIBRARIES)
        self._runtime.publish(TokenReplaced(self._user(), last.user, record, stack))

    def _user(self) -> User | None:
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None


def _came_with_code(inputs: Inputs) -> bool:
    has_code, kept = _has_code.search, list(inputs.kept)
    return any(one.kind == REQUEST and has_code(text_of(one.texts(one.value))[0]) is not None for one in kept)
