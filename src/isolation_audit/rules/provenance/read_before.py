"""What was read before: the same rows, by the same question, for the same user. Applications read them again and again.

Only data of plain types is recognised, by a hash: no code of the application runs for it, and nothing is kept of it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.inputs import Input
    from isolation_audit.model.users import User

_READINGS: Final = 2_000
"""Readings that are remembered."""

_ROWS: Final = 200
"""Rows, or parts, of the largest that are."""

_DEEPEST: Final = 4

_PLAIN: Final = (str, bytes, int, float, bool, type(None), date, datetime, time, timedelta, Decimal, UUID)
_IDS_OF_PLAIN: Final = frozenset(map(id, _PLAIN))
"""Classes are compared by their ids: a metaclass of the application's may have a hash of its own."""
_IDS_OF_TIMES: Final = frozenset(map(id, (date, datetime, time, timedelta, float)))
_is_time: Final = pattern(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_ID_OF_TUPLE: Final = frozenset({id(tuple)})


class ReadBefore:
    """One audit's; it holds nothing as soon as anything was learned of the users, whom a question may name."""

    def __init__(self) -> None:
        self._readings: dict[int, None] = {}
        self._users = remembered.users

    def new(self, read: Iterable[Input], user: User) -> list[tuple[Input, int | None]]:
        """What this user's work has not read before with the same question, each with its reading.

        That is a number, by which it is recognised; None of what can't be.
        """
        if self._users is not remembered.users:
            self._users = remembered.users
            self._readings.clear()
        told_apart = [(one, _reading(one, user)) for one in read]
        return [(one, reading) for one, reading in told_apart if reading not in self._readings]

    def add(self, reading: int | None) -> None:
        """It was read, and what it has is known from now on."""
        if reading is not None:
            self._readings[reading] = None
            if len(self._readings) > _READINGS:
                drop_oldest(self._readings, _READINGS)

    def forget(self) -> None:
        """Something of what was learned from them is known no more: it may be learned again."""
        self._readings.clear()


def _reading(one: Input, user: User) -> int | None:
    value, question = _print_of(one.value), _print_of(_but_times(one.asked(one.question)))
    return None if value is None or question is None else hash((one.kind, user.id, value, question))


def _but_times(asked: Any) -> Any:
    """A question without the times in it: they name nobody, and the present one is another each time."""
    kind = type(asked)
    if kind is list or kind is tuple:
        # The parameters of most questions are passed by without a call for each.
        return [
            one if type(one) is int or (type(one) is str and not one[:1].isdigit()) else _but_times(one)
            for one in asked
        ]
    is_time = id(kind) in _IDS_OF_TIMES or (kind is str and asked[4:5] == "-" and _is_time.fullmatch(asked))
    return None if is_time else asked


def _print_of(held: Any, levels: int = _DEEPEST) -> int | None:
    """A hash that plain data with the same contents has as well; None for all else, and for too much."""
    kind = type(held)
    if id(kind) in _IDS_OF_PLAIN:
        return hash(held)
    if not levels or (kind is not list and kind is not tuple and kind is not dict) or len(held) > _ROWS:
        return None
    parts = [*held.items()] if kind is dict else held
    kinds = {*map(id, map(type, parts))}
    if kinds <= _IDS_OF_PLAIN:
        return hash((*parts,))
    if kinds == _ID_OF_TUPLE and _IDS_OF_PLAIN.issuperset(map(id, map(type, chain.from_iterable(parts)))):
        return hash((*parts,))  # rows
    prints = [_print_of(part, levels - 1) for part in parts]
    return None if None in prints else hash((*prints,))
