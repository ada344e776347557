"""Where this process itself is asked: the hosts that its requests were sent to.

A process may ask itself: a test's client beside the server, a job that calls the application's own address. What it is
answered then has come from its own memory, and from nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOSTS: Final = 1_000
"""Hosts that are remembered; anybody may send any."""


class ServedHosts:
    """One audit's; ``runtime.part(ServedHosts)``."""

    def __init__(self, _runtime: Any = None) -> None:
        self._hosts: dict[str, None] = {}

    def note(self, headers: Iterable[tuple[str, str]]) -> None:
        """A request has come with these headers, with their names in lower case."""
        for name, value in headers:
            if name == "host":
                if value not in self._hosts and len(self._hosts) < _HOSTS:
                    self._hosts[value] = None
                return

    def __contains__(self, host: str) -> bool:
        return host in self._hosts
