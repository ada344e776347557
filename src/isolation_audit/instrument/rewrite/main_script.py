"""The functions of a program that is started as ``python app.py``: they are exchanged when it starts.

No loader is asked for its code: the interpreter has compiled the file itself. When its first instruction is about to
run, the code of its functions, which lies among the constants of the file's code, is exchanged for the rewritten code.
The file's own statements stay as they are. Python has no way to do that: it is done in memory, and only where memory
is found as it is expected to be.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def when_it_starts(exchange: Callable[[CodeType], None]) -> bool:
    """Call ``exchange`` with the code of the program's file, before it runs; False where it has begun already."""
    if not _interpreter_starts() or sys.getprofile() is not None:
        return False

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            sys.setprofile(None)
            if frame.f_globals.get("__spec__") is None:  # else a loader has compiled it
                exchange(frame.f_code)

    sys.setprofile(watch)
    return True


def _interpreter_starts() -> bool:
    """True while the module ``site`` is at work: afterwards comes the program."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - once a process
    while frame is not None:
        if frame.f_globals.get("__name__") == "site":
            return True
        frame = frame.f_back
    return False


def exchange_functions(code: CodeType, rewritten: CodeType) -> bool:
    """Put the functions and classes of ``rewritten`` into ``code``; False where that is not possible."""
    old, new = code.co_consts, list(rewritten.co_consts)
    pairs = []
    for place, value in enumerate(old):
        if type(value) is CodeType:
            other = next((one for one in new if type(one) is CodeType and _same(one, value)), None)
            if other is None:
                return False
            new.remove(other)
            pairs.append((place, other))
    return not pairs or _put(old, pairs)


def _same(one: CodeType, other: CodeType) -> bool:
    return (one.co_qualname, one.co_firstlineno) == (other.co_qualname, other.co_firstlineno)


def _put(constants: tuple[Any, ...], pairs: list[tuple[int, CodeType]]) -> bool:
    try:
        import ctypes
    except ImportError:
        return False
    pointer = ctypes.sizeof(ctypes.c_void_p)
    first = id(constants) + tuple.__basicsize__
    cells = [ctypes.c_void_p.from_address(first + place * pointer) for place in range(len(constants))]
    if any(cell.value != id(value) for cell, value in zip(cells, constants, strict=True)):
        return False
    for place, value in pairs:
        # The old code keeps its reference: whoever has it already goes on with it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
        cells[place].value = id(value)
    return True
