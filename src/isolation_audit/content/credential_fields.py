"""Credentials in what comes in or goes out, by the names of their fields."""

from __future__ import annotations

from typing import Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.named_values import texts_by_name
from isolation_audit.model.credentials import is_drawn, is_key, usable

LONGEST: Final = 8 * 1024
"""Bytes of an answer or a message that is looked through: one with a token is short."""

_password: Final = pattern(r"\w*pass(?:word|wd|phrase|code)\d?|(?:\w+_)?(?:pass|pwd)\d?|otp|pin")


def is_password(name: str) -> bool:
    """True for what the field of a password is called, or of a number that stands for one; ``name`` is spelled out."""
    return _password.fullmatch(name) is not None


def handed_out_in(held: Any) -> list[str]:
    """The credentials that an answer hands out: under a name that says so, what looks drawn at random."""
    return [
        text for name, text in texts_by_name(held) if (is_key(name.lower()) or name.lower() == "key") and is_drawn(text)
    ]


def brought_in(message: Any) -> list[str]:
    """The credentials with which somebody logs in by a message: ``{"type": "auth", "token": "..."}``, or a bare token.

    The session of a message is a conversation as a rule, and may have several people in it.
    """
    if type(message) is str or type(message) is bytes:
        if len(message) > LONGEST:
            return []
        text = message if isinstance(message, str) else message.decode("utf-8", "replace")
        if is_drawn(text):
            return [text]
    named = [
        text for name, text in texts_by_name(message) if is_key(name.lower()) and not _is_conversation(name.lower())
    ]
    return [text for one in named for text in usable(one)]


def _is_conversation(name: str) -> bool:
    return name.endswith(("sid", "session", "id"))
