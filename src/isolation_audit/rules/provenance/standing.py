"""Which of some phrases stand in a text, whole or in part."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from isolation_audit.rules.provenance.phrases import unescaped, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.rules.provenance.phrases import Phrase


def holds(text: str, phrases: Sequence[Phrase]) -> set[int]:
    """The digests of those phrases that stand in a text."""
    wanted = {phrase.pair for phrase in phrases}
    words = words_of(unescaped(text))
    pairs = [*map(hash, pairwise(words))]
    places = [place for place, pair in enumerate(pairs) if pair in wanted]
    if any(phrase.length == 1 for phrase in phrases):
        places += [place for place, word in enumerate(words) if hash((word,)) in wanted]
    return {phrase.digest for phrase in phrases for place in places if _stands_at(words, phrase, place)}


def begun(text: str, phrases: Sequence[Phrase]) -> set[int]:
    """The digests of those phrases whose longest word stands in a text, beside the same word as there."""
    if not phrases:
        return set()
    pairs = {*map(hash, pairwise(words_of(unescaped(text))))}
    return {phrase.digest for phrase in phrases if phrase.pair in pairs}


def _stands_at(words: list[str], phrase: Phrase, place: int) -> bool:
    start = place - phrase.place
    return start >= 0 and hash(tuple(words[start : start + phrase.length])) == phrase.digest
