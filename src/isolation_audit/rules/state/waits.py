"""Whether somebody waits at a queue or for a future: by these a piece of work is answered.

Answers are kept by the number of their question, and two users' questions may have the same number: then what the first
one waits at is lost, and its answer goes to the second.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from isolation_audit.rules.state.records import Write

_FUTURES: Final = frozenset(map(id, (asyncio.Future, concurrent.futures.Future)))
_WAITED_AT: Final = _FUTURES | frozenset(map(id, (asyncio.Queue, queue.Queue)))


def takes_answers(value: object, mine: Write | None) -> bool:
    """True for a queue or a future that stands in the place of one that is ``mine``, and is waited at still."""
    return mine is not None and id(type(value)) in _WAITED_AT and not mine.is_of(value) and is_waited_at(mine.value())


def is_waited_at(value: Any) -> bool:
    """True for a queue at which somebody waits for an item, and for a future that has no result yet.

    Only of the standard library's own classes: nothing of the application runs for that.
    """
    kind = type(value)
    if id(kind) in _FUTURES:
        return not value.done()
    if kind is asyncio.Queue:
        return any(not getter.done() for getter in tuple(value._getters))  # noqa: SLF001 - the class doesn't tell
    return kind is queue.Queue and bool(value.not_empty._waiters)  # noqa: SLF001 - the same
