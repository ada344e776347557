"""The operations of a code object, with where they jump to: the same form for CPython 3.11, 3.12 and 3.13.

``dis`` renders each constant as text, which runs ``repr`` of whatever it is; nothing here looks at a constant.
"""

from __future__ import annotations

import opcode
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_CACHE: Final = opcode.opmap["CACHE"]
_EXTENDED: Final = opcode.opmap["EXTENDED_ARG"]
_JUMPS: Final = frozenset(opcode.opname[one] for one in opcode.hasjrel)


class Operation(NamedTuple):
    """One operation. ``target`` is where it jumps to, or -1."""

    offset: int
    name: str
    arg: int
    target: int


class Handler(NamedTuple):
    """Where it goes on after an exception between ``start`` and ``end``, and how much of the stack is left then."""

    start: int
    end: int
    target: int
    depth: int
    pushes_place: bool


def size(code: CodeType) -> int:
    """How many steps it is to read a code object, counted in operations; what is kept beside them counts, too."""
    return len(code.co_code) // 2


def operations(code: CodeType) -> list[Operation]:
    """All operations of a code object, in order; a jump to an operation goes to its first prefix."""
    raw = code.co_code
    found: list[tuple[int, str, int]] = []
    extended, start = 0, -1
    for offset in range(0, len(raw), 2):
        number = raw[offset]
        if number == _CACHE:
            continue
        start = offset if start < 0 else start
        arg = extended << 8 | raw[offset + 1]
        if number == _EXTENDED:
            extended = arg
            continue
        found.append((start, opcode.opname[number], arg))
        extended, start = 0, -1
    ends = [one[0] for one in found[1:]] + [len(raw)]
    return [
        Operation(offset, name, arg, _target(name, arg, end) if name in _JUMPS else -1)
        for (offset, name, arg), end in zip(found, ends, strict=True)
    ]


def _target(name: str, arg: int, end: int) -> int:
    return end - 2 * arg if "BACKWARD" in name else end + 2 * arg


def handlers(code: CodeType) -> list[Handler]:
    """The exception table of a code object."""
    numbers = _numbers(code.co_exceptiontable)
    found = []
    # Four numbers each; they are all there, or none.
    for start, length, target, kept in zip(numbers, numbers, numbers, numbers, strict=True):
        found.append(Handler(2 * start, 2 * (start + length), 2 * target, kept >> 1, bool(kept & 1)))
    return found


def _numbers(table: bytes) -> Iterator[int]:
    number = 0
    for byte in table:
        number = number << 6 | byte & 63
        if not byte & 64:
            yield number
            number = 0


def local_names(code: CodeType) -> tuple[str, ...]:
    """The names of a code object's local places, by the number that operations have for them."""
    own = code.co_varnames
    return (*own, *(name for name in code.co_cellvars if name not in own), *code.co_freevars)
