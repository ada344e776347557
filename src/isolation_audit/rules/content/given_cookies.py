"""Cookies that answers set: a session that alice was given must not be given to bob as well.

Values that look drawn at random, in cookies that scripts can't read, open a session. What is signed is made of what it
holds, so that two users may well have the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.request_texts import text_of
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import same

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_COOKIES: Final = 10_000
"""Cookies that are remembered."""

_of_sessions: Final = pattern(r"auth|login|sess|sid\b|token", re.IGNORECASE)
_nobodys: Final = pattern(r"csrf|xsrf", re.IGNORECASE)
"""Names of cookies that open a session, and of those that are worth nothing without one."""
_random: Final = pattern(r"(?=.*[0-9])(?=.*[A-Za-z])[\w+/=~:-]{16,}")
_KINDS: Final = 8
"""Different characters of a value that looks drawn at random. It has no dot, which stands in signed ones."""
_ALONE: Final = b"httponly"


class GivenCookies:
    """One audit's; holds hashes. Use it with ``runtime.part``."""

    def __init__(self, _runtime: Any) -> None:
        self._given: dict[int, User | None] = {}
        """Name and value -> to whom; None for what somebody else has brought along, too."""

    def owner(self, user: User, headers: Iterable[tuple[bytes, bytes]], inputs: Inputs | None) -> User | None:
        """To whom a cookie was given that an answer to ``user`` sets, which the request has not brought along.

        One that opens no session by its name counts beside another one that is the user's own, as both stand in an
        answer that two users share.
        """
        found = [one for name, value in headers if name.lower() == b"set-cookie" for one in _drawn(value)]
        if not found:
            return None
        others = {key: one for key, _ in found if (one := self._given.get(key)) is not None and not same(one, user)}
        alone = len(others) == len(found)
        came_in = "" if inputs is None or not others else text_of([one.texts(one.value) for one in inputs.kept])[0]
        for key, (name, value) in found:
            other = others.get(key)
            if other is None:
                self._given.setdefault(key, user)
            elif value in came_in:
                self._given[key] = None
            elif not alone or _of_sessions.search(name) is not None:
                return other
        drop_oldest(self._given, _COOKIES)
        return None


def _drawn(header: bytes) -> list[tuple[int, tuple[str, str]]]:
    """The name and the value in a value of ``Set-Cookie``, with their hash, where they may open a session."""
    if _ALONE not in header.lower():
        return []
    name, _, value = header.partition(b";")[0].decode("latin-1").partition("=")
    name, value = name.strip(), value.strip().strip('"')
    if _random.fullmatch(value) is None or len(set(value)) < _KINDS or _nobodys.search(name) is not None:
        return []
    return [(hash((name, value)), (name, value))]
