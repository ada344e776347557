"""Identifiers of several words that no other shape covers: each is searched for where the rarest of its words is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.readings import LETTER, WORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.content.readings import Reading

WORK: Final = 20_000_000
"""Bytes that the search may run over, for one text: some 20 ms."""

_WORDS: Final = pattern(WORD + b"+")
_COMMON: Final = 3
"""Shorter words are in every text."""

_AROUND: Final = 4
_ends_in_letter: Final = pattern(LETTER + rb"[_.+-]*\Z")
_begins_with_letter: Final = pattern(b"[_.-]*" + LETTER)


class Phrases:
    """Searched for by their heads, which the text's words are looked up in."""

    def __init__(self) -> None:
        self._heads: dict[bytes, tuple[bytes, ...]] = {}
        """A word -> the identifiers that are looked for where it turns up."""

    def __len__(self) -> int:
        return len(self._heads)

    @staticmethod
    def takes(identifier: bytes) -> bool:
        """Where it has a word at all."""
        return _WORDS.search(identifier) is not None

    def add(self, identifier: bytes) -> bool:
        """Where it has a word at all."""
        words = _WORDS.findall(identifier)
        if not words:
            return False
        # So that few share one.
        head = min(words, key=lambda word: (len(word) < _COMMON, len(self._heads.get(word, ()))))
        self._heads[head] = (*self._heads.get(head, ()), identifier)
        return True

    def remove(self, identifier: bytes) -> None:
        """Take it from its head."""
        for word in _WORDS.findall(identifier):
            left = tuple([one for one in self._heads.get(word, ()) if one != identifier])
            if left:
                self._heads[word] = left
            else:
                self._heads.pop(word, None)

    def candidates(self, reading: Reading) -> Iterator[bytes]:
        """Those that are in the text; the search ends where it has run over :data:`WORK`."""
        data, work = reading.data, WORK
        for head in dict.fromkeys(filter(self._heads.__contains__, reading.words())):
            for identifier in self._heads.get(head, ()):
                work -= len(data)
                if work < 0:
                    reading.cut = True
                    return
                if _holds(data, identifier):
                    yield identifier


def _holds(data: bytes, identifier: bytes) -> bool:
    """True where the identifier stands for itself: not inside a longer word, not as a part of a longer address."""
    place = data.find(identifier)
    while place >= 0:
        end = place + len(identifier)
        before, after = data[max(0, place - _AROUND) : place], data[end : end + _AROUND]
        if _ends_in_letter.search(before) is None and _begins_with_letter.match(after) is None:
            return True
        place = data.find(identifier, place + 1)
    return False
