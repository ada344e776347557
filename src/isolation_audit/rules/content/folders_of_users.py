"""Files that an application keeps for each user, under the user's name: ``profiles/alice.json``, ``alice/report.txt``.

Bob's work that opens alice's, though there is one of his at the same place, was asked for the file with her name. Who
goes through the files of all opens his own as well, and home directories of servers are nobody's but the one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from isolation_audit.content.users_in_paths import kept_for
from isolation_audit.model.users import same

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from isolation_audit.model.inputs import Input
    from isolation_audit.model.users import User


class Asked(NamedTuple):
    """The question that the opening of such a file is."""

    path: str
    name: str
    """The other user's, for in the path other words may stand beside it."""
    own: str
    """The path of the reader's own file."""

    def texts(self) -> list[str]:
        """What is searched."""
        return [self.path, self.name]


def asked_with(path: str, user: User, known: Callable[[str], User | None], opened: Container[str]) -> Asked | None:
    """The question, where a file is kept for one other user, and ``user`` has one that is not among the ``opened``."""
    kept = kept_for(path, known)
    own = None if kept is None or same(kept.user, user) else kept.of(user)
    if kept is None or own is None or own in opened or not Path(own).exists():
        return None
    return Asked(path, kept.user.id, own)


def forget_lists(asked: list[Input], path: str) -> None:
    """Of what was ``asked`` for with another's name, that where now the reader's own ``path`` is opened as well."""
    for one in [one for one in asked if type(one.question) is Asked and one.question.own == path]:
        one.question = None
        asked.remove(one)
