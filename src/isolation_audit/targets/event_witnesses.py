"""The witnesses of a clean event, which are remembered for the next one like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from isolation_audit.model.users import User

_USER: Final = Kind.USER


class Witnesses:
    """The witnesses of a clean event, and what follows from them."""

    __slots__ = ("addressee", "ambient", "claimed", "known", "owner", "verified")

    def __init__(self, ambient: User | None, owner: User | None, addressee: User | None) -> None:
        self.ambient = ambient
        self.owner = owner
        self.addressee = addressee
        self.claimed = first_user(addressee, owner, ambient)
        there = [one for one in (ambient, owner, addressee) if one is not None]
        self.known = bool(there)
        self.verified = len(there) > 1


def first_user(addressee: User | None, owner: User | None, ambient: User | None) -> User | None:
    """Whose an event is: the first of its witnesses who is a user."""
    if addressee is not None and addressee.kind is _USER:
        return addressee
    if owner is not None and owner.kind is _USER:
        return owner
    return ambient if ambient is not None and ambient.kind is _USER else None
