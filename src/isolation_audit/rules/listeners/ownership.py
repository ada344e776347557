"""Whether a listener is one user's own, or one for all that a request of this user's happened to register first."""

from __future__ import annotations

import sys
from functools import partial
from itertools import islice
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.model.users import plain_text
from isolation_audit.rules.listeners.selectivity import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType

_FRAMES: Final = 16
_TESTING: Final = ("/_pytest/", "/unittest/")
"""What calls tests: they listen to whatever they like."""
_VALUES: Final = 64
"""Values of one object that are looked at."""


def holds(listener: Any, identifier: str) -> bool:
    """True where a listener has the id of a user with it: in its closure, its arguments, or its object's attributes.

    Or in the attributes, or the values, of what is there.
    """
    held = list(_held(listener))
    return _names(held, identifier) or any(_names(_inside(value), identifier) for value in held[:_VALUES])


def made_here(listener: Any) -> bool:
    """True where a listener is a function with a closure that the running handler makes: a session's or a request's.

    A handler is what a framework, an event loop or a thread calls. What is further down may be there for all, and only
    be called late. The handler's own variables are not looked at: reading them keeps them alive.
    """
    while type(listener) is partial:
        listener = listener.func
    if type(listener) is not FunctionType or not listener.__closure__:
        return False
    maker = listener.__qualname__.rpartition(".<locals>.")[0]
    handler = _handler(sys._getframe(1))  # noqa: SLF001 - the documented way to a frame
    return handler is not None and handler.co_qualname == maker and handler.co_filename == listener.__code__.co_filename


def _handler(frame: FrameType | None) -> CodeType | None:
    """The last of the application's own functions on the stack before whatever has called it."""
    handler = None
    for _ in range(_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        if not is_ours(code):
            if not is_installed(code.co_filename):
                handler = code
            elif handler is not None:
                return None if any(part in code.co_filename for part in _TESTING) else handler
        frame = frame.f_back
    return handler


def _held(listener: Any) -> Iterator[Any]:
    while type(listener) is partial:
        yield from listener.args
        yield from listener.keywords.values()
        listener = listener.func
    if type(listener) is MethodType:
        yield from list(fields_of(listener.__self__).values())
        listener = listener.__func__
    if type(listener) is FunctionType:
        yield from listener.__defaults__ or ()
        for cell in listener.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:
                continue  # empty as yet


def _inside(value: Any) -> list[Any]:
    fields = value if type(value) is dict else fields_of(value)
    return list(islice(fields.values(), _VALUES))


def _names(values: Iterable[Any], identifier: str) -> bool:
    return any(plain_text(value) == identifier for value in islice(values, _VALUES))
