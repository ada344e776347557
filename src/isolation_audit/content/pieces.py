"""Streams that are sent word by word: what their pieces say together."""

from __future__ import annotations

from typing import Any, Final

from isolation_audit.analysis.foreign_json import value_in

SHORT: Final = 100
"""Characters of the longest message that may be a piece, with all that is around its words."""
SOME: Final = 6
"""Pieces that may say something together."""
MOST: Final = 400
"""Pieces that are kept of one stream."""

_LONGEST: Final = 48
"""Characters of a piece's words: more say something by themselves."""
_FIELDS: Final = 8
_DEPTH: Final = 4
_AHEAD: Final = 12
_DATA: Final = "data:"
_JSON: Final = ("{", "[", '"')


def joined(messages: list[Any]) -> list[str]:
    """What messages say together: a text for each field that changes from one to the next."""
    fields: dict[tuple[Any, ...], list[str]] = {}
    for message in messages:
        for path, text in _texts(message):
            if path in fields or len(fields) < _FIELDS:
                fields.setdefault(path, []).append(text)
    return [_together(parts) for parts in fields.values() if len(parts) >= SOME and len(set(parts)) > 1]


def without(text: str, others: list[str]) -> str:
    """The words of a text without those that stand in the others in the same order: what was mixed in is left."""
    words = text.split()
    for other in others:
        known, at, left = other.split(), 0, []
        for word in words:
            ahead = known[at : at + _AHEAD]
            if word in ahead:
                at += ahead.index(word) + 1
            else:
                left.append(word)
        words = left
    return " ".join(words)


def _together(parts: list[str]) -> str:
    # The pieces of a model have their spaces; single words are sent without.
    return "".join(parts) if any(part != part.strip() for part in parts) else " ".join(parts)


def _texts(message: Any) -> list[tuple[tuple[Any, ...], str]]:
    text = message if type(message) is str else str(message, "utf-8", "replace") if type(message) is bytes else ""
    if text.startswith(_DATA):
        text = text[len(_DATA) :].removeprefix(" ").rstrip("\r\n")
    held = value_in(text) if text[:1] in _JSON else None
    if held is None:
        held = text if type(message) is str or type(message) is bytes else message
    found: list[tuple[tuple[Any, ...], str]] = []
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), held)]
    while waiting and len(found) < _FIELDS:
        path, value = waiting.pop()
        if type(value) is str and len(value) <= _LONGEST:
            found.append((path, value))
        elif type(value) is dict and len(path) < _DEPTH:
            waiting += [((*path, name), one) for name, one in value.items()]
        elif type(value) is list and len(path) < _DEPTH:
            waiting += [((*path, place), one) for place, one in enumerate(value)]
    return found
