"""Secrets: texts that belong to one user and may appear in nobody else's payload. Kept for the whole process."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import Final

from isolation_audit.model.gates import Gate

LIMIT: Final = 10_000

ANY: Final = Gate()
"""Open once a secret was told: until then nobody need look for one."""

_owners: Final[dict[str, str]] = {}
"""Secret text -> user id, oldest first."""

_canaries: Final[dict[str, str]] = {}
"""User id -> canary."""


def canary(user_id: str) -> str:
    """A text that nobody can guess, for this user to write into what is theirs: messages, files, records.

    Found in what is sent to another user, it is reported as IA203, whatever else is in there. A user has one canary in
    a process; it works from before :func:`instrument` on, and does nothing without an auditor.

    Raises:
        TypeError: ``user_id`` is no string, or is empty.
    """
    _check("user's id", user_id)
    known = _canaries.get(user_id)
    if known is None or known not in _owners:
        known = _canaries[user_id] = f"canary-{token_hex(12)}"
        secret(user_id, known)
    return known


def secret(user_id: str, text: str) -> None:
    """Say that ``text`` is this user's alone, as :func:`canary` does for one that it makes up.

    Only the latest 10,000 of a process are known.

    Raises:
        TypeError: one of them is no string, or is empty.
        ValueError: the text has fewer than 8 letters and digits, and would be found by accident; or more than 256
            characters.
    """
    _check("user's id", user_id)
    _check("secret", text)
    if len(re.findall(r"[^\W_]", text)) < 8 or len(text) > 256:
        raise ValueError("a secret has at least 8 letters and digits and at most 256 characters")
    _owners.pop(text, None)
    _owners[text] = user_id
    ANY.open = True
    Version.number += 1
    while len(_owners) > LIMIT:
        oldest = next(iter(_owners))
        if _canaries.get(_owners.pop(oldest)) == oldest:
            _canaries.pop(oldest, None)


class Version:
    """Read at each write of a transport: an attribute, and no call."""

    number = 0
    """Changes with each secret; 0 as long as there was none."""


def canary_of(user_id: str) -> str:
    """The canary that this user has; empty where none was asked for."""
    return _canaries.get(user_id, "")


def version() -> int:
    """A number that changes with each secret; 0 as long as there was none."""
    return Version.number


def known() -> list[tuple[str, str]]:
    """Secret text and user id of each."""
    return list(_owners.items())


def _check(noun: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise TypeError(f"the {noun} is a non-empty string, not {type(value).__name__}")
