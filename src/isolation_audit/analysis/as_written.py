"""The code that a function had before depth ``state`` rewrote it: whoever reads bytecode has to read that.

Rewritten code branches at each report, and calls what tells of it: read as it is, every function would choose.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Originals = dict[tuple[object, ...], CodeType | None]

_modules: Final[dict[str, Callable[[], CodeType | None]]] = {}
"""By file: what gives the code that the module had."""
_known: Final[dict[str, Originals]] = {}


def rewrote(file: str, original: Callable[[], CodeType | None]) -> None:
    """Say that the functions of a file were rewritten; ``original`` gives the module's code, or None."""
    _modules[file] = original
    _known.pop(file, None)


def as_written(code: CodeType) -> CodeType:
    """The code that stood in the source; ``code`` itself where it was not rewritten, or that is not known."""
    original = _modules.get(code.co_filename)
    if original is None:
        return code
    known = _known.get(code.co_filename)
    if known is None:
        known = _known[code.co_filename] = {}
        module = original()
        if module is not None:
            _collect(module, known)
    return known.get(_place(code)) or code


def _collect(code: CodeType, known: Originals) -> None:
    place = _place(code)
    known[place] = None if place in known else code  # of two lambdas in one line it can't be told which one it is
    for inner in code.co_consts:
        if type(inner) is CodeType:
            _collect(inner, known)


def _place(code: CodeType) -> tuple[object, ...]:
    count = code.co_argcount + code.co_kwonlyargcount
    return code.co_qualname, code.co_firstlineno, code.co_flags & 0x2AC, code.co_varnames[:count]
