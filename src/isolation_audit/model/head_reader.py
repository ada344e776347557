"""Which headers of a request tell something: found out once for each name, so that the others are passed by unread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.credentials import is_key
from isolation_audit.model.headers import says_tenant, says_user

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.served_hosts import ServedHosts

_NAMES: Final = 2_000
"""Names of headers that are remembered; anybody may send any."""

_USERS: Final = 64
"""Names of headers with users that are told apart."""

Headers = list[tuple[str, str]]


class _Meaning:
    """What a header may tell; ``name`` is in lower case, whichever way the server writes it."""

    __slots__ = ("credential", "host", "name", "user")

    def __init__(self, name: str, *, user: bool) -> None:
        self.name = name
        self.user = user
        self.host = name == "host"
        self.credential = name in ("cookie", "authorization") or is_key(name)


class HeadReader:
    """Reads heads of requests, as ASGI has them (pairs of bytes), as WSGI has them (an environment), or as texts.

    Headers that are not in ``ranks``, and whose names say that they have the user, get a rank of their own from
    ``others_from`` on, where that is given; those with the tenant from ``tenants_from`` on.
    """

    def __init__(
        self, ranks: dict[str, int], hosts: ServedHosts, *, others_from: int | None = None, tenants_from: int = 0
    ) -> None:
        self._tenants_from = tenants_from
        self._ranks = ranks
        self._others_from = others_from
        self._hosts = hosts
        self._of_bytes: dict[Any, _Meaning | None] = {}
        self._of_texts: dict[Any, _Meaning | None] = {}

    def read(self, heads: Iterable[tuple[Any, Any]], *, encoded: bool) -> tuple[Headers, Headers]:
        """The headers that may name a user, and those that may hold a credential; the host is noted.

        ``encoded``: names and values are bytes, or it is no head at all.
        """
        users: Headers = []
        credentials: Headers = []
        meanings = self._of_bytes if encoded else self._of_texts
        for written, value in heads:
            try:
                meaning = meanings[written]
            except KeyError:
                meaning = self._learn(written, meanings, encoded=encoded)
            if meaning is None:
                continue
            text = value.decode("latin-1") if encoded else value
            if meaning.user:
                users.append((meaning.name, text))
            if meaning.credential:
                credentials.append((meaning.name, text))
            if meaning.host and text not in self._hosts.known:
                self._hosts.note(text)
        return users, credentials

    def _learn(self, written: Any, meanings: dict[Any, _Meaning | None], *, encoded: bool) -> _Meaning | None:
        """What is written so; None for what tells nothing."""
        name = written.decode("latin-1").lower() if encoded else name_in_environ(written) or written.lower()
        if self._others_from is not None and name not in self._ranks and len(self._ranks) < _USERS:
            kind, tenant = says_user(name), says_tenant(name)
            if kind is not None:
                self._ranks[name] = self._others_from + kind * _USERS + len(self._ranks)
            elif tenant is not None:
                self._ranks[name] = self._tenants_from + tenant
        made = _Meaning(name, user=name in self._ranks)
        meaning = made if made.user or made.credential or made.host else None
        if len(meanings) < _NAMES:
            meanings[written] = meaning
        return meaning


def name_in_environ(key: str) -> str:
    """The name of the header that a WSGI environment has under this key; empty where it is none."""
    if key.startswith("HTTP_"):
        return key[5:].replace("_", "-").lower()
    return "remote-user" if key == "REMOTE_USER" else ""
