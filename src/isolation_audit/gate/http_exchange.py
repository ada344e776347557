"""One HTTP request of a command, and its answer: within a total time and a size, to the address that was named.

No redirect is followed: whoever answers must not be able to send a question, or what is posted, elsewhere.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 10.0
"""For the whole exchange, the look-up of the host and the last byte included."""

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer."""

_LONGEST_REASON: Final = 200


class ExchangeError(Exception):
    """There is no usable answer; the text says why, in words that may be shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, whatever its status."""

    status: int
    body: bytes


def exchange(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """GET ``url``, or POST ``body`` to it.

    Raises:
        ExchangeError: no complete answer came in time, it is too large, or it is a redirect.
    """
    found: list[Answer | Exception] = []

    def ask() -> None:
        try:
            found.append(_ask(url, body, dict(headers or {})))
        except Exception as error:
            found.append(error)

    # On a thread of its own: neither a resolver nor a server that sends a byte a second keeps to a socket's timeout.
    thread = threading.Thread(target=ask, name="isolation-audit-http", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not found:
        raise ExchangeError(f"no complete answer within {SECONDS:g} seconds")
    result = found[0]
    if isinstance(result, Answer):
        return result
    raise result if isinstance(result, ExchangeError) else ExchangeError(_reason(result)) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _ask(url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the commands let http and https through
    try:
        answer: Any = urllib.request.build_opener(_NoRedirects).open(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        if 300 <= answer.status < 400:
            raise ExchangeError(f"it answered with status {answer.status}; redirects are not followed")
        content = answer.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ExchangeError(f"the answer has more than {LARGEST} bytes")
    return Answer(answer.status, content)


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return f"what it answered is no HTTP ({type(error).__name__})"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return shown(str(reason), _LONGEST_REASON) if reason else type(error).__name__
