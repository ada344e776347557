"""Where this process itself is asked: the hosts that its requests were sent to.

A process may ask itself: a test's client beside the server, a job that calls the application's own address. What it is
answered then has come from its own memory, and from nowhere else.
"""

from __future__ import annotations

from typing import Any, Final

_HOSTS: Final = 1_000
"""Hosts that are remembered; anybody may send any."""


class ServedHosts:
    """One audit's; ``runtime.part(ServedHosts)``."""

    def __init__(self, _runtime: Any = None) -> None:
        self.known: dict[str, None] = {}

    def note(self, host: str) -> None:
        """A request was sent to this host."""
        if len(self.known) < _HOSTS:
            self.known[host] = None

    def __contains__(self, host: str) -> bool:
        return host in self.known
