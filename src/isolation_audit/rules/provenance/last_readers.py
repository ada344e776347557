"""The last reader: answers that name their reader and one other user, who is each time the reader of the answer before.

A list of members, or a board that all may read, names more and more of them. What somebody leaves in a global for the
next one changes with each answer, and no reader's own name beside it makes that shared on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from isolation_audit.model.users import User

_USERS: Final = 3
"""Users who have to have been named in a row: two may well be shown to each other on purpose."""

_VIEWS: Final = 10_000

_View = tuple[str, int]
"""File and first line of what makes an answer."""


class _Row(NamedTuple):
    reader: str
    named: frozenset[str] = frozenset()


class LastReaders:
    """One audit's."""

    def __init__(self) -> None:
        self._rows: dict[_View, _Row] = {}

    def name(self, view: _View, reader: User, others: int, other: User) -> bool:
        """True where ``view`` has named the reader before, and nobody else, in a row of answers to several users."""
        before = self._rows.pop(view, None)
        if others > 1:
            return False
        follows = before is not None and before.reader == other.id
        row = _Row(reader.id, before.named | {other.id} if before is not None and follows else frozenset())
        if len(self._rows) >= _VIEWS:
            self._rows.pop(next(iter(self._rows)), None)
        self._rows[view] = row
        return len(row.named) >= _USERS
