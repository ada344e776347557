"""Paths with a user's name as one of their steps: ``profiles/alice.json``, ``alice/report.txt``, ``alice.db``."""

from __future__ import annotations

from os.path import sep
from typing import TYPE_CHECKING

from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.users import User


class KeptFor:
    """A path that is named for one user."""

    __slots__ = ("_name", "_place", "_steps", "user")

    def __init__(self, steps: list[str], place: int, name: str, user: User) -> None:
        self._steps = steps
        self._place = place
        self._name = name
        self.user = user

    def of(self, other: User) -> str | None:
        """The path at the same place that is ``other``'s; None where there can be none."""
        if sep in other.id:
            return None
        steps = [*self._steps]
        steps[self._place] = other.id + steps[self._place][len(self._name) :]
        return sep.join(steps)


def kept_for(path: str, known: Callable[[str], User | None]) -> KeptFor | None:
    """For whom a path is named, by a whole step or by one without its extension; None for nobody, and for several."""
    steps = path.split(sep)
    found: dict[str, KeptFor] = {}
    for place, step in enumerate(steps):
        for name in {step, step.rpartition(".")[0]} - {""}:
            user = None if name.isdecimal() else known(name)
            if user is not None and user.kind is Kind.USER:
                found[name] = KeptFor(steps, place, name, user)
    return next(iter(found.values())) if len(found) == 1 else None
