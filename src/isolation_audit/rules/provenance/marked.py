"""Numbers by which one person is known: telephones, accounts, passports, orders.

They are no words, and name nobody. Two people seldom have the same one by chance, so whose it is, is known from where
it came in. Dates, identifiers of requests and names of versions are as long, and everybody's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_DIGITS: Final = 8
"""Digits of a number that is somebody's, wherever it came from..."""

_OF_A_NAME: Final = 6
"""...of a name with digits in it..."""

_OF_A_ROW: Final = 4
"""...and of such a name in what was read with a question about its user."""

_MOST: Final = 32
"""Digits of the longest: what has more is a key."""

_THINGS: Final = pattern(
    r"(^|[_\-.])(id|ids|key|sku|ean|upc|isbn|asin|gtin|barcode|serial|slug|version|model|revision|hash|digest|etag"
    r"|url|uri|href|link|path|file|filename|token|nonce|seed|time|date|timestamp|created|updated|at|cursor|offset"
    r"|lat|lon|lng|latitude|longitude)s?$",
    re.IGNORECASE,
)
"""Names of fields whose values name things, times and places, and no person."""

_digits: Final = pattern(r"\d")
_possible: Final = pattern(r"\d\D?\d")
_spaced_number: Final = pattern(r"(?<![\w.,:/@-])\+?\(?\d[\d ()/.-]{6,40}\d(?![\w:/@-])")
_name: Final = pattern(r"(?<![\w.:/@%&=?#-])(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])[A-Za-z0-9][\w.-]*[A-Za-z0-9](?![\w:/@=])")
_date: Final = pattern(
    r"(?<!\d)(?:19|20)\d\d[-./]?(?:0\d|1[0-2])[-./]?(?:[0-2]\d|3[01])(?:[ T_-]?\d{2}[:.]?\d{2}(?:[:.]?\d{2})?)?(?!\d)"
    r"|(?<!\d)\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d(?!\d)"
)
_hexadecimal: Final = pattern(r"[0-9a-fA-F-]{16,}")
_address: Final = pattern(r"\d{1,3}(?:\.\d{1,3}){3}")
_time: Final = pattern(r"1[5-9]\d{8}(?:\d{3}){0,3}(?:\.\d+)?")
"""Seconds, or parts of them, since 1970: those of this time."""


def may_be_marked(text: str) -> bool:
    """True where it is worth to look: in most texts two digits are not even near each other."""
    return _possible.search(text) is not None


def marked(text: str, *, read: bool = False) -> Iterator[str]:
    """Such numbers in a text; ``read``: it was read with a question about its user, and is somebody's for certain."""
    if len(_digits.findall(text)) < (_OF_A_ROW if read else _OF_A_NAME):
        return
    text = _date.sub(" ", text)
    for match in _spaced_number.finditer(text):
        if _is_rare(match[0], _DIGITS):
            yield match[0]
    for match in _name.finditer(text):
        if not _hexadecimal.fullmatch(match[0]) and _is_rare(match[0], _OF_A_ROW if read else _OF_A_NAME):
            yield match[0]


def of_persons(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    """The texts that may hold such a number, among what a request has brought in with names."""
    found: list[str] = []
    for name, value in pairs:
        # Few values have such a number, and only of those the name is asked.
        kind = type(value)
        if kind is str or kind is int:
            text = value if kind is str else int.__repr__(value)
            if len(text) >= _OF_A_NAME and _possible.search(text) is not None and _THINGS.search(name) is None:
                found.append(text)
        elif kind is list:
            found += of_persons((name, one) for one in value if type(one) is str or type(one) is int)
    return found


def _is_rare(found: str, digits: int) -> bool:
    if _address.fullmatch(found) or _time.fullmatch(found):
        return False
    held = [sign for sign in found if sign.isdigit()]
    # Round numbers, and those of one digit, are made up.
    return digits <= len(held) <= _MOST and len({*held}) > 2 and len("".join(held).rstrip("0")) > digits // 2
