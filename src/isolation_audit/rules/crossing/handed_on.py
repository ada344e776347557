"""Callbacks that one user's work has left in a list for all: called in another's work, they send what they are given.

Buses of libraries are known (``rules/listeners``). A list of functions is no library's: here a function is met where it
sends to its own user, in another user's work. What it was given says whose it is, and the function does not look.
"""

from __future__ import annotations

import inspect
import sys
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.variables import variables_of
from isolation_audit.content.naming import Naming, named, said
from isolation_audit.instrument.shim_codes import code_of
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.caches.function_reading import FunctionReading, TooLongError
from isolation_audit.rules.crossing.displaced import own_frames
from isolation_audit.rules.listeners.selectivity import Selectivity
from isolation_audit.vocabulary.messages import ENOUGH, CallbacksCalled

if TYPE_CHECKING:
    from types import FrameType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_GIVEN: Final = frozenset(map(id, (dict, str, list, tuple)))

_OF_CODE: Final = 50
"""How often for one function, whoever the users are: a room of a thousand has a million pairs."""

_REMEMBERED: Final = 1_000


class HandedOn(CallbacksCalled):
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._content = runtime.content
        self._selectivity = Selectivity(runtime.part(FunctionReading))
        self.asked: dict[object, int] = {}
        """How often it was asked for a pair of users, of those ``ENOUGH`` times, and for a piece of code."""

    def is_from(self, sender: User, receiver: User) -> bool:
        """True where the function that sends was given what names ``sender`` alone, and sends all that it is given."""
        if self._content is None or not self._is_worth((sender.id, receiver.id), ENOUGH):
            return False
        frame = next(own_frames(sys._getframe(1)), None)  # noqa: SLF001 - the documented way to a frame
        if frame is None or not frame.f_code.co_freevars or not self._is_worth(frame.f_code, _OF_CODE):
            return False
        function, given = _function(frame)
        if not any(self._names_alone(one, sender) for one in given):
            return False
        try:
            return self._selectivity.takes(function)
        except TooLongError:
            return False  # nobody waits for this here

    def _is_worth(self, what: object, most: int) -> bool:
        times = self.asked.get(what, 0)
        if times >= most:
            return False
        self.asked[what] = times + 1
        drop_oldest(self.asked, _REMEMBERED)
        return True

    def _names_alone(self, given: Any, sender: User) -> bool:
        if id(type(given)) not in _GIVEN or self._content is None:
            return False
        users = {mark.user.id: mark.user for mark in self._content.marks(given)[0] if mark.user.kind is Kind.USER}
        if len(users) != 1 or not same(next(iter(users.values())), sender):
            return False
        naming = named(given, sender.id)
        return naming < Naming.SUBJECT and not said(given, sender.id)


def _function(frame: FrameType) -> tuple[FunctionType, list[Any]]:
    """The function of a frame, with what its closure holds at this moment, and what it was given."""
    code, held = code_of(frame), variables_of(frame)
    cells = tuple([CellType(held[name]) if name in held else CellType() for name in code.co_freevars])
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)
    given = [held[name] for name in code.co_varnames[:count] if name in held]
    return FunctionType(code, frame.f_globals, code.co_name, None, cells), given
