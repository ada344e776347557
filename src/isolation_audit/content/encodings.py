"""Encodings: what the tokens in a text hold."""

from __future__ import annotations

import zlib
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_token: Final = pattern(r"[A-Za-z0-9_\-+/]{12,}")
_TOKENS: Final = 2_000
"""Tokens of one text that are looked into."""

_UNPACKED: Final = 64 * 1024
"""Bytes that one compressed token may give."""


def unwrapped(text: str) -> Iterator[str]:
    """What the tokens in a text hold: signed cookies and sessions, JWTs, Basic credentials; compressed or not."""
    for place, match in enumerate(_token.finditer(text)):
        if place >= _TOKENS:
            return
        token = match[0].replace("-", "+").replace("_", "/")
        # A length of 1 modulo 4 is no base64; without its last sign the rest is still readable.
        token = token[:-1] if len(token) % 4 == 1 else token
        raw = b64decode(token + "=" * (-len(token) % 4))
        if raw[:1] == b"x":
            try:
                raw = zlib.decompressobj().decompress(raw, _UNPACKED)
            except zlib.error:
                continue
        if raw.isascii() or b'"' in raw:
            yield raw.decode("utf-8", "replace")
