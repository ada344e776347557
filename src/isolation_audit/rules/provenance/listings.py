"""Listings of what anybody may ask for one by one: the lots of an auction, the polls, the jobs on a board.

The view goes through all that a collection of the application's holds, picks nothing by who asks, and what it gives has
the names under which the application keeps it. What was kept of the last one who asked is in no such collection.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.naming import parsed
from isolation_audit.content.request_texts import ADDRESSED, addressed, method_of
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.model.tables import first
from isolation_audit.rules.provenance.asked_things import READS
from isolation_audit.rules.provenance.given_names import is_called_so, is_name_of
from isolation_audit.rules.provenance.gone_through import compared, tables_gone_through
from isolation_audit.rules.provenance.standing import holds
from isolation_audit.rules.state.contents import texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.model.inputs import Inputs
    from isolation_audit.rules.provenance.phrases import Phrase

_ITEMS: Final = 1_000
"""Entries of one collection that are looked at."""

_FIELDS: Final = 40
_LISTS: Final = frozenset(map(id, (list, tuple, deque)))


def listed_for_all(
    text: str, phrases: list[Phrase], inputs: Inputs, made_by: CodeType | None, is_user: Callable[[Any], bool]
) -> list[Phrase]:
    """Those phrases that stand in a listing of what is there for all."""
    if made_by is None or method_of(inputs) not in READS or any(addressed(one) for one in inputs.of_kinds(ADDRESSED)):
        return []
    held = parsed(text)
    named = [] if held is None else [one for one in phrases if one.about and is_called_so(held, one, inputs)]
    if not named:
        return []
    kept = [
        (entry, one)
        for table in tables_gone_through(made_by)
        for key, entry in _entries(table)
        for one in _of(entry, named)
        if key is None or is_name_of(key, one, inputs)
    ]
    if _is_picked_by_user([entry for entry, _one in kept], made_by, is_user):
        return []
    return list({one.digest: one for _entry, one in kept}.values())


def _of(entry: Any, phrases: list[Phrase]) -> list[Phrase]:
    there = holds("\0".join(texts(entry)), phrases)
    return [one for one in phrases if one.digest in there]


def _is_picked_by_user(entries: list[Any], made_by: CodeType, is_user: Callable[[Any], bool]) -> bool:
    """True where the view compares a field by which an entry names somebody: it is meant for nobody else."""
    by = compared(made_by)
    return bool(by) and any(name in by and is_user(value) for entry in entries for name, value in _named(entry))


def _entries(table: Any) -> list[tuple[Any, Any]]:
    """What a collection holds; of a mapping with the keys, which are data there."""
    if issubclass(type(table), dict):
        return first(dict.items(table), _ITEMS)
    return [(None, one) for one in first(table, _ITEMS)] if id(type(table)) in _LISTS else []


def _named(entry: Any) -> list[tuple[Any, Any]]:
    held = entry if issubclass(type(entry), dict) else fields(entry)
    return first(dict.items(held), _FIELDS)
