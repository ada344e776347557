"""The last reader: answers that name their reader and one other user, who is each time the reader of the answer before.

A list of members, or a board that all may read, names more and more of them. What somebody leaves in a global for the
next one changes with each answer, and no reader's own name beside it makes that shared on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.content.index import SHORTEST
from isolation_audit.content.naming import parsed
from isolation_audit.content.payload import Gathering
from isolation_audit.content.request_texts import brought, path_of
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.owner_tags import drop_first

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_USERS: Final = 3
"""Users who have to have been named in a row: two may well be shown to each other on purpose."""

_VIEWS: Final = 10_000

_View = tuple[str, int]
"""File and first line of what makes an answer."""


class _Row(NamedTuple):
    reader: str
    question: int
    named: frozenset[str] = frozenset()


class LastReaders:
    """One audit's."""

    def __init__(self) -> None:
        self._rows: dict[_View, _Row] = {}

    def name(self, view: _View, inputs: Inputs, reader: User, others: int, other: User) -> bool:
        """True where ``view`` has named the reader before, and nobody else, in a row of answers to several users.

        All of them have asked the same: who is found by what somebody has asked for, as by a number or by something
        that has her name in a form that can't be read here, is no last reader.
        """
        before = self._rows.pop(view, None)
        if others > 1:
            return False
        question = _question(inputs, reader)
        follows = before is not None and before.reader == other.id and before.question == question
        named = before.named | {other.id} if before is not None and follows else frozenset[str]()
        if len(self._rows) >= _VIEWS:
            drop_first(self._rows)
        self._rows[view] = _Row(reader.id, question, named)
        return len(named) >= _USERS


def _question(inputs: Inputs, reader: User) -> int:
    """A digest of what the client has said and asked for itself; who asks for something of one's own asks the same."""
    asked = [one for one in inputs.kept if one.kind == REQUEST]
    said = Gathering([[brought(one), path_of(one)] for one in asked]).texts
    text = "\0".join(map(_without_its_number, said))
    return hash(text.replace(reader.id, "") if len(reader.id) >= SHORTEST else text)


def _without_its_number(text: str) -> str:
    """A call of JSON-RPC without what numbers it; all else as it is."""
    held = parsed(text) if '"jsonrpc"' in text else None
    return str({key: one for key, one in held.items() if key != "id"}) if type(held) is dict else text
