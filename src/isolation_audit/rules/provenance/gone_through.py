"""Tables of which a view reads everything: the best of all scores is everybody's, whoever has it.

What picks one entry by its key may pick the wrong one. What goes through all entries has nobody's key.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from opcode import cmp_op
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.bytecode import local_names, operations, size

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERANDS: Final = 8
"""Operations before a comparison that may belong to what is compared."""

_COMPARED_BY: Final = 5 if sys.version_info >= (3, 13) else 4 if sys.version_info >= (3, 12) else 0
"""Where the comparison stands in the argument of its operation."""
_EQUAL: Final = cmp_op.index("==")

_ALL_OF: Final = frozenset({"values", "items"})
_DEPTH: Final = 3
_FUNCTIONS: Final = 40
"""Functions that are looked into for one view."""

_LARGEST: Final = 5_000
"""Operations of the largest of them."""

_SKIPPED: Final = frozenset({"CACHE", "NOP", "PRECALL", "PUSH_NULL", "EXTENDED_ARG", "RESUME"})


def goes_through(code: CodeType | None, table: str) -> bool:
    """True where a view, or a function that it calls by a global's name, reads all entries of what is called so."""
    return code is not None and any(_reads_all(one, table) for one in _reached(code))


def compared(code: CodeType | None) -> frozenset[str]:
    """The fields by which a view, or a function that it calls by a global's name, selects: ``row["owner"] == user``."""
    return frozenset() if code is None else frozenset(name for one in _reached(code) for name in _compared(one))


def _compared(code: CodeType) -> Iterator[str]:
    steps = [(name, arg) for _offset, name, arg, _target in operations(code) if name not in _SKIPPED]
    for place, (name, arg) in enumerate(steps):
        if name == "COMPARE_OP" and arg >> _COMPARED_BY == _EQUAL:
            for before, given in steps[max(0, place - _OPERANDS) : place]:
                if before == "LOAD_CONST" and type(code.co_consts[given]) is str:
                    yield code.co_consts[given]
                elif before == "LOAD_ATTR":
                    yield _name(code, before, given)


def _reached(code: CodeType) -> Iterator[CodeType]:
    namespace = _namespace(code.co_filename)
    waiting: list[tuple[CodeType, int]] = [(as_written(code), 0)]
    seen: set[CodeType] = set()
    for one, depth in waiting:
        if one in seen or len(seen) >= _FUNCTIONS or size(one) > _LARGEST:
            continue
        seen.add(one)
        yield one
        waiting += [(inner, depth) for inner in one.co_consts if type(inner) is CodeType]
        if depth < _DEPTH:
            called = [namespace.get(name) for name in one.co_names]
            codes = [function.__code__ for function in called if type(function) is FunctionType]
            waiting += [(as_written(inner), depth + 1) for inner in codes]


def _namespace(file: str) -> dict[str, Any]:
    for module in list(sys.modules.values()):
        if type(module) is ModuleType and vars(module).get("__file__") == file:
            return vars(module)
    return {}


def _reads_all(code: CodeType, table: str) -> bool:
    steps = [(name, arg) for _offset, name, arg, _target in operations(code) if name not in _SKIPPED]
    for (name, arg), (after, next_arg) in pairwise(steps):
        if _name(code, name, arg) == table and (
            after == "GET_ITER" or (after in _ATTRIBUTES and _name(code, after, next_arg) in _ALL_OF)
        ):
            return True
    return False


_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_METHOD_BIT: Final = int(sys.version_info >= (3, 12))
_VARIABLES: Final = frozenset({"LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"})


def _name(code: CodeType, operation: str, arg: int) -> str:
    """What an operation loads, by name; empty for others."""
    if operation == "LOAD_GLOBAL":
        return code.co_names[arg >> 1]
    if operation == "LOAD_ATTR":
        return code.co_names[arg >> _METHOD_BIT]
    if operation in ("LOAD_METHOD", "LOAD_NAME"):
        return code.co_names[arg]
    return local_names(code)[arg] if operation in _VARIABLES else ""
