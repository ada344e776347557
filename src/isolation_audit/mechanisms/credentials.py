"""Headers that a client puts into all its requests: those that name alice must not go along when bob is asking.

A client that several users share keeps what one user's work has put there, such as a token. What is given with a single
request is the application's own decision, and may name whom it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.identity.users import same
from isolation_audit.mechanisms.sinks import Sinks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.runtime import Runtime

_NOT_ABOUT_USERS: Final = frozenset({"accept", "accept-encoding", "connection", "content-type", "cookie", "user-agent"})


class Credentials:
    """What the clients of one audit send by default."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Sinks)

    def sent(
        self, target: str, defaults: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]], url: str
    ) -> None:
        """A request to ``url`` is about to go out with ``headers``, into which the client has put its ``defaults``."""
        user = self._sinks.user()
        kept = {name.lower(): value for name, value in defaults if name.lower() not in _NOT_ABOUT_USERS}
        if user is None or not kept:
            return
        going = [(value, kept.get(name.lower()) == value) for name, value in headers]
        marks = self._sinks.marks("\0".join(value for value, by_default in going if by_default))
        if not marks:
            return
        asked_for = self._sinks.named("\0".join([url, *(value for value, by_default in going if not by_default)]))
        other = next((mark for mark in marks if not same(mark.user, user)), None)
        named = {mark.user.id for mark in marks} | asked_for
        if other is not None and user.id not in named and other.user.id not in asked_for:
            self._sinks.publish(target, "a default header in a request", user, other)
