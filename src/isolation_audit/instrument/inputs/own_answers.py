"""Answers that this process has got from itself: they were in its memory before, and explain nothing.

A program that serves and asks, as a test with its client does, would else have read everything that it has served.
"""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from isolation_audit.model.served_hosts import ServedHosts

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input

_PARTS: Final = 2
"""Parts of what tells where a client of HTTP has asked."""


class OwnAnswers:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._hosts: ServedHosts = runtime.part(ServedHosts)
        self._thread = local()

    def has(self, one: Input) -> bool:
        """True for a question to this process, and for its answer: by then its server has seen where it was asked.

        The standard library's client gets its answer on the thread that has asked, and the answer doesn't say whose.
        """
        if one.question is not None:
            self._thread.asks = _host(one.asked(one.question))
        return getattr(self._thread, "asks", "") in self._hosts


def _host(asked: Any) -> str:
    """Of an address and the headers that go there, as those integrations tell them that watch clients of HTTP."""
    if (type(asked) is not list and type(asked) is not tuple) or len(asked) != _PARTS or type(asked[0]) is not str:
        return ""
    address, headers = asked
    netloc: str = urlsplit(address).netloc.rpartition("@")[2]
    return next((value for name, value in headers if name.lower() == "host"), netloc)
