"""Where this process itself is asked: the hosts that its requests were sent to.

A process may ask itself: a test's client beside the server, a job that calls the application's own address. What it is
answered then has come from its own memory, and from nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOSTS: Final = 1_000
"""Hosts, and logins, that are remembered; anybody may send any."""


class OwnLogins:
    """Logins with which users' work asks services, as a client's own: whoever comes here with one is the application.

    They are kept by hash.
    """

    def __init__(self) -> None:
        self._sent: dict[int, None] = {}

    def note(self, value: str) -> None:
        """The value of a header goes out with a request."""
        key = hash(value)
        if key not in self._sent and len(self._sent) < _HOSTS:
            self._sent[key] = None

    def any_of(self, values: Iterable[str]) -> bool:
        """True where one of these went out."""
        return bool(self._sent) and any(hash(value) in self._sent for value in values)


class ServedHosts:
    """One audit's; ``runtime.part(ServedHosts)``."""

    def __init__(self, _runtime: Any = None) -> None:
        self.known: dict[str, None] = {}
        self.logins = OwnLogins()

    def note(self, host: str) -> None:
        """A request was sent to this host."""
        if len(self.known) < _HOSTS:
            self.known[host] = None

    def __contains__(self, host: str) -> bool:
        return host in self.known
