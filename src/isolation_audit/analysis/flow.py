"""What a function makes from what, read off its code object: no source is needed, and nothing of it runs.

The operations are gone through once, in order, with a stack of nodes in the place of values. Where two ways meet with
different values on the stack, what comes out is made from both, and from the tests that chose. Comprehensions become a
part of the function around them, which they are by themselves from Python 3.12 on.
"""

from __future__ import annotations

import dis
import opcode
from functools import cache
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.bytecode import handlers, operations
from isolation_audit.analysis.nodes import Flow, Kind, UnreadableError
from isolation_audit.analysis.operations import NULL, Operations
from isolation_audit.analysis.regions import LEAVING, Regions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.analysis.bytecode import Handler, Operation

_GENERATES: Final = 0x20 | 0x200
_LOOPING: Final = frozenset({"FOR_ITER", "GET_ANEXT"})
_BETWEEN_PAUSES: Final = 100
"""Operations."""

_DEEPEST: Final = 20
"""Comprehensions inside each other."""

Stack = list[int]


def flow(code: CodeType, pause: Callable[[], object] | None = None) -> Flow:
    """Read a code object; ``pause`` is called every now and then, for those who have others to let go first.

    Raises:
        UnreadableError: it has an operation that is not known.
    """
    code = as_written(code)
    made = Flow(code, chooses=bool(code.co_flags & _GENERATES))
    try:
        _Walk(made, code, pause=pause).run()
    except (IndexError, KeyError, ValueError) as error:
        raise UnreadableError(f"{code.co_qualname}: {error!r}") from error
    return made


class _Walk(Operations):
    """The way through one code object."""

    def __init__(
        self,
        made: Flow,
        code: CodeType,
        around: _Walk | None = None,
        rows: int = NULL,
        pause: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(made, code, around, rows)
        self._pause = pause
        self._operations = operations(code)
        self._named = {one.offset: one.name for one in self._operations}
        self._regions = Regions(self._operations)
        self._starts: dict[int, list[Handler]] = {}
        for handler in handlers(code):
            self._starts.setdefault(handler.start, []).append(handler)
        self._arriving: dict[int, list[Stack]] = {}
        """Stacks with which jumps come to operations that are still ahead."""
        self._seen: set[int] = set()

    def run(self) -> None:
        """Go through it."""
        self._arriving[0] = [[]]
        while self._arriving:
            # Once around, but for what is only reached by a jump backwards.
            first = min(self._arriving)
            self.tests.clear()
            alive = False
            for operation in self._operations:
                if operation.offset < first or operation.offset in self._seen:
                    alive = False
                    continue
                alive = self._meet(operation.offset, alive) and self._step(operation)
                if self._pause is not None and len(self._seen) % _BETWEEN_PAUSES == 0:
                    self._pause()
            for offset in [one for one in self._arriving if one in self._seen or one == first]:
                del self._arriving[offset]

    def _meet(self, offset: int, alive: bool) -> bool:
        """Come to an operation, from the one before and from elsewhere; False where it is not reached."""
        over = tuple([test for end, test in self.tests if end <= offset])
        if over:
            self.tests = [one for one in self.tests if one[0] > offset]
        arriving = self._arriving.pop(offset, [])
        stacks = [self.stack, *arriving] if alive else arriving
        if not stacks:
            return False
        first, *others = stacks
        for other in others:
            if len(other) != len(first):
                raise UnreadableError(f"{self.code.co_qualname}: two stacks meet at {offset}")
            if other != first:
                first = [
                    one if one == two or NULL in (one, two) else self.made(one, two, *over)
                    for one, two in zip(first, other, strict=True)
                ]
        self.stack = list(first)
        self.offset = offset
        self._seen.add(offset)
        for handler in self._starts.get(offset, ()):
            kept = self.stack[: handler.depth]
            kept += [self.made() for _ in range(1 + handler.pushes_place)]
            self._arrive(handler.target, kept)
        return True

    def _arrive(self, target: int, stack: Stack) -> None:
        if target not in self._seen:
            self._arriving.setdefault(target, []).append(list(stack))

    def _step(self, operation: Operation) -> bool:
        """True where the next operation comes next."""
        name = operation.name
        if operation.target >= 0:
            self._jump(operation)
        else:
            self.do(name, operation.arg)
        return (name not in LEAVING and "JUMP_BACKWARD" not in name) or "_IF_" in name

    def _jump(self, operation: Operation) -> None:
        name, stack = operation.name, self.stack
        if name == "SEND":
            stack[-1] = stack[-2]  # an awaited value is the call's, as far as its origin goes
            self._arrive(operation.target, stack if _stays(name) else [*stack[:-2], stack[-1]])
        elif name == "FOR_ITER":
            rows = stack[-1]
            after = stack[:-1] if not _stays(name) else [*stack, rows]
            stack.append(self.made(rows))
            self._arrive(operation.target, after)
            self.tests.append((self._regions.end(operation), rows))
        elif "_IF_" in name:
            self._branch(operation)
        elif operation.target > operation.offset:
            self._arrive(operation.target, stack)
        elif self._named[operation.target] not in _LOOPING and self._regions.is_loop(operation):
            self.flow.chooses = True  # a `while` without a test

    def _branch(self, operation: Operation) -> None:
        name, stack = operation.name, self.stack
        test = stack.pop()
        self.flow.chooses = self.flow.chooses or test not in self.catching
        self._arrive(operation.target, [*stack, test] if name.endswith("_OR_POP") else list(stack))
        if operation.target > operation.offset:
            decided = self.node(Kind.IS_NONE, test) if name.endswith("_NONE") else test
            self.tests.append((self._regions.end(operation), decided))

    def comprehended(self, code: CodeType, rows: int) -> int:
        """What a comprehension makes of its rows."""
        if self.depth >= _DEEPEST:
            raise UnreadableError(f"{self.code.co_qualname}: too many comprehensions inside each other")
        inner = _Walk(self.flow, code, self, rows, self._pause)
        inner.run()
        return self.made(rows, *inner.result)


@cache
def _stays(name: str) -> bool:
    """True where the jump of an operation leaves everything on the stack."""
    return dis.stack_effect(opcode.opmap[name], 0, jump=True) >= 0
