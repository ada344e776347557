"""What the head of an answer tells caches that serve everybody (RFC 9111, RFC 9213): whether they may keep it.

Only what the application says in so many words counts. What a cache may guess from an answer that says nothing is the
business of whoever configures that cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES: Final = {
    b"cache-control",
    b"cdn-cache-control",
    b"surrogate-control",
    b"vary",
    b"set-cookie",
    b"content-encoding",
}
_CONTROLS: Final = {b"cache-control", b"cdn-cache-control", b"surrogate-control"}
"""Those of them that say who may keep it."""
_SAYS: Final = (b"public", b"s-maxage", b"max-age")
_HARMLESS: Final = pattern(
    r"accept(?:-.*)?|origin|user-agent|host|x-requested-with|sec-.*|save-data|dnt|dpr", re.IGNORECASE
)
"""Headers of which the same value comes from many users; whatever else an answer varies by may tell users apart."""
_NEVER: Final = frozenset(("private", "no-store", "no-cache"))


@dataclass(frozen=True, slots=True)
class Cacheable:
    """An answer that caches for everybody may keep: what ``said`` so, and the cookies that it sets."""

    said: str
    cookies: tuple[str, ...]
    encoded: bool
    """Its body is compressed: nothing can be read in it."""


def kept_for_all(headers: Iterable[tuple[bytes, bytes]]) -> Cacheable | None:
    """None, where the head of an answer does not say so."""
    told: list[tuple[bytes, bytes]] = []
    says = False
    for name, value in headers:
        lower = name.lower()
        if lower in _NAMES:
            told.append((lower, value))
            if not says and lower in _CONTROLS:
                lower = value.lower()
                says = _SAYS[0] in lower or _SAYS[1] in lower or _SAYS[2] in lower
    return _kept(told) if says else None


def _kept(told: list[tuple[bytes, bytes]]) -> Cacheable | None:
    texts = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in told]
    vary = [one.strip() for name, value in texts if name == "vary" for one in value.split(",")]
    if any(one and _HARMLESS.fullmatch(one) is None for one in vary):
        return None
    said = _said(texts)
    if said is None:
        return None
    encoded = any(name == "content-encoding" and value.strip().lower() != "identity" for name, value in texts)
    return Cacheable(said, tuple([value for name, value in texts if name == "set-cookie"]), encoded)


def _said(texts: list[tuple[str, str]]) -> str | None:
    # Caches for which a header of their own is meant read that one alone.
    for own in ("cdn-cache-control", "surrogate-control"):
        directives = _directives(value for name, value in texts if name == own)
        if directives and not _NEVER & directives.keys() and _seconds(directives, "max-age"):
            return f"{own}: max-age={directives['max-age']}"
    directives = _directives(value for name, value in texts if name == "cache-control")
    if _NEVER & directives.keys():
        return None
    if "s-maxage" in directives:
        return f"cache-control: s-maxage={directives['s-maxage']}" if _seconds(directives, "s-maxage") else None
    if "public" not in directives or ("max-age" in directives and not _seconds(directives, "max-age")):
        return None
    return "cache-control: public"


def _directives(values: Iterable[str]) -> dict[str, str]:
    parts = (part.strip().partition("=") for value in values for part in value.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts if name.strip()}


def _seconds(directives: dict[str, str], name: str) -> int:
    value = directives.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else 0
