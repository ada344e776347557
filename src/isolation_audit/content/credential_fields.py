"""Credentials in what comes in or goes out: JSON, forms, queries, messages, and what frameworks have made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from isolation_audit.content.naming import parsed
from isolation_audit.model.credentials import is_drawn, is_key, usable

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 8 * 1024
"""Bytes of an answer or a message that is looked through: one with a token is short."""

_LEVELS: Final = 3


def texts_by_name(held: Any, levels: int = _LEVELS) -> Iterator[tuple[str, str]]:
    """Names and the texts beside them, three levels deep at most; other values are left out."""
    kind = type(held)
    if kind in (str, bytes):
        text = held if kind is str else str(held[:LONGEST], "utf-8", "replace")
        within = parsed(text)
        yield from texts_by_name(within, levels - 1) if type(within) is dict else parse_qsl(text) if "=" in text else ()
    elif issubclass(kind, dict) and levels:
        for name, value in list(dict.items(held)):
            if type(name) is str and type(value) is str:
                yield name, value
            elif issubclass(type(value), (dict, list)):
                yield from texts_by_name(value, levels - 1)
    elif kind is tuple and [*map(type, held)] == [str, str]:
        yield held
    elif kind in (list, tuple):
        for value in held:
            yield from texts_by_name(value, levels)


def handed_out_in(held: Any) -> list[str]:
    """The credentials that an answer hands out: under a name that says so, what looks drawn at random."""
    return [
        text for name, text in texts_by_name(held) if (is_key(name.lower()) or name.lower() == "key") and is_drawn(text)
    ]


def brought_in(message: Any) -> list[str]:
    """The credentials with which somebody logs in by a message: ``{"type": "auth", "token": "..."}``, or a bare token.

    The session of a message is a conversation as a rule, and may have several people in it.
    """
    if type(message) in (str, bytes):
        if len(message) > LONGEST:
            return []
        text = message if type(message) is str else str(message, "utf-8", "replace")
        if is_drawn(text):
            return [text]
    named = [
        text for name, text in texts_by_name(message) if is_key(name.lower()) and not _is_conversation(name.lower())
    ]
    return [text for one in named for text in usable(one)]


def _is_conversation(name: str) -> bool:
    return name.endswith(("sid", "session", "id"))
