"""Keyed pseudonyms: the only form in which a user leaves the process, unless raw ids are asked for."""

from __future__ import annotations

import hmac
import math
import os
import secrets
import string
from typing import TYPE_CHECKING, Final

from isolation_audit.exceptions import UsageError
from isolation_audit.foundation.environment import KEY_VARIABLE
from isolation_audit.model.users import PARTY, STRANGER

if TYPE_CHECKING:
    from isolation_audit.model.users import User

_SHOWN = 12

_STRENGTH: Final = 128
"""Bits of a key, as far as its length and its kinds of characters tell."""

_FEWEST: Final = 8
"""Different characters of a key."""

_ALPHABETS: Final = (string.digits, string.hexdigits, string.ascii_letters + string.digits)


def is_strong(key: str) -> bool:
    """True for a key of 128 bits, were each of its characters drawn at random: 32 hex digits, 22 letters and digits."""
    size = next((len(set(one.lower())) for one in _ALPHABETS[:2] if set(key) <= set(one)), 0)
    if not size:
        size = len(_ALPHABETS[2]) if set(key) <= set(_ALPHABETS[2]) else len(string.printable) - len(string.whitespace)
    return len(set(key)) >= _FEWEST and len(key) * math.log2(size) >= _STRENGTH


class Pseudonyms:
    """Labels users by HMAC-SHA256 of their id, cut to 12 hex digits.

    The key comes from the environment variable ``ISOLATION_AUDIT_KEY``, so that processes and runs of one deployment
    agree on labels; without it a random key makes labels comparable within this process tree only. ``shared`` says
    which of the two it is.

    Raises:
        UsageError: the key can be guessed, and with it who is behind each pseudonym.
    """

    def __init__(self, *, key: str | None = None, raw: bool = False) -> None:
        given = os.environ.get(KEY_VARIABLE) if key is None else key
        if given is not None and not is_strong(given):
            raise UsageError(
                f"{KEY_VARIABLE} is too easy to guess: whoever guesses it can tell who is behind each pseudonym; take "
                "what python -c 'import secrets; print(secrets.token_hex(16))' prints, or unset it for a random key"
            )
        self._key = (given or secrets.token_hex(16)).encode()
        self.raw = raw
        self.shared = bool(given)

    def digest(self, text: str) -> str:
        """What stands for any id between processes; 32 hex digits, 128 bits, of which :meth:`hash` is the beginning."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")[:16].hex()

    def hash(self, text: str) -> str:
        """Pseudonym of any id (user, run, thread); 12 hex digits, 48 bits."""
        return self.digest(text)[:_SHOWN]

    def label(self, user: User) -> str:
        """What findings call this user."""
        return self.text(user.id)

    def run(self, identifier: str) -> str:
        """What findings call a run."""
        return identifier if self.raw else "run-" + self.hash(identifier)

    def text(self, identifier: str) -> str:
        """What findings, spans and reports call the bearer of this id."""
        if identifier.startswith(PARTY):
            return "session-" + identifier.removeprefix(PARTY)[:_SHOWN]
        if identifier.startswith(STRANGER):
            return "user-" + identifier.removeprefix(STRANGER)[:_SHOWN]
        return identifier if self.raw else "user-" + self.hash(identifier)
