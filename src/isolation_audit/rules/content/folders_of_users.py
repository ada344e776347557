"""Files that an application keeps for each user, under the user's name: ``profiles/alice.json``, ``alice/report.txt``.

Bob's work that opens alice's, though there is one of his at the same place, was asked for the file with her name. Who
goes through the files of all opens his own as well, and home directories of servers are nobody's but the one.
"""

from __future__ import annotations

from os.path import sep
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from isolation_audit.model.users import Kind, same

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
    steps = path.split(sep)
    found: dict[str, tuple[int, User]] = {}
    for place, step in enumerate(steps):
        for name in {step, step.rpartition(".")[0]} - {""}:
            other = None if name.isdecimal() else known(name)
            if other is not None and other.kind is Kind.USER:
                found[name] = place, other
    if len(found) != 1 or sep in user.id:
        return None
    ((name, (place, other)),) = found.items()
    if same(other, user):
        return None
    steps[place] = user.id + steps[place][len(name) :]
    own = sep.join(steps)
    return Asked(path, other.id, own) if own not in opened and Path(own).exists() else None


def forget_lists(asked: list[Input], path: str) -> None:
    """Of what was ``asked`` for with another's name, that where now the reader's own ``path`` is opened as well."""
    for one in [one for one in asked if type(one.question) is Asked and one.question.own == path]:
        one.question = None
        asked.remove(one)
