"""Referrers that the garbage collector does not tell of, though it knows what they refer to.

A finished task of asyncio's keeps its result, its exception and its callbacks, and is passed over by
``gc.get_referrers`` (CPython drops the answer of that part of it). What ``gc.freeze`` has put aside is not searched at
all: the modules of a server that freezes before it forks.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LISTS: Final = ("_all_tasks", "_scheduled_tasks", "_eager_tasks")
"""Where asyncio's versions have their tasks, weakly."""

_LEAVES: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""


def unseen_referrers(known: set[int], namespaces: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """Tasks, and what the namespaces of modules lead to at once, that refer to any of ``known`` (identities)."""
    yield from (task for task in _tasks() if _refers(task, known))
    if gc.get_freeze_count():
        for names in namespaces:
            for value in list(names.values()):
                if id(value) in known:
                    yield names
                elif id(type(value)) not in _LEAVES and _refers(value, known):
                    yield value


def referents(one: Any) -> list[Any]:
    """What ``one`` refers to; not asked of ``_asyncio``, of which CPython 3.12 tells until memory is used up."""
    return [] if one is sys.modules.get("_asyncio") else gc.get_referents(one)


def _refers(one: Any, known: set[int]) -> bool:
    return any(id(inner) in known for inner in referents(one))


def _tasks() -> Iterator[Any]:
    for name in _LISTS:
        found: list[Any] = []
        with suppress(RuntimeError):  # a loop on another thread starts one at this moment
            found = list(vars(asyncio.tasks).get(name, ()))
        yield from found
