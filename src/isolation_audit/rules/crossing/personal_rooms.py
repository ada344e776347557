"""Rooms of one user's own, by their names: ``user:alice``, and ``user:anna`` where that is a part of an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.crossing.letters import is_addressed_to

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.users import User

_PERSONAL: Final = pattern(
    r"(?:(?:inbox|mailbox|personal|private|users?|notices?|notifications?|alerts?)[\W_]?)?", re.IGNORECASE
)
"""What stands before the id in the name of a room that is one user's own."""

_OF_A_PART: Final = pattern(r"(?:inbox|personal|user)[\W_]+(\w(?:.*\w)?)", re.IGNORECASE)
"""The same before a part of an id: a tenant's room may well be called ``private-acme``, or ``users:acme``."""


def is_of(room: str, user: User) -> bool:
    """True where a room is named for one user: by the id alone, or behind a word that says so."""
    return room.endswith(user.id) and _PERSONAL.fullmatch(room, 0, len(room) - len(user.id)) is not None


def intruder(room: str, receivers: list[User]) -> tuple[User, User] | None:
    """Whose own room it is, who is in there, and who else is; None for a room that only others are in."""
    people = [user for user in receivers if user.kind is Kind.USER]
    owner = next((user for user in people if is_of(room, user)), None)
    if owner is None:
        return None
    # ``anna`` may well be the one who is called ``anna@example.org`` elsewhere.
    others = (one for one in people if not is_of(room, one) and not one.id.startswith(owner.id))
    other = next(others, None)
    return None if other is None else (owner, other)


def mistaken(room: str, sender: User | None, receivers: Iterable[User]) -> tuple[User, User] | None:
    """For whom a message is that goes to a room of one user's own, and who else is in there, by the same part of an id.

    It is for the sender, or for whom the running request names. None where it is no such room, or one user's.
    """
    found = _OF_A_PART.fullmatch(room)
    part = "" if found is None else found[1].casefold()
    if not any(map(str.isalpha, part)):
        return None
    alike = {user.id: user for user in receivers if user.kind is Kind.USER and _begins_with(user.id, part)}
    if len(alike) < 2:
        return None
    asked = [user for user in alike.values() if is_addressed_to(user, own_inputs())]
    meant = asked or [user for user in alike.values() if sender is not None and same(user, sender)]
    others = [user for user in alike.values() if not any(same(user, one) for one in meant)]
    return (meant[0], others[0]) if len(meant) == 1 and others else None


def _begins_with(user_id: str, part: str) -> bool:
    """``anna.berg@example.org`` begins with ``anna``, and with ``anna.berg``."""
    rest = user_id[len(part) :]
    return user_id.casefold().startswith(part) and bool(rest) and not rest[0].isalnum()
