"""Reading: whether a function only looks at what there is, as its bytecode says; nothing of its source is needed."""

from __future__ import annotations

import dis
import sys
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.as_written import as_written

if TYPE_CHECKING:
    from types import CodeType

_CHANGING: Final = frozenset(
    {
        *("DELETE_ATTR", "DELETE_GLOBAL", "DELETE_SUBSCR", "GET_AWAITABLE", "GET_YIELD_FROM_ITER", "IMPORT_NAME"),
        *("CALL_FUNCTION_EX", "SEND", "STORE_ATTR", "STORE_GLOBAL", "STORE_SLICE", "STORE_SUBSCR"),
    }
)
"""What changes something, or waits."""
_FUNCTIONS: Final = frozenset(
    {
        *("abs", "all", "any", "bool", "dict", "enumerate", "float", "getattr", "hasattr", "int", "isinstance", "len"),
        *("list", "max", "min", "monotonic", "range", "round", "set", "sorted", "str", "sum", "time", "tuple", "zip"),
    }
)
_METHODS: Final = frozenset(
    {
        *("cancelled", "count", "debug", "done", "empty", "endswith", "full", "get", "index", "is_alive", "is_set"),
        *("items", "keys", "locked", "lower", "monotonic", "now", "perf_counter", "qsize", "startswith", "strip"),
        *("time", "total_seconds", "upper", "utcnow", "values"),
    }
)
_AS_FUNCTION: Final = 1
"""The bit of a load instruction's argument that says that what is loaded will be called."""


def only_reads(code: CodeType) -> bool:
    """True where code stores nothing outside of its own variables and calls nothing but what is known to read.

    Properties are believed to be ones that read. False for generators and coroutines.
    """
    code = as_written(code)
    if code.co_flags & (0x20 | 0x80 | 0x200):  # a generator, a coroutine, an asynchronous generator
        return False
    return _all_read(code) and all(_inner(one) for one in code.co_consts if type(one) is type(code))


def _inner(code: CodeType) -> bool:
    """A comprehension or a generator expression; other functions are made to be called later."""
    return code.co_name in ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>") and _all_read(code)


def _all_read(code: CodeType) -> bool:
    before = None
    for instruction in dis.get_instructions(code):
        if not _reads(instruction, before):
            return False
        before = instruction
    return True


def _reads(instruction: dis.Instruction, before: dis.Instruction | None) -> bool:
    name, called = instruction.opname, (instruction.arg or 0) & _AS_FUNCTION
    if name == "PUSH_NULL":
        # What is called is no function or method with a name; but for a module's, since 3.13.
        return before is not None and before.opname == "LOAD_ATTR" and before.argval in _METHODS
    if name == "LOAD_GLOBAL" and called:
        return instruction.argval in _FUNCTIONS
    if name == "LOAD_METHOD" or (name == "LOAD_ATTR" and called and sys.version_info >= (3, 12)):
        return instruction.argval in _METHODS
    return name not in _CHANGING
