"""The check in the function's own code: compared before the function begins, without a call and without a variable.

What is compared lies on the interpreter's stack, so ``locals()``, debuggers and reports of errors see no variable of
ours. It stands in front of the RESUME instruction, with which a function begins for everybody who looks on: tracers,
profilers, ``sys.monitoring``, tracebacks and other frames don't know of what comes before. A generator function is
asked about when it is called, a coroutine when it is first awaited, as with a shim.

A call that is not like the last clean one is told to the probe. Where nothing is left to be done after it, as nearly
always, the function then goes on as if nothing had been. Else its own code is left for the general way: ``around``
calls the original function, and tells what comes of it.
"""

from __future__ import annotations

import dis
import inspect
import sys
from contextlib import nullcontext
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.cells import ONE
from isolation_audit.instrument.compile.source import (
    AROUND_KNOWN,
    GENERATORS,
    LOOK,
    LOOK_AT_CALL,
    PROBE,
    Parameters,
)
from isolation_audit.instrument.patching.linked import linked_code
from isolation_audit.instrument.shim_codes import remember
from isolation_audit.instrument.splicing.assembly import KNOWN, V3_11, Assembly, Label
from isolation_audit.instrument.splicing.splice import (
    Handled,
    Spliced,
    exception_table,
    handlers_of,
    line_table,
    moved,
    prologue_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.compile.check import Check, Read

_TOOLS: Final = 6
"""Of ``sys.monitoring``."""
_NOP: Final = bytes((dis.opmap["NOP"], 0))
_FUNCTION: Final = inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS


class General:
    """A constant of such code: what is called where a call is not like the last clean one."""

    __slots__ = ("absorbs", "around", "look")

    def __init__(self, look: Callable[..., Any], around: Callable[..., Any]) -> None:
        self.look = look
        self.around = around
        self.absorbs = _absorbs

    def __reduce__(self) -> tuple[Any, ...]:
        # As Probe's: what a by-value pickler takes along asks nobody, and needs no auditor where it arrives.
        return (SimpleNamespace, (), {"look": nullcontext().__exit__, "absorbs": bool})


def _absorbs(error: BaseException) -> bool:
    """False for what has to go on to the application: it did not come of a comparison."""
    return isinstance(error, Exception) and not raised_by_signal(error)


def inlined(function: FunctionType, code: CodeType, check: Check, probe: Probe) -> Spliced | None:
    """The code of ``function`` with the check in it; None where it has to be a shim."""
    if not KNOWN or code.co_flags & _FUNCTION != _FUNCTION or check.carried or check.ends or _is_watched(code):
        return None
    prologue = prologue_of(code)
    if prologue is None:
        return None
    at_call = bool(code.co_flags & GENERATORS)
    if at_call and prologue.generator is None:
        return None
    at = prologue.generator if at_call and prologue.generator is not None else prologue.resume
    units = len(code.co_code) // 2
    # Below CPython 3.12 a tracer is told of a new line where it differs from that of the instruction before, and only
    # the very first RESUME is known to be no line of its own: so what precedes the first line gets none.
    quiet = int(V3_11 and not at_call)
    program = _Program(code, check, _general(function, code, probe))
    pieces = program.assemble(at, units - at + quiet)
    before, behind = len(pieces[1]) // 2, len(pieces[2]) // 2
    own = code.co_code
    head = 2 * (prologue.resume + 1)
    own = own[:head] + _NOP * quiet + own[head:]
    made = own[: 2 * at] + pieces[1] + own[2 * at :] + pieces[2]
    handlers = list(moved(moved(handlers_of(code), prologue.resume + 1, quiet), at, before))
    handlers += program.handlers()
    result = code.replace(
        co_code=made,
        co_consts=tuple(program.assembly.constants),
        co_names=tuple(program.assembly.names),
        co_stacksize=max(code.co_stacksize, program.assembly.deepest + 2),
        co_exceptiontable=exception_table(sorted(handlers)),
        co_linetable=line_table(code.co_linetable, at, before, quiet=quiet, behind=behind),
    )
    return Spliced(result, 2 * at, 2 * before, 2 * (before + units + quiet), 2 * quiet)


class _Program:
    """The instructions: what is compared, what is done where it is not as the last time, and what may follow then."""

    def __init__(self, code: CodeType, check: Check, general: General) -> None:
        self.assembly = Assembly(code.co_consts, code.co_names)
        self._code = code
        self._check = check
        self._general = general
        self._parameters = Parameters(code)
        self._other: dict[int, Label] = {}
        """Where a comparison goes on that fails, by what is left on the stack there."""
        self._at_call = bool(code.co_flags & GENERATORS)
        self._begin, self._body, self._rest, self._end = (Label() for _ in range(4))
        self._ask_at, self._handler, self._raise, self._cleanup = (Label() for _ in range(4))
        self._yield_from_end = 0

    def assemble(self, at: int, rest: int) -> list[bytes]:
        """What stands before the function's own instructions, within and behind; ``rest`` of them come after ``at``."""
        asm = self.assembly
        asm.gap(at)
        asm.mark(self._begin)
        self._compare()
        self._count()
        asm.jump(self._body)
        self._absorb()
        self._ask()
        self._body.depth = 0
        asm.mark(self._body)
        asm.gap(rest)
        self._finish()
        return asm.assemble()

    def handlers(self) -> list[Handled]:
        """The exception table of these instructions."""
        found = [
            Handled(self._begin.at, self._handler.at, self._handler.at, 0, False),
            Handled(self._handler.at, self._cleanup.at, self._cleanup.at, 1, True),
        ]
        if self._yield_from_end:
            at = self._end.at - self._yield_from_end
            found.append(Handled(at, at + 1, self._end.at - 2, 2, False))
        return found

    def _parameter(self, position: int) -> None:
        name = self._code.co_varnames[position]
        # A parameter that an inner function uses lies in a cell, under the same number.
        op = "LOAD_DEREF" if name in self._code.co_cellvars else "LOAD_FAST"
        self.assembly.plain(op, position, effect=1)

    def _values(self) -> None:
        count = len(self._parameters.names)
        for position in range(count):
            self._parameter(position)
        self.assembly.plain("BUILD_TUPLE", count, effect=1 - count)

    def _is(self, index: int = 0) -> None:
        """The two values on top are the same object; else it is another call."""
        self.assembly.plain("IS_OP", index, effect=-1)
        depth = self.assembly.depth - 1
        self.assembly.unless(self._other.setdefault(depth, Label()))

    def _compare(self) -> None:
        asm, check = self.assembly, self._check
        asm.constant(check.site)
        asm.attribute("known")
        asm.plain("UNPACK_SEQUENCE", count := len(check.names()), effect=count - 1)
        if check.of_object:
            asm.callee()
            asm.call(0)
            self._parameter(0)
            self._is()
        elif check.of_receiver:
            self._type_of(lambda: self._parameter(0))
        for read in check.reads:
            self._read(read)
        # The moment, and the method that gives it now; the value of the application's variable, and the like.
        asm.swap()
        asm.callee()
        asm.call(0)
        self._is()
        if check.of_variable:
            asm.swap()
            asm.callee()
            asm.constant(None)
            asm.call(1)
            self._is()

    def _type_of(self, push: Callable[[], None]) -> None:
        """The class that is on top is that of a value."""
        self.assembly.callee_constant(type)
        push()
        self.assembly.call(1)
        self._is()

    def _read(self, read: Read) -> None:
        asm = self.assembly
        for step, attribute in enumerate(read.attributes):
            if not step:
                self._type_of(lambda: self._parameter(read.position))
                self._parameter(read.position)
            else:
                # The object stays below its class as long as that is compared.
                asm.swap()
                above = asm.depth
                self._type_of(lambda above=above: asm.copy(asm.depth - above + 2))  # type: ignore[misc]
            asm.attribute(attribute)
        if not read.attributes:
            self._parameter(read.position)
        self._is()

    def _count(self) -> None:
        asm = self.assembly
        asm.constant(self._check.site)
        asm.copy(1)
        asm.attribute("clean")
        asm.constant(ONE)
        asm.add()
        asm.swap()
        asm.store_attribute("clean")

    def _absorb(self) -> None:
        """A comparison that raises is no finding, and nothing of the application's."""
        asm = self.assembly
        self._handler.depth = 1
        asm.mark(self._handler)
        asm.plain("PUSH_EXC_INFO", effect=1)
        asm.constant(self._general)
        asm.attribute("absorbs")
        asm.callee()
        asm.copy(3)
        asm.call(1)
        asm.unless(self._raise)
        asm.pop()
        asm.plain("POP_EXCEPT", effect=-1)
        asm.jump(self._ask_at)
        asm.mark(self._raise)
        asm.plain("RERAISE", 0, effect=-1)
        asm.mark(self._cleanup)
        self._cleanup.depth = 3
        asm.depth = 3
        asm.copy(3)
        asm.plain("POP_EXCEPT", effect=-1)
        asm.plain("RERAISE", 1, effect=-1)

    def _ask(self) -> None:
        """Another call: the probe is asked, and what is to be done afterwards is mostly nothing."""
        asm = self.assembly
        for depth in range(max(self._other), 0, -1):
            label = self._other.setdefault(depth, Label())
            label.depth = depth
            asm.mark(label)
            asm.pop()
        self._other.setdefault(0, Label()).depth = 0
        asm.mark(self._other[0])
        asm.mark(self._ask_at)
        self._general_one("look")
        self._values()
        asm.call(1)
        if not self._at_call:
            asm.copy(1)
            asm.unless_none(self._rest)
        asm.pop()

    def _general_one(self, name: str) -> None:
        self.assembly.constant(self._general)
        self.assembly.attribute(name)
        self.assembly.callee()

    def _finish(self) -> None:
        """Something is left to be done afterwards: the function begins here instead, and calls the original one."""
        asm = self.assembly
        if self._at_call:
            return
        asm.mark(self._rest)
        asm.plain("RESUME", 0, effect=0)
        self._general_one("around")
        asm.copy(3)
        self._values()
        asm.call(2)
        asm.swap()
        asm.pop()
        if self._code.co_flags & inspect.CO_COROUTINE:
            self._yield_from_end = asm.awaited()
        else:
            asm.plain("RETURN_VALUE", effect=-1)
        asm.mark(self._end)


def _is_watched(code: CodeType) -> bool:
    """True where another tool has ``sys.monitoring`` tell it of this very code object: it would hear nothing more."""
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is not None and any(
        monitoring.get_tool(tool) is not None and monitoring.get_local_events(tool, code) for tool in range(_TOOLS)
    )


def _general(function: FunctionType, code: CodeType, probe: Probe) -> General:
    parameters = Parameters(code)
    at_call = code.co_flags & GENERATORS
    look = "def factory():\n    def look(__ia_values):\n" + _lines(LOOK_AT_CALL if at_call else LOOK)
    waits = "async def" if code.co_flags & inspect.CO_COROUTINE and not at_call else "def"
    call = f"{'await ' if waits != 'def' else ''}__ia_original({parameters.by_index('__ia_values')})"
    around = f"def factory():\n    {waits} around(__ia_states, __ia_values):\n" + _lines(AROUND_KNOWN)
    linked: dict[str, object] = {PROBE: probe}

    def made(source: str) -> FunctionType:
        written = source.replace("$call", call).replace("$probe", repr(PROBE))
        shim = linked_code(written, code, linked)
        remember(shim, probe.original)
        return FunctionType(shim, function.__globals__, code.co_name)

    return General(made(look), made(around))


def _lines(lines: list[str]) -> str:
    return "".join(f"        {line}\n" for line in lines)
