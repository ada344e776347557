"""Keyed pseudonyms: the only form in which a user leaves the process, unless raw ids are asked for."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.identity.users import User

KEY_VARIABLE = "ISOLATION_AUDIT_KEY"


class Pseudonyms:
    """Labels users by HMAC-SHA256 of their id, cut to 12 hex digits.

    The key comes from the environment variable ``ISOLATION_AUDIT_KEY``, so that processes and runs of one deployment
    agree on labels; without it a random key makes labels comparable within this process tree only.
    """

    def __init__(self, *, key: str | None = None, raw: bool = False) -> None:
        text = key or os.environ.get(KEY_VARIABLE) or secrets.token_hex(16)
        self._key = text.encode()
        self._raw = raw

    def hash(self, text: str) -> str:
        """Pseudonym of any id (user, run, thread); 12 hex digits, 48 bits."""
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]

    def label(self, user: User) -> str:
        """What findings call this user."""
        return self.text(user.id)

    def text(self, identifier: str) -> str:
        """What findings, spans and reports call the bearer of this id."""
        return identifier if self._raw else "user-" + self.hash(identifier)
