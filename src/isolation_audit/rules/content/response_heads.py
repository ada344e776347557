"""The heads of responses: what a redirect, a cookie or a header of the application's own tells.

They are read as an object of JSON with the names of the headers as its keys, so that the rules for bodies hold: who
may be named in a field, and where it is.
"""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD: Final = "the head of a response"

NOBODYS: Final = frozenset(
    {b"accept-ranges", b"age", b"allow", b"cache-control", b"connection", b"content-encoding", b"content-language"}
    | {b"content-length", b"content-range", b"content-security-policy", b"content-type", b"date", b"etag", b"expires"}
    | {b"keep-alive", b"last-modified", b"permissions-policy", b"pragma", b"referrer-policy", b"retry-after", b"server"}
    | {b"strict-transport-security", b"transfer-encoding", b"upgrade", b"vary", b"via", b"www-authenticate"}
    | {b"x-content-type-options", b"x-frame-options", b"x-powered-by", b"x-process-time", b"x-request-id"}
    | {b"x-xss-protection", b"access-control-allow-credentials", b"access-control-allow-headers"}
    | {b"access-control-allow-methods", b"access-control-allow-origin", b"access-control-expose-headers"}
    | {b"access-control-max-age", b"cross-origin-opener-policy", b"cross-origin-embedder-policy"}
    | {b"cross-origin-resource-policy", b"alt-svc", b"sec-websocket-accept", b"sec-websocket-extensions"}
)
"""Names of headers, in small letters, that tell of nobody."""

_LONGEST: Final = 8 * 1024
"""Characters of one header that are looked at."""

_in_octal: Final = re.compile(r"\\([0-3][0-7]{2})")


def readable(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What headers say, as JSON, with cookies and addresses as they were before they were written down for it."""
    told: dict[str, str] = {}
    for name, value in headers:
        key = _spelled(name.decode("latin-1").lower())
        text = value.decode("latin-1")[:_LONGEST]
        if key == "set_cookie":
            cookie, _, text = text.partition(";")[0].partition("=")
            key = f"cookie {cookie.strip()}"
            text = _in_octal.sub(lambda found: chr(int(found[1], 8)), text.strip().strip('"'))
        told[key] = unquote_plus(text)
    return dumps({"head": told}, ensure_ascii=False)


def _spelled(name: str) -> str:
    """The name of a header as one of a field: those of applications begin with ``x-`` by custom."""
    return name.removeprefix("x-").replace("-", "_")
