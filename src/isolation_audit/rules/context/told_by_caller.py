"""Whether code that asks who the current user is, and finds nobody, has been told by its caller whose work it does.

``who = current_user.get() or user`` loses nothing: the job goes on with its own argument. Nothing tells what becomes of
a value that was read; so what counts is whether the function that reads, or the one that has called it, has the id of
the user at hand: in an argument, a variable, a closure, or in what one of these holds.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.resolve import find
from isolation_audit.model.users import plain_number, plain_text
from isolation_audit.rules.listeners.selectivity import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

_FUNCTIONS: Final = 2
"""The one that reads, and its caller; functions that are given nothing stand for whoever calls them."""
_FRAMES: Final = 6
_DEPTH: Final = 3
_VALUES: Final = 64


def knows(frame: FrameType | None, identifier: str) -> bool:
    """True where the function that runs in ``frame``, or the one that has called it, has ``identifier`` at hand."""
    functions = _FUNCTIONS
    for _ in range(_FRAMES):
        if frame is None or not functions:
            return False
        if _given_something(frame.f_code):
            functions -= 1
        # Past the names: what is compared is what they stand for.
        if _hold(list(islice(frame.f_locals.values(), _VALUES)), identifier):
            return True
        frame = frame.f_back
    return False


def _given_something(code: CodeType) -> bool:
    return bool(code.co_argcount or code.co_kwonlyargcount or code.co_freevars or code.co_flags & 0x0C)


def _hold(values: list[Any], identifier: str) -> bool:
    seen = set(map(id, values))
    for _ in range(_DEPTH):
        if any(_is(value, identifier) for value in values):
            return True
        inside = [held for value in values for held in _inside(value) if id(held) not in seen]
        values = inside[:_VALUES]
        seen.update(map(id, values))
    return False


def _is(value: Any, identifier: str) -> bool:
    kind = type(value)
    if kind is int:
        return plain_number(value) == identifier
    return (UUID.__str__(value) if kind is UUID else plain_text(value)) == identifier


def _inside(value: Any) -> Iterable[Any]:
    kind = type(value)
    if kind is list or kind is tuple:
        return islice(value, _VALUES)
    if kind is not dict:
        # Where there is nothing but slots: a proxy has code of its own for its `__dict__`.
        value = fields_of(value) if find(kind, "__dict__")[0] is not None else fields(value)
    return islice(list(value.values()), _VALUES)
