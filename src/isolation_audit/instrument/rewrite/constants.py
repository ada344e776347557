"""The constants of rewritten code: texts while it is on disk, and objects once it is loaded.

Where they stand is found once, when the code is made: a look at each constant would take longer than to load the code.
"""

from __future__ import annotations

from array import array
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK: Final = "\0isolation-audit "
"""Begins a text that stands for a constant: ``r`` what is called, ``f`` a flag, ``a`` the flag of all."""

FLAG: Final = "True"
CALL: Final = "None"
"""The only attributes of these constants. Code lists the names that it uses, and whoever looks for a function's globals
there (``inspect.getclosurevars``) passes over these two."""

_NUMBERS: Final = "I"


def places(code: CodeType) -> tuple[list[str], bytes]:
    """The texts that stand for constants in the code, all the way down, and where each one stands.

    Of each code that has some: how many there are, and of each the number of the constant and of its text; how many
    codes inside of it have some, and their numbers; and then the same of each of those. They are numbers in bytes:
    tuples take long to load.
    """
    texts: dict[str, int] = {}
    found = _places(code, texts)
    return list(texts), array(_NUMBERS, found).tobytes()


def _places(code: CodeType, texts: dict[str, int]) -> list[int]:
    own: list[int] = []
    inside: list[int] = []
    of_those: list[int] = []
    for place, value in enumerate(code.co_consts):
        if type(value) is str and value.startswith(MARK):
            own += (place, texts.setdefault(value, len(texts)))
        elif type(value) is CodeType and (inner := _places(value, texts)):
            inside.append(place)
            of_those += inner
    return [len(own) // 2, *own, len(inside), *inside, *of_those] if own or inside else []


def filled(code: CodeType, where: bytes, objects: Sequence[Any]) -> CodeType:
    """The code with its constants, all the way down: ``objects`` are those of the texts."""
    return _filled(code, array(_NUMBERS, where).tolist(), 0, objects)[0] if where else code


def _filled(code: CodeType, numbers: list[int], at: int, objects: Sequence[Any]) -> tuple[CodeType, int]:
    """A code, and the place in ``numbers`` after what they tell of it."""
    new = list(code.co_consts)
    end = at + 1 + 2 * numbers[at]
    for place in range(at + 1, end, 2):
        new[numbers[place]] = objects[numbers[place + 1]]
    at = end + 1 + numbers[end]
    for place in numbers[end + 1 : at]:
        new[place], at = _filled(new[place], numbers, at, objects)
    return code.replace(co_consts=tuple(new)), at
