"""Readings: a text as the bytes that are searched, once as it stands and once more where it is JSON or part of a URL.

What all shapes of identifiers rely on: bytes of 0x80 and above are letters. Other signs beyond ASCII end a word, and
all are the same here, :data:`BREAK`; letters of scripts that are written without spaces end it as well.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from isolation_audit.analysis.patterns import pattern

BREAK: Final = "\x1f"

LETTERS: Final = rb"0-9A-Za-z\x80-\xff"
"""Inside a set of a regular expression: what continues a word on its own."""

LETTER: Final = b"[" + LETTERS + b"]"

JOINTS: Final = b"_-"
"""What is a part of words as well."""

WORD: Final = b"[" + LETTERS + JOINTS + b"]"

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_has_unspaced: Final = pattern(f"[{_UNSPACED}]")
_foreign_signs: Final = pattern(r"[^\w\x00-\x7f]")
_foreign_signs_and_unspaced: Final = pattern(rf"[^\w\x00-\x7f]|[{_UNSPACED}]")
_unicode_escapes: Final = pattern(r"(?:\\u[0-9a-fA-F]{4})+")
_ESCAPES: Final = tuple([(f"\\{sign}", " ") for sign in '\\"nrt/bf'])
"""The escaped backslash first: what follows it is no escape."""


def separated(*, inside: bytes) -> bytes:
    """A table for ``bytes.translate`` that leaves letters and ``inside``, and makes spaces of the rest."""
    kept = re.compile(rb"[" + LETTERS + re.escape(inside) + rb"]")
    return bytes(code if kept.match(bytes([code])) else 0x20 for code in range(256))


_WORDS: Final = separated(inside=JOINTS)


class Reading:
    """One way to read a text; ``cut`` is set by a search that did not come to its end."""

    __slots__ = ("_words", "cut", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.cut = False
        self._words: list[bytes] | None = None

    def words(self) -> list[bytes]:
        """All words, and where joints stand at a word's ends also the word without them. Made once."""
        if self._words is None:
            spaced = b" %b " % self.data.translate(_WORDS)
            words = spaced.split()
            # A pair of signs is searched for slowly where one of them is a space; most texts have no joint at all.
            if any(joint in spaced and (joint + b" " in spaced or b" " + joint in spaced) for joint in (b"-", b"_")):
                words += [word.strip(JOINTS) for word in words if word[0] in JOINTS or word[-1] in JOINTS]
            self._words = words
        return self._words


def encoded(text: str, *, unspaced: bool = True) -> bytes:
    """``text`` as it is searched; without ``unspaced`` its letters of unspaced scripts end identifiers."""
    if text.isascii():
        return text.encode()
    return (_foreign_signs.sub if unspaced else _foreign_signs_and_unspaced.sub)(BREAK, text).encode()


def readings(text: str, *, unspaced: bool) -> list[Reading]:
    """All ways to read ``text``; with ``unspaced`` also one with the letters of unspaced scripts."""
    plain = [text]
    if "\\" in text:
        plain.append(_without_escapes(text))
    if "%" in text and (decoded := unquote(text)) != text:
        plain.append(decoded)
    every = [Reading(encoded(one, unspaced=False)) for one in plain]
    if unspaced:
        every += [Reading(encoded(one)) for one in plain if is_unspaced(one)]
    return every


def is_unspaced(text: str) -> bool:
    """True where it holds letters of a script that is written without spaces."""
    return not text.isascii() and _has_unspaced.search(text) is not None


def _without_escapes(text: str) -> str:
    for escape, space in _ESCAPES:
        text = text.replace(escape, space)
    return _unicode_escapes.sub(_unescaped, text) if "\\u" in text else text


def _unescaped(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("\\u", "")).decode("utf-16-be", "replace")
