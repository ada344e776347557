"""Answers of other services that each user is given another of, at one address, by the token that asks for them.

``GET /open-invoice`` names nobody, and is asked with alice's token and with bob's. Where the one has been given a
record with numbers of its own, and the other a record with others, the next one is its asker's. A list may be a feed
that goes on, and what the same user is given otherwise a moment later is news for all: neither is anybody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.encodings import unwrapped
from isolation_audit.content.naming import parsed
from isolation_audit.content.request_texts import answer_text, text_of
from isolation_audit.model.inputs import ANSWER
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind
from isolation_audit.rules.provenance.marked import marked, may_be_marked
from isolation_audit.rules.state.contents import texts

if TYPE_CHECKING:
    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.model.inputs import Input
    from isolation_audit.model.users import User

_ADDRESSES: Final = 1_000
_USERS: Final = 8
"""Users of one address that are remembered."""

_VALUES: Final = 200
"""Values of one answer that are looked at."""


class AskedByToken:
    """One audit's; keeps hashes."""

    def __init__(self, content: ContentWitness | None) -> None:
        self._content = content
        self._given: dict[int, dict[str, frozenset[int]]] = {}
        self._news: dict[int, None] = {}
        """Addresses that give the same user something else."""

    def is_for(self, one: Input, user: User) -> bool:
        """True for an answer that ``user`` alone is given, as far as is known by now."""
        question = one.asked(one.question) if one.kind == ANSWER else None
        if type(question) is not list or len(question) < 2 or not self._names(question[1:], user):
            return False
        address, numbers = hash(str(question[0])), _numbers_of(one)
        if not numbers or address in self._news:
            return False
        given = self._given.setdefault(address, {})
        drop_oldest(self._given, _ADDRESSES)
        before = given.pop(user.id, numbers)
        if before.isdisjoint(numbers):
            self._news[address] = None
            drop_oldest(self._news, _ADDRESSES)
            return False
        others = list(given.values())
        given[user.id] = numbers
        drop_oldest(given, _USERS)
        return bool(others) and all(numbers.isdisjoint(other) for other in others)

    def _names(self, headers: Any, user: User) -> bool:
        """True where the token in the headers names ``user``, and nobody else."""
        text = text_of(headers)[0]
        content = self._content
        marks = [] if content is None else content.marks_of_text("\0".join([text, *unwrapped(text)]))[0]
        return {mark.user.id for mark in marks if mark.user.kind is Kind.USER} == {user.id}


def _numbers_of(one: Input) -> frozenset[int]:
    """The numbers, and the names with digits, by which one record is known."""
    held = parsed(answer_text(one))
    if type(held) is not dict:
        return frozenset()
    return frozenset(
        [hash(number) for text in texts(held, _VALUES) if may_be_marked(text) for number in marked(text, read=True)]
    )
