"""Whether a text names one identifier: as a whole, and not as a part of a word or of another identifier.

The index of live identifiers answers this for all users at once. Here there is one that is asked for, and a text that
the application has made itself, such as the name of a tenant's schema: ``rows_of_alice`` names alice, ``annual`` and
``ann2`` do not name ann.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST: Final = 3
"""Characters of an identifier below which it is found anywhere."""

SHORTEST_NUMBER: Final = 9
"""Digits below which a number in a text is more often an amount or a count: then it counts where it is all of it."""

_FOLLOWS: Final = pattern(r"[\w.@+-]*")
_PRECEDES: Final = pattern(r"[\w.@+-]*\Z")
_PUNCTUATION: Final = ".-+_@"


def mentions(text: str, identifier: str, known: Callable[[str], Any] | None = None) -> bool:
    """True where ``text`` names ``identifier``; ``known`` gives something true for the identifiers of others."""
    if text == identifier:
        return len(identifier) >= SHORTEST
    if len(identifier) < SHORTEST or (identifier.isdecimal() and len(identifier) < SHORTEST_NUMBER):
        return False
    start = text.find(identifier)
    while start >= 0:
        end = start + len(identifier)
        if stands_alone(text, start, end) and not (known is not None and _is_of_another(text, start, end, known)):
            return True
        start = text.find(identifier, start + 1)
    return False


def stands_alone(text: str, start: int, end: int) -> bool:
    """True where no letter or digit stands beside what begins and ends there."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (after.isalnum() and text[end - 1].isalnum())


def _is_of_another(text: str, start: int, end: int, known: Callable[[str], Any]) -> bool:
    """True where it is but a part of a longer identifier: ``ann`` in ``ann-marie``."""
    follows, precedes = _FOLLOWS.match(text, end), _PRECEDES.search(text[:start])
    last = end if follows is None else follows.end()
    first = start if precedes is None else precedes.start()
    longer = text[first:last].strip(_PUNCTUATION)
    return longer != text[start:end] and bool(known(longer))
