"""Cookies that other services hand out: one given for alice's sake must not go along when bob is asking.

A client that several users share keeps them all. Sharing is right where the service knows the application alone. It is
a leak where the application says, request by request, for which user it asks: then the service has given its session
to that user. So only requests count whose headers name the running user.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import same
from isolation_audit.rules.content.egress import Egress
from isolation_audit.vocabulary.outside import ClientCookies, Headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

LIMIT: Final = 10_000
"""Cookies that are remembered."""

_NOBODYS: Final = pattern(r"AWSALB|__cf|cf_|BIGip|SERVERID|ROUTEID|INGRESSCOOKIE|lang|locale|csrf|xsrf", re.IGNORECASE)
"""Names of cookies that balance load, or choose a language, and tokens that are worth nothing without a session."""


class Cookies(ClientCookies):
    """Whom the cookies of one audit were given for."""

    def __init__(self, sinks: Egress) -> None:
        self._sinks = sinks
        self._given: dict[tuple[str, str], Mark | None] = {}
        """Name and value -> for whom; None for what several users were given, which tells nothing."""

    def received(self, headers: Headers, cookies: Iterable[tuple[str, str]]) -> None:
        """The answer to a request with ``headers`` has set ``cookies``."""
        pairs = [pair for pair in cookies if pair[1] and _NOBODYS.match(pair[0]) is None]
        mark = self._own_mark(headers) if pairs else None
        if mark is None:
            return
        for pair in pairs:
            known = self._given.setdefault(pair, mark)
            if known is not None and not same(known.user, mark.user):
                self._given[pair] = None
        drop_oldest(self._given, LIMIT)

    def sent(self, headers: Headers, target: str) -> None:
        """A request with ``headers`` is about to go out."""
        if not self._given:
            return
        marks = [self._given.get(pair) for pair in _pairs(headers)]
        given = [mark for mark in marks if mark is not None]
        own = self._own_mark(headers) if given else None
        if own is None:
            return
        for mark in given:
            if not same(mark.user, own.user):
                self._sinks.publish(target, "a cookie in a request", own.user, mark)
                return

    def _own_mark(self, headers: Headers) -> Mark | None:
        """The running user's mark, where the headers bear it."""
        user: User | None = self._sinks.user()
        if user is None:
            return None
        told = "\0".join(value for name, value in headers if name.lower() != "cookie")
        return next((mark for mark in self._sinks.marks(told) if same(mark.user, user)), None)


def cookies_of(runtime: Runtime) -> Cookies:
    """The table of one audit; use it with ``runtime.part``."""
    return Cookies(runtime.part(Egress))


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    for header, value in headers:
        if header.lower() == "cookie":
            for part in value.split(";"):
                name, _, text = part.strip().partition("=")
                yield name, text.strip('"')
