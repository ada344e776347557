"""Atoms: the parts of a text by which somebody's data can be recognised elsewhere.

Numbers, names with digits in them, addresses, and phrases: what two people seldom say by chance. An atom is kept as its
hash; the text itself is gone with its unit of work.
"""

from __future__ import annotations

from encodings.aliases import aliases
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.tables import first

if TYPE_CHECKING:
    from collections.abc import Iterator

__builtins__ = BUILTINS

LONGEST: Final = 400_000
"""Characters of one text that are looked at."""

_MOST: Final = 20_000
"""Atoms of one text."""

_PHRASE: Final = 12
"""Characters that a phrase has at least, and words:"""
_WORDS: Final = 2

_DIGITS: Final = 4
"""Digits that a number has at least; smaller ones are counts and constants more often than somebody's."""

_ROUND: Final = 2
"""Digits before the zeros of a round number."""

_MIXED: Final = 5
"""Characters of a name with digits in it."""

_REMEMBERED: Final = 8_000
"""Texts and parts of texts whose atoms are remembered: headers, cookies and rows come again with each request."""

_FEW: Final = 64
"""Atoms of one that is remembered."""

_ENCODINGS: Final = frozenset(name for name in (*aliases, *aliases.values()) if name[0].isalpha())
"""Names of encodings, which have digits and stand in whatever knows of texts; not those that are numbers."""

_segments: Final = pattern(r"[\0\n\r\t\"<>{}\[\]()|;&=?]+")
_words: Final = pattern(r"[^\W_][\w@.+-]*")
_number: Final = pattern(r"[\d.,:+-]+")
_year: Final = pattern(r"(?:19|20)\d\d")
_escaped: Final = pattern(r"%[0-9A-Fa-f]{2}|\w\+\w")


_SPACED: Final = "".join(sign.lower() if sign.isalnum() else " " for sign in map(chr, range(128)))


def simple_words(text: str) -> list[str] | None:
    """The letters and digits of a text that stand together, in small letters; None where that is no simple matter.

    Each atom of the text is made of some of them, which begin and end where they do in the atom. It takes a tenth of
    what :func:`atoms` takes.
    """
    if not text.isascii() or "%" in text or "+" in text:
        return None  # letters that fold into several, and what may be escaped
    return text.translate(_SPACED).split()


def longest_simple_word(atom: str) -> str:
    """The longest of an atom's, by which it is looked for; empty where a text of simple words can't have it."""
    return max(simple_words(atom) or [""], key=len)


def atoms(text: str) -> dict[int, str]:
    """The atoms of a text by their hashes."""
    found: dict[int, str] = {}
    text = text[:LONGEST]
    for reading in (text, unquote_plus(text)) if _escaped.search(text) else (text,):
        for atom in _atoms(reading.casefold()):
            found[hash(atom)] = atom
            if len(found) >= _MOST:
                return found
    return found


_remembered: Final[dict[int, frozenset[int]]] = {}
"""By the hash of a text or of a part of one: its atoms."""


def hashes(text: str) -> frozenset[int]:
    """The hashes of the atoms of a text whose parts stand between zeros, as those of a request or of a row do."""
    known = _remembered.get(hash(text))
    if known is not None:
        return known
    found: set[int] = set()
    parts = text[:LONGEST].split("\0")
    for part in parts:
        known = _remembered.get(hash(part))
        if known is None:
            known = frozenset(atoms(part))
            _remember(part, known)
        found |= known
        if len(found) >= _MOST:
            break
    if len(parts) > 1:
        known = frozenset(found)
        _remember(text, known)
    return known or frozenset()


def _remember(text: str, found: frozenset[int]) -> None:
    if len(found) > _FEW:
        return
    if len(_remembered) >= _REMEMBERED:
        for old in first(_remembered, _REMEMBERED // 10):
            _remembered.pop(old, None)
    _remembered[hash(text)] = found


def _atoms(text: str) -> Iterator[str]:
    # Each once: a query stands in a request's URL, in its parts and in its form, and a list repeats its keys.
    for segment in dict.fromkeys(_segments.split(text)):
        words = [word.rstrip(".+-") for word in _words.findall(segment)]
        for place, word in enumerate(words):
            if _is_distinctive(word):
                yield word
                yield from (part for part in word.split("-") if part != word and _is_distinctive(part))
            if place + 1 < len(words) and (phrase := _phrase(words, place)):
                yield phrase


def _is_distinctive(word: str) -> bool:
    if "@" in word[1:]:
        return len(word) >= _MIXED
    digits = sum(map(str.isdigit, word))
    if not digits:
        return False
    if _number.fullmatch(word):
        # Years, and round numbers such as 1000 or 8000, stand everywhere.
        return digits >= _DIGITS and not _year.fullmatch(word) and len(word.rstrip("0.,")) > _ROUND
    return len(word) >= _MIXED and word.replace("-", "_") not in _ENCODINGS


def _phrase(words: list[str], place: int) -> str:
    """The shortest phrase from this word on; empty where the text ends before."""
    length = 0
    for end in range(place, len(words)):
        length += len(words[end]) + 1
        if length > _PHRASE and end - place + 1 >= _WORDS:
            return " ".join(words[place : end + 1])
    return ""
