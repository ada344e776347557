"""Headers that a client puts into all its requests: those that name alice must not go along when bob is asking.

A client that several users share keeps what one user's work has put there, such as a token. What is given with a single
request is the application's own decision, and may name whom it likes.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.encodings import unwrapped
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.rules import Severity
from isolation_audit.model.served_hosts import ServedHosts
from isolation_audit.model.users import same
from isolation_audit.rules.content.egress import Egress
from isolation_audit.vocabulary.outside import ClientHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_NOT_ABOUT_USERS: Final = frozenset({"accept", "accept-encoding", "connection", "content-type", "cookie", "user-agent"})

_basic: Final = pattern(r"(?i)basic +([A-Za-z0-9+/]+={0,2}) *")


class Credentials(ClientHeaders):
    """What the clients of one audit send by default."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Egress)
        self._logins = runtime.part(ServedHosts).logins

    def sent(
        self, target: str, defaults: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]], url: str
    ) -> None:
        """A request to ``url`` is about to go out with ``headers``, into which the client has put its ``defaults``."""
        user = self._sinks.user()
        kept = {name.lower(): value for name, value in defaults if name.lower() not in _NOT_ABOUT_USERS}
        if user is None or not kept:
            return
        for value in kept.values():
            self._logins.note(value)
        going = [(readable(value), kept.get(name.lower()) == value) for name, value in headers]
        marks = self._sinks.marks("\0".join(value for value, by_default in going if by_default))
        if not marks:
            return
        asked_for = self._sinks.named("\0".join([url, *(value for value, by_default in going if not by_default)]))
        other = next((mark for mark in marks if not same(mark.user, user)), None)
        named = {mark.user.id for mark in marks} | asked_for
        if other is not None and user.id not in named and other.user.id not in asked_for:
            self._tell(target, user, other)

    def _tell(self, target: str, user: User, other: Mark) -> None:
        """It is a finding, unless the running unit of work was itself given her name."""
        unit = current_inputs()
        judgement = None
        if unit is not None:
            text = other.user.id.encode("utf-8", "replace")
            judged = self._sinks.judged(user, {other.user.id: other.user}, text, None, page=False)
            judgement = judged[0] if judged else None
            if judgement is None or judgement.verdict.severity in (None, Severity.NOTE):
                return
            unit.told.add(other.user.id)
        self._sinks.publish(target, "a default header in a request", user, other, judgement=judgement)


def readable(value: str) -> str:
    """The value of a header, and what its tokens hold; of Basic credentials the name alone, however short it is."""
    credentials = _basic.fullmatch(value)
    if credentials is None:
        return "\0".join([value, *unwrapped(value)])
    encoded = credentials[1].rstrip("=")
    if len(encoded) % 4 == 1:
        return value
    return b64decode(encoded + "=" * (-len(encoded) % 4)).partition(b":")[0].decode("utf-8", "replace")
