"""What the functions at work were given: the inputs of a unit of work that no request has begun.

A job, a handler that a program calls for one user, a test: what comes in are the arguments of the application's
functions. Texts and plain containers among them are read from the running frames, and nothing is called.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.frames import is_installed, is_of_tests
from isolation_audit.analysis.variables import variables_of
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.rules.state.contents import is_plain, is_scalar, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

__builtins__ = BUILTINS

_FRAMES: Final = 40
_KEPT: Final = 400
_LONGEST: Final = 2_000
_NODES: Final = 40
_FILES: Final = 2_000
"""Files of which it is remembered whether they are the application's."""


def note_arguments(
    kept: dict[str, None], foreign: Iterable[str] = (), is_state: Callable[[int], object] = lambda _identity: None
) -> None:
    """Add the texts that the application's running functions were given, but for what they have of another's.

    ``is_state`` tells by its identity whether a container is one that units write to: that is no input.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame without traceback's cost
    left = _FRAMES
    while frame is not None and left and len(kept) < _KEPT:
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        if count and _is_of_the_application(code.co_filename) and not is_ours(code):
            given = variables_of(frame)
            names = code.co_varnames[:count]
            for name in names:
                if name not in ("self", "cls") and name in given and is_state(id(given[name])) is None:
                    _note(given[name], kept, foreign)
        frame, left = frame.f_back, left - 1


@lru_cache(_FILES)
def _is_of_the_application(file: str) -> bool:
    return not is_installed(file) and not is_of_tests(file)


def _note(value: object, kept: dict[str, None], foreign: Iterable[str]) -> None:
    if type(value) is int:
        kept[int.__repr__(value)[:_LONGEST]] = None
    if is_scalar(value):
        return
    held = value if is_plain(value) else [one for one in fields(value).values() if type(one) is str]
    for text in texts(held, _NODES):
        # What was read of another unit's is handed on like one's own.
        if not any(other in text or text in other for other in foreign):
            kept[text[:_LONGEST]] = None
