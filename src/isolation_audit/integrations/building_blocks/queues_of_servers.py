"""Queues between the parts of a server: what its protocol has read goes through one to the call that receives it.

No code of the application puts anything into such a queue, or takes anything out: each belongs to one connection, and
what comes through it is that connection's. So nobody asks whose an item is, which elsewhere is asked four times.
"""

from __future__ import annotations

import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.barrier import inside
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.calls.interceptors import Before, Guarded, States
    from isolation_audit.instrument.reading.layout import Values

_SERVERS: Final = ("uvicorn.protocols.", "hypercorn.")
_QUEUES: Final = "/asyncio/queues.py"
_FRAMES: Final = 8

_known: Final[dict[int, tuple[ref[Any], bool]]] = {}
"""By a queue's identity, whether it is a server's; gone with the queue."""


class _OfServers:
    """Stands before those who look at a queue of asyncio's; to the probe it is all of them."""

    counts_calls = True

    def __init__(self, every: tuple[Guarded, ...], apart: Before, queue_of: Callable[[Values], Any]) -> None:
        self._every = every
        self._cells = [one.calls for one in every]
        self._apart = apart
        self._queue = queue_of
        self.before: Before = self._looks

    def _looks(self, values: Values) -> States | None:
        raise NotImplementedError

    def retire(self) -> None:
        """It is asked no more."""


class PutByServers(_OfServers):
    """Before putting."""

    def _looks(self, values: Values) -> States | None:
        if get_ident() in inside:
            return None
        try:
            queue_of = self._queue
            queue = queue_of(values)
            known = _known.get(id(queue))
            if known[1] if known is not None else _learn(queue):
                for cell in self._cells:
                    cell[0] += 1
                return None
        except Exception as error:
            self._every[0].absorb(error)
            return None
        return self._apart(values)


class TakenByServers(_OfServers):
    """Before getting; where an item of somebody else's is still worked on, it is over with that."""

    def _looks(self, values: Values) -> States | None:
        queue_of = self._queue
        known = _known.get(id(queue_of(values)))
        unit = current_unit()
        if known is None or not known[1] or unit.given_by is not None or unit.item is not None:
            return self._apart(values)
        for cell in self._cells:
            cell[0] += 1
        return None


def _learn(queue: Any) -> bool:
    """Whether whoever puts something in, for the first time, is a server."""
    key = id(queue)
    known = ref(queue, lambda _gone: _known.pop(key, None)), _is_a_server()
    _known[key] = known
    return known[1]


def _is_a_server() -> bool:
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    for _ in range(_FRAMES):
        code = frame.f_code
        if not is_ours(code) and not code.co_filename.endswith(_QUEUES):
            module = frame.f_globals.get("__name__")
            return type(module) is str and module.startswith(_SERVERS)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False
