"""What a request or a message has brought in, read once: its texts, its names and values, and what may name somebody.

A message is a single text, as a rule, and often JSON of one level. That is read with as few calls as there can be: a
busy application is sent many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.named_values import pairs_in
from isolation_audit.content.naming import parsed
from isolation_audit.content.payload import Gathering
from isolation_audit.model.credentials import is_drawn, is_key
from isolation_audit.rules.provenance.marked import of_persons
from isolation_audit.rules.provenance.phrases import LETTERS, WORDS, marks_in, phrases_in, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase

OF_ONE: Final = 64
"""Phrases, and single values, of one request or message that are remembered."""

LONGEST: Final = 16 * 1024
"""Characters of one request or message that are looked at."""

_NAME: Final = 100
"""Characters of the longest value of a request that is taken for the name of somebody."""

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})

_mentions: Final = pattern(r"(?<!\w)@([\w.+-]+)")
_digit: Final = pattern(r"\d")

marked_words: Final = pattern(r"(?<!\w)(?<!\w-)(?=[\w-]*\d)\w[\w-]{3,}")
"""Numbers, without their sign, and names with digits in them."""


def read(asked: list[Any]) -> tuple[list[str], list[tuple[str, Any]], str | None]:
    """The texts of what has come in, its names with their values, and the text that it is where it is a single one.

    Of JSON in a text the texts in it are given.
    """
    single = asked[0] if len(asked) == 1 and type(asked[0]) is str else None
    if single is None:
        return _leaves(asked), [*pairs_in(asked)], None
    held = parsed(single) if len(single) <= LONGEST else None
    if held is None:
        return [single[:LONGEST]], [*pairs_in(asked)] if "=" in single else [], single
    if type(held) is dict and _PLAIN.issuperset(map(type, held.values())):
        pairs = [*held.items()]
        return [str(one) for pair in pairs for one in pair if type(one) is str or type(one) is int], pairs, single
    # In a tuple, what a text holds is one level further down, as it is in the text.
    return Gathering(held).texts, [*pairs_in((held,))], single


def _leaves(asked: list[Any]) -> list[str]:
    left, leaves = LONGEST, []
    for text in Gathering(asked).texts:
        within = parsed(text) if len(text) <= LONGEST else None
        for one in _of_form(text) if within is None else Gathering(within).texts:
            if left > 0:
                leaves.append(one[:left])
                left -= len(one)
    return leaves


def _of_form(text: str) -> list[str]:
    """A text, and, where it is a form as it was sent, the values in it."""
    if "=" not in text or " " in text or len(text) > LONGEST:
        return [text]
    return [text, *(value for _name, value in parse_qsl(text))]


def single_values(texts: Iterable[str]) -> frozenset[int]:
    """Of a request those of its values, and of the mentions in its texts (``@bob``), that may be somebody's name."""
    found = []
    for text in texts:
        if len(text) <= _NAME and " " not in text:
            found.append(text)
        else:
            found += _mentions.findall(text) if "@" in text else ()
            found += marked_words.findall(text) if _digit.search(text) is not None else ()
    return frozenset([hash(one.casefold()) for one in found[:OF_ONE]])  # of a generator each value is a call


def phrases_of(texts: list[str], user: User) -> dict[int, Phrase]:
    """The phrases of all texts, by their digests. Most texts are names and values, and passed by without a call."""
    return {
        phrase.digest: phrase
        for text in texts
        if len(text) > LETTERS and len(text.split(None, WORDS)) >= WORDS
        for phrase in phrases_in(text, user)
    }


def numbers_of_persons(
    texts: list[str], pairs: list[tuple[str, Any]], user: User, *, writes: bool
) -> dict[int, Phrase]:
    """The numbers of persons that a request has brought in: of one that only reads, those in what it says in words."""
    return {
        phrase.digest: phrase
        for text in (of_persons(pairs) if pairs else texts)[:OF_ONE]
        if writes or " " in text
        for phrase in marks_in(text[:LONGEST], user)
    }


def keys_of(pairs: list[tuple[str, Any]], user: User) -> dict[int, Phrase]:
    """The keys and tokens that somebody has left with the application, as for another service."""
    found: dict[int, Phrase] = {}
    for name, value in pairs:
        if type(value) is str and len(found) < OF_ONE and is_key(name.lower()) and is_drawn(value):
            phrase = whole(value, user)
            phrase.key = True
            found[phrase.digest] = phrase
    return found
