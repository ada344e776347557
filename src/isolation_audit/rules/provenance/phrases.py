"""Phrases: some words in their order, kept as digests, by which what somebody has said is known again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.rules.provenance.marked import marked, may_be_marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType

    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.asked_things import Writing

WORDS: Final = 3
"""Words of the shortest phrase that is told from a way of speaking; what is no prose has no spaces..."""

LETTERS: Final = 10
"""...and its letters and digits..."""

_LONGEST_WORD: Final = 4
"""...and the least of its longest word, but where there are more words than that: "how are you" is nobody's."""

_MOST_WORDS: Final = 40
"""Words of a phrase that count: what begins alike for so long is the same."""

_PART: Final = 6
"""Words of each part of a long sentence, which is known by itself: titles, previews and streams that are cut have no
more of it..."""
_PART_LETTERS: Final = 24
_PART_WORD: Final = 6
"""...and the least of a part's letters and digits, and of its longest word: a turn of speech is no part."""

_any_words: Final = pattern(r"\w+")
_SPACED: Final = "".join(sign.lower() if re.match(r"\w", sign) else " " for sign in map(chr, range(128)))
_sentences: Final = pattern(r"[.!?;]\s+|[\r\n\0]+")
_quoted: Final = pattern(r"\"([^\"\r\n]{10,})\"|(?<!\w)'([^'\r\n]{10,})'(?!\w)")
"""What stands between quotes, as in code, and in the questions of query languages: it goes on without them."""
_escapes: Final = pattern(r"\\(?:u([0-9a-fA-F]{4})|[nrtbf\"/\\])")


@dataclass(slots=True, eq=False)
class Phrase:
    """Some words in their order, by digest.

    ``anchor`` is the digest of the longest of them, ``pair`` that of it and a word beside it, which begin at ``place``.
    """

    digest: int
    length: int
    anchor: int
    pair: int
    place: int
    user: User | None
    """Whose; None once they are nobody's."""
    meant_for: frozenset[str] = frozenset()
    """The ids of those whom the request has named that brought it in."""
    said_in: frozenset[str] = frozenset()
    """What that request had asked for by its path: whoever asks for the same room may read what is said there."""
    named: frozenset[int] = frozenset()
    """Hashes of the single values beside it: one of them may be the name of somebody who becomes known later."""
    taken_by: CodeType | None = None
    """The view that has taken it, where the request was addressed to nobody."""
    about: frozenset[int] = frozenset()
    """What that request has written to, by name: whoever asks for that may read what was written there..."""
    written_by: Writing | None = None
    """...but through the same view, which may be asked with the same values whatever it is about."""
    asked_with: frozenset[int] = frozenset()
    """A language model has said it, asked with these: whoever has said one of them may be given it."""
    given: bool = False
    """Its user has been sent it."""
    told_model: bool = False
    """Its user has said it to a language model."""
    read: bool = False
    """It did not come with a request, but was read with a question about its user."""
    key: bool = False
    """A key or a token: where its user shares what it belongs to with others, it is none of what is shared."""


def unescaped(text: str) -> str:
    """A text that may be JSON, or HTML, without their escapes: those are no words."""
    if "\\" in text:
        text = _escapes.sub(lambda match: chr(int(match[1], 16)) if match[1] else " ", text)
    return unescape(text) if "&" in text else text


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters; of plain ASCII at a third of what the expression costs."""
    return text.translate(_SPACED).split() if text.isascii() else _any_words.findall(text.lower())


def pair_at(words: Sequence[str], place: int) -> int:
    """The digest of a word and of the one behind it, or of a single word."""
    return hash((words[place], words[place + 1])) if place + 1 < len(words) else hash((words[place],))


def whole(text: str, user: User) -> Phrase:
    """A text that is no prose, such as a number, as one phrase: its parts are its words."""
    words = words_of(text)
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    place = max(0, min(longest, len(words) - 2))
    return Phrase(hash(tuple(words)), len(words), hash(words[longest]), pair_at(words, place), place, user)


def marks_in(text: str, user: User, *, read: bool = False) -> Iterator[Phrase]:
    """The numbers by which a person is known, as phrases: of each the parts are its words."""
    if may_be_marked(text):
        for found in marked(text, read=read):
            yield whole(found, user)


def phrases_in(text: str, user: User, *, read: bool = False) -> Iterator[Phrase]:
    """The phrases of a text: its sentences, what it quotes, and then the parts of the long ones.

    Of what was ``read``, those that numbers make long enough are none: "cart total: 10.99" is what the application says
    to anybody, and somebody else's cart may be worth as much.
    """
    parts: list[Phrase] = []
    sentences = _sentences.split(text)
    if '"' in text or "'" in text:
        sentences += [one for pair in _quoted.findall(text) for one in pair if one and one != text]
    for sentence in sentences:
        if len(sentence.split(None, WORDS)) < WORDS:
            continue
        words = words_of(sentence)[:_MOST_WORDS]
        if len(words) < WORDS or sum(map(len, words)) < LETTERS or all(map(str.isdigit, words)):
            continue
        if read and len(words) - sum(map(str.isdigit, words)) < WORDS:
            continue
        lengths = [*map(len, words)]
        longest = lengths.index(max(lengths))
        if len(words) > _LONGEST_WORD or lengths[longest] >= _LONGEST_WORD:
            place = min(longest, len(words) - 2)  # as _phrase(), which would be a call for each message
            yield Phrase(hash(tuple(words)), len(words), hash(words[longest]), pair_at(words, place), place, user)
        for start in range(0, len(words) - _PART + 1, _PART) if len(words) >= 2 * _PART else ():
            part, of_part = words[start : start + _PART], lengths[start : start + _PART]
            if sum(of_part) >= _PART_LETTERS and max(of_part) >= _PART_WORD:
                parts.append(_phrase(part, of_part, user))
    yield from parts


def _phrase(words: list[str], lengths: list[int], user: User) -> Phrase:
    longest = lengths.index(max(lengths))
    place = min(longest, len(words) - 2)
    return Phrase(hash(tuple(words)), len(words), hash(words[longest]), pair_at(words, place), place, user)
