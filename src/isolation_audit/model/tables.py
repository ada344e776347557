"""Tables that forget what came first: plain dicts, as an OrderedDict needs three times their memory."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_PART: Final = 100
"""Of a full table this part is let go at once.

A dict finds its first entry only behind the places of all that went before: 16 us at 100,000.
"""

_TRIES: Final = 100


def let_go(table: dict[_Key, _Value], limit: int) -> Iterator[_Key]:
    """Take away what came first, where the table has more than ``limit`` entries; gives what this thread took away."""
    if len(table) <= limit:
        return
    for key in first(table, 1 + limit // _PART):
        try:
            del table[key]
        except KeyError:
            continue  # another thread does the same at this moment
        yield key


def first(values: Iterable[_Value], number: int) -> list[_Value]:
    """The first of ``values``, a container that other threads may change meanwhile."""
    for _ in range(_TRIES):
        try:
            return list(islice(values, number))
        except RuntimeError:
            continue  # it was changed between the making of the iterator and its use
    return []
