"""The entry of ours in W3C's header ``baggage``: the pseudonym of the user whose work sends a request or a message.

Source: https://www.w3.org/TR/baggage/ (members are separated by commas, properties of a member by semicolons).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    import re

HEADER: Final = "baggage"
KEY: Final = "isolation_audit.user"

_PSEUDONYM: Final = pattern(r"[0-9a-f]{12}")
_DIGEST: Final = pattern(r"[0-9a-f]{32}")
_LONGEST: Final = 8_192
"""Bytes of a header that is read; the standard asks for no more."""


def pseudonym_in(header: str) -> str | None:
    """The pseudonym that the header names; None without one, and for anything that is none of ours."""
    return _entry(header, _PSEUDONYM)


def digest_in(header: str) -> str | None:
    """The same of a message in a queue, where the pseudonym is there with all its digits."""
    return _entry(header, _DIGEST)


def _entry(header: str, form: re.Pattern[str]) -> str | None:
    for member in header[:_LONGEST].split(","):
        key, _, value = member.partition(";")[0].partition("=")
        if key.strip() == KEY:
            value = value.strip()
            return value if form.fullmatch(value) else None
    return None


def with_pseudonym(header: str | None, pseudonym: str | None) -> str | None:
    """The header with this pseudonym in place of any of ours, the other members as they are; None for an empty one."""
    others = [member for member in (header or "").split(",") if member.partition("=")[0].strip() != KEY]
    members = [member for member in others if member.strip()]
    if pseudonym is not None:
        members.append(f"{KEY}={pseudonym}")
    return ",".join(members) or None
