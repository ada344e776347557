"""How far a decision reaches: the operations that run, or don't, by how a conditional jump goes."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from isolation_audit.analysis.bytecode import Operation


LEAVING: Final = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD"})
"""Operations after which the next one does not come next."""


class Regions:
    """The decisions of one code object."""

    def __init__(self, operations: list[Operation]) -> None:
        self._operations = operations
        self._offsets = [one.offset for one in operations]
        back = [one for one in operations if 0 <= one.target <= one.offset]
        self._loops = [(one.target, one.offset) for one in back if "NO_INTERRUPT" not in one.name]

    def end(self, jump: Operation) -> int:
        """The offset at which both ways have met again; of a jump backwards its own.

        A branch that ends by leaving the function decides nothing about what comes after it: it refused.
        """
        end = jump.target
        if end <= jump.offset:
            return jump.offset
        for _ in self._operations:
            before = self._operations[bisect_left(self._offsets, end) - 1]
            if before.offset <= jump.offset or before.target <= end:
                break
            if before.name == "JUMP_FORWARD":
                # What it jumps over is the other branch; out of a loop it is a `break`.
                return end if before.target > self._loop_end(jump.offset) else before.target
            if before.name == "SEND" or not is_conditional(before):
                break
            end = before.target
        return end

    def is_loop(self, jump: Operation) -> bool:
        """True where a jump backwards is come to again from where it leads; an exception's handler is not."""
        ahead, seen = [jump.target], set()
        while ahead:
            offset = ahead.pop()
            if offset in seen or offset > self._offsets[-1]:
                continue
            seen.add(offset)
            index = bisect_left(self._offsets, offset)
            operation = self._operations[index]
            if operation.offset == jump.offset:
                return "NO_INTERRUPT" not in jump.name
            if operation.target >= 0:
                ahead.append(operation.target)
            if (operation.name not in LEAVING and "JUMP_BACKWARD" not in operation.name) or "_IF_" in operation.name:
                ahead.append(self._offsets[index + 1] if index + 1 < len(self._offsets) else self._offsets[-1] + 2)
        return False

    def _loop_end(self, offset: int) -> int:
        """Where the innermost loop around an offset ends."""
        around = [end for start, end in self._loops if start <= offset < end]
        return min(around, default=self._offsets[-1] + 2) + 2


def is_conditional(operation: Operation) -> bool:
    """True for a jump that depends on a value: tests, and the head of a ``for`` loop."""
    return operation.target >= 0 and ("_IF_" in operation.name or operation.name == "FOR_ITER")
