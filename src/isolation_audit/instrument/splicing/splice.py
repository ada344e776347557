"""Splicing: code with more instructions in it, whose own ones, lines and exception handlers stay what they are."""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.instrument.splicing.assembly import caches_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_NO_LINE: Final = 15
_NO_COLUMNS: Final = 13
_LONG: Final = 14
_ONE_LINE: Final = 10
_LONGEST_ENTRY: Final = 8
"""Code units, at most, that one entry of a table of places is for."""


class Spliced(NamedTuple):
    """A function's code with more in it, and where its own instructions are in there, in bytes."""

    code: CodeType
    begin: int
    """What is ours begins here, and has ``length``."""
    length: int
    end: int
    """After the function's own."""
    quiet: int
    """So many more of ours stand behind its RESUME."""


class Handled(NamedTuple):
    """An entry of a table of exceptions, in code units: what is raised from start to end goes on at the target."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


class _Entry(NamedTuple):
    """An entry of a table of places; see CPython's ``locations.md``."""

    kind: int
    length: int
    """Code units."""
    rest: bytes


class Prologue(NamedTuple):
    """Where the prologue of a function has what, in code units."""

    generator: int | None
    """The instruction that makes the generator or the coroutine, where there is one."""
    resume: int


def prologue_of(code: CodeType) -> Prologue | None:
    """The prologue that CPython's compiler writes; None for anything else."""
    at, generator, written = 0, None, code.co_code
    while at * 2 < len(written):
        name = dis.opname[written[2 * at]]
        if name == "RESUME" and written[2 * at + 1] == 0:
            return Prologue(generator, at)
        if name == "RETURN_GENERATOR" and generator is None:
            generator = at
        elif name not in ("COPY_FREE_VARS", "MAKE_CELL", "EXTENDED_ARG") and not (
            name == "POP_TOP" and generator == at - 1
        ):
            return None
        at += 1 + caches_of(name)
    return None


def handlers_of(code: CodeType) -> Iterator[Handled]:
    """The exception table of a code object."""
    table = iter(code.co_exceptiontable)
    for first in table:
        start = _varint(first, table)
        length, target, last = (_varint(next(table), table) for _ in range(3))
        yield Handled(start, start + length, target, last >> 1, bool(last & 1))


def _varint(first: int, more: Iterator[int]) -> int:
    value = first & 0x3F
    while first & 0x40:
        first = next(more)
        value = value << 6 | first & 0x3F
    return value


def exception_table(handlers: list[Handled]) -> bytes:
    """The table of these, which must be in order."""
    return b"".join(
        _number(one.start, 0x80) + _number(one.end - one.start) + _number(one.target) + _number(_last(one))
        for one in handlers
    )


def _last(one: Handled) -> int:
    return one.depth << 1 | one.lasti


def _number(value: int, first: int = 0) -> bytes:
    digits = [value & 0x3F]
    while value := value >> 6:
        digits.append(0x40 | value & 0x3F)
    digits[-1] |= first
    return bytes(reversed(digits))


def moved(handlers: Iterator[Handled], at: int, units: int) -> Iterator[Handled]:
    """The same where ``units`` more stand at ``at``; these are covered by none of them."""

    def place(one: int) -> int:
        return one + units if one >= at else one

    for start, end, target, depth, lasti in handlers:
        if start < at:
            yield Handled(start, min(end, at), place(target), depth, lasti)
        if end > at:
            yield Handled(place(max(start, at)), end + units, place(target), depth, lasti)


def line_table(table: bytes, at: int, units: int, *, quiet: int = 0, behind: int = 0) -> bytes:
    """The table of places with ``units`` more at ``at``, which are on the line that is reached there.

    ``quiet`` follow one unit later, on no line at all, and ``behind`` at the end, on the first line.
    """
    before, rest = _split(list(_entries(table)), at)
    first, rest = _split(rest, 1) if quiet else ([], rest)
    none = bytes((0x80 | _NO_LINE << 3 | quiet - 1,)) if quiet else b""
    end = bytes((0x80 | _NO_COLUMNS << 3, *_signed(-_lines([*before, *first, *rest])))) if behind else b""
    ours = _on_this_line(units)
    return b"".join((_joined(before), ours, _joined(first), none, _joined(rest), end, _on_this_line(behind - 1)))


def _split(entries: list[_Entry], at: int) -> tuple[list[_Entry], list[_Entry]]:
    """The entries for the first ``at`` units, and those for the others."""
    passed = 0
    for number, (kind, length, rest) in enumerate(entries):
        left = at - passed
        if left < length:
            if not left:
                return entries[:number], entries[number:]
            first, second = _Entry(kind, left, rest), _again(kind, length - left, rest)
            return [*entries[:number], first], [second, *entries[number + 1 :]]
        passed += length
    return entries, []


def _on_this_line(units: int) -> bytes:
    out = bytearray()
    while units > 0:
        out += bytes((0x80 | _NO_COLUMNS << 3 | min(units, _LONGEST_ENTRY) - 1, 0))
        units -= _LONGEST_ENTRY
    return bytes(out)


def _entries(table: bytes) -> Iterator[_Entry]:
    at = 0
    while at < len(table):
        first, end = table[at], at + 1
        while end < len(table) and not table[end] & 0x80:
            end += 1
        yield _Entry(first >> 3 & 15, (first & 7) + 1, table[at + 1 : end])
        at = end


def _joined(entries: list[_Entry]) -> bytes:
    return b"".join(bytes((0x80 | kind << 3 | length - 1,)) + rest for kind, length, rest in entries)


def _again(kind: int, length: int, rest: bytes) -> _Entry:
    """The same place once more, without another step to its line."""
    if _ONE_LINE <= kind < _NO_COLUMNS:
        return _Entry(_ONE_LINE, length, rest)
    if kind in (_NO_COLUMNS, _LONG):
        return _Entry(kind, length, b"\0" + rest[_length_of_number(rest) :])
    return _Entry(kind, length, rest)


def _length_of_number(rest: bytes) -> int:
    return next(number for number, byte in enumerate(rest, 1) if not byte & 0x40)


def _lines(entries: list[_Entry]) -> int:
    """By how many lines the last entry stands below the first line."""
    return sum(
        kind - _ONE_LINE if _ONE_LINE <= kind < _NO_COLUMNS else _step(rest) if kind in (_NO_COLUMNS, _LONG) else 0
        for kind, _length, rest in entries
    )


def _step(rest: bytes) -> int:
    value = shift = 0
    for byte in rest:
        value |= (byte & 0x3F) << shift
        shift += 6
        if not byte & 0x40:
            break
    return -(value >> 1) if value & 1 else value >> 1


def _signed(value: int) -> bytes:
    number = -value << 1 | 1 if value < 0 else value << 1
    digits = []
    while number >= 0x40:
        digits.append(0x40 | number & 0x3F)
        number >>= 6
    return bytes((*digits, number))
