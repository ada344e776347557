"""What is observed of things that can be reached where they should not be; depth `heap` looks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from isolation_audit.model.users import User


@dataclass(frozen=True, slots=True)
class Reachable:
    """Something of a user's that can be reached where it should not be."""

    why: str
    users: tuple[User, User | None]
    """Whose it is, and of what two engines lead to, whose the other engine is."""
    place: str
    held: str
    target: str
    diagram: str
    remedy: tuple[str, ...] = ()
    certain: bool = True
    """False where the auditor has seen it being written, and nothing but that says whose it is."""


@dataclass(frozen=True, slots=True)
class Left(Reachable):
    """A user's canary or object is there although the user's work is over."""


@dataclass(frozen=True, slots=True)
class Common(Reachable):
    """Two users' engines lead to it, and it holds something of one of them."""
