"""An assembler for the few instructions that stand in front of a function's own: what differs between versions is here.

Each instruction is written with its inline caches, jumps go forward only, and the depth of the stack is followed.
"""

from __future__ import annotations

import dis
import opcode
import sys
from typing import Any, Final

KNOWN: Final = sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 13)
"""False for a version whose instructions nobody here has read."""

V3_11: Final = sys.version_info < (3, 12)
_V3_13: Final = sys.version_info >= (3, 13)
_LARGEST: Final = 255


def caches_of(name: str) -> int:
    """Code units of caches behind an instruction."""
    entries: Any = opcode._inline_cache_entries  # type: ignore[attr-defined] # noqa: SLF001 - nothing public has it
    return int(entries.get(name, 0) if isinstance(entries, dict) else entries[dis.opmap[name]])


class Label:
    """A place in the code, in code units, once it is assembled."""

    def __init__(self) -> None:
        self.at = 0
        self.depth: int | None = None
        """Values on the stack there, as far as is known."""


class _Gap:
    def __init__(self, units: int) -> None:
        self.units = units


class Assembly:
    """Instructions to be, with the constants and names of the code that they are to be a part of."""

    def __init__(self, constants: tuple[Any, ...], names: tuple[str, ...]) -> None:
        self.constants = list(constants)
        self.names = list(names)
        self.depth = self.deepest = 0
        self._items: list[tuple[str, int | Label] | Label | _Gap] = []

    def _emit(self, name: str, argument: int | Label = 0, *, effect: int) -> None:
        self._items.append((name, argument))
        self.depth += effect
        self.deepest = max(self.deepest, self.depth)

    def gap(self, units: int) -> None:
        """What is there already: so many code units of the function's own."""
        self._items.append(_Gap(units))

    def mark(self, label: Label) -> None:
        """The next instruction stands at ``label``."""
        self._items.append(label)
        if label.depth is not None:
            self.depth = label.depth

    def plain(self, name: str, argument: int = 0, *, effect: int) -> None:
        """An instruction that is the same in all versions."""
        self._emit(name, argument, effect=effect)

    def constant(self, value: Any) -> None:
        """Push a constant: this very object."""
        index = next((index for index, one in enumerate(self.constants) if one is value), len(self.constants))
        if index == len(self.constants):
            self.constants.append(value)
        self._emit("LOAD_CONST", index, effect=1)

    def _name(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def attribute(self, name: str) -> None:
        """Read an attribute of what is on top."""
        self._emit("LOAD_ATTR", self._name(name) << (not V3_11), effect=0)

    def store_attribute(self, name: str) -> None:
        """Store what is below the top in an attribute of what is on top."""
        self._emit("STORE_ATTR", self._name(name), effect=-2)

    def swap(self) -> None:
        """Exchange the two values on top."""
        self._emit("SWAP", 2, effect=0)

    def copy(self, depth: int) -> None:
        """Push the ``depth``-th value from the top once more."""
        self._emit("COPY", depth, effect=1)

    def pop(self) -> None:
        """Drop what is on top."""
        self._emit("POP_TOP", effect=-1)

    def callee(self) -> None:
        """What is on top is to be called: make room for the NULL that goes with it."""
        self._emit("PUSH_NULL", effect=1)
        if not _V3_13:
            self.swap()

    def callee_constant(self, value: Any) -> None:
        """Push what is to be called."""
        if _V3_13:
            self.constant(value)
        self._emit("PUSH_NULL", effect=1)
        if not _V3_13:
            self.constant(value)

    def call(self, arguments: int) -> None:
        """Call what :meth:`callee` has prepared, with the ``arguments`` on top."""
        if V3_11:
            self._emit("PRECALL", arguments, effect=0)
        self._emit("CALL", arguments, effect=-1 - arguments)

    def awaited(self) -> int:
        """Wait for what is on top, and return what comes of it; how many instructions before the end it yields."""
        self.plain("GET_AWAITABLE", effect=0)
        self.constant(None)
        self.plain("SEND", 3, effect=0)
        self.plain("YIELD_VALUE", 0 if V3_11 else 1 if _V3_13 else 2, effect=0)
        self.plain("RESUME", 3, effect=0)
        self.plain("JUMP_BACKWARD_NO_INTERRUPT", 4 + caches_of("SEND"), effect=0)
        if not V3_11:
            self.plain("END_SEND", effect=-1)
        self.plain("RETURN_VALUE", effect=-1)
        if V3_11:
            return 0
        # Where something is thrown into the waiting coroutine: it may be what it was waiting for that ends so.
        self.plain("CLEANUP_THROW", effect=0)
        self.plain("JUMP_BACKWARD_NO_INTERRUPT", 4, effect=0)
        return 6

    def add(self) -> None:
        """Replace the two values on top by their sum."""
        self._emit("BINARY_OP", 13, effect=-1)

    def jump(self, label: Label) -> None:
        """Go on there."""
        self._jump("JUMP_FORWARD", label, effect=0)

    def unless(self, label: Label) -> None:
        """Go on there where what is on top is false; it is dropped."""
        self._jump("POP_JUMP_FORWARD_IF_FALSE" if V3_11 else "POP_JUMP_IF_FALSE", label, effect=-1)

    def unless_none(self, label: Label) -> None:
        """Go on there where what is on top is not None; it is dropped."""
        self._jump("POP_JUMP_FORWARD_IF_NOT_NONE" if V3_11 else "POP_JUMP_IF_NOT_NONE", label, effect=-1)

    def _jump(self, name: str, label: Label, *, effect: int) -> None:
        self._emit(name, label, effect=effect)
        label.depth = self.depth

    def assemble(self) -> list[bytes]:
        """The code between the gaps; labels have their places afterwards."""
        wide: dict[int, int] = {}  # by the number of an item: its EXTENDED_ARGs
        while True:
            self._place(wide)
            more = {
                number: _extended(argument)
                for number, item in enumerate(self._items)
                if isinstance(item, tuple) and (argument := self._argument(number, item)) > _LARGEST
            }
            if more == wide:
                break
            wide = {number: max(more.get(number, 0), wide.get(number, 0)) for number in {*more, *wide}}
        return self._written(wide)

    def _written(self, wide: dict[int, int]) -> list[bytes]:
        pieces, written = [], bytearray()
        for number, item in enumerate(self._items):
            if isinstance(item, _Gap):
                pieces.append(bytes(written))
                written = bytearray()
            elif isinstance(item, tuple):
                argument = self._argument(number, item)
                for shift in range(wide.get(number, 0), 0, -1):
                    written += bytes((dis.EXTENDED_ARG, argument >> 8 * shift & 0xFF))
                written += bytes((dis.opmap[item[0]], argument & 0xFF)) + bytes(2 * caches_of(item[0]))
        return [*pieces, bytes(written)]

    def _place(self, wide: dict[int, int]) -> None:
        self._ends = []
        at = 0
        for number, item in enumerate(self._items):
            if isinstance(item, Label):
                item.at = at
            elif isinstance(item, _Gap):
                at += item.units
            else:
                at += 1 + wide.get(number, 0) + caches_of(item[0])
            self._ends.append(at)

    def _argument(self, number: int, item: tuple[str, int | Label]) -> int:
        argument = item[1]
        return argument.at - self._ends[number] if isinstance(argument, Label) else argument


def _extended(argument: int) -> int:
    return (argument.bit_length() - 1) // 8
