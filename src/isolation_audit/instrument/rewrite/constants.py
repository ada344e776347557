"""The constants of rewritten code: texts while it is on disk, and objects once it is loaded.

Where they stand is found once, when the code is made: a look at each constant would take longer than to load the code.
"""

from __future__ import annotations

from array import array
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARK: Final = "\0isolation-audit "
"""Begins a text that stands for a constant: ``r`` what is called, ``f`` a flag, ``a`` the flag of all."""

FLAG: Final = "True"
CALL: Final = "None"
"""The only attributes of these constants. Code lists the names that it uses, and whoever looks for a function's globals
there (``inspect.getclosurevars``) passes over these two."""

_NUMBERS: Final = "I"
_INSIDE: Final = 0xFFFF_FFFF
_END: Final = _INSIDE - 1


def places(code: CodeType) -> tuple[list[str], bytes]:
    """The texts that stand for constants in the code, all the way down, and where each one stands.

    Of each code that has some: pairs of the number of a constant and the number of its text, or of ``_INSIDE``, which
    is followed by the pairs of that code; at last 0 and ``_END``. They are numbers in bytes: tuples take long to load.
    """
    texts: dict[str, int] = {}
    found = _places(code, texts)
    return list(texts), array(_NUMBERS, found).tobytes()


def _places(code: CodeType, texts: dict[str, int]) -> list[int]:
    found: list[int] = []
    for place, value in enumerate(code.co_consts):
        if type(value) is str and value.startswith(MARK):
            found += (place, texts.setdefault(value, len(texts)))
        elif type(value) is CodeType and (inner := _places(value, texts)):
            found += (place, _INSIDE, *inner)
    return [*found, 0, _END] if found else []


def filled(code: CodeType, where: bytes, objects: Sequence[Any]) -> CodeType:
    """The code with its constants, all the way down: ``objects`` are those of the texts."""
    if not where:
        return code
    numbers = iter(array(_NUMBERS, where))
    return _filled(code, zip(numbers, numbers, strict=True), objects)


def _filled(code: CodeType, pairs: Iterator[tuple[int, int]], objects: Sequence[Any]) -> CodeType:
    new = list(code.co_consts)
    for place, what in pairs:
        if what < _END:
            new[place] = objects[what]
        elif what == _END:
            break
        else:
            new[place] = _filled(new[place], pairs, objects)
    return code.replace(co_consts=tuple(new))
