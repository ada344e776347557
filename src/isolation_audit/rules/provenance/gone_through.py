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
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.rules.provenance.state import is_of_the_application

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERANDS: Final = 8
"""Operations before a comparison that may belong to what is compared."""

_COMPARED_BY: Final = 5 if sys.version_info >= (3, 13) else 4 if sys.version_info >= (3, 12) else 0
"""Where the comparison stands in the argument of its operation."""
_EQUAL: Final = cmp_op.index("==")

_WHOLE: Final = frozenset(
    {"BUILD_MAP", "CALL", "CALL_FUNCTION_EX", "CALL_KW", "GET_ITER", "KW_NAMES", "LIST_EXTEND", "RETURN_VALUE"}
)
"""What is done next with all of something: it is gone through, given away, or put into the answer."""
_COUNTING: Final = frozenset({"bool", "id", "len", "type"})
"""What is asked of it without that."""

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


def tables_gone_through(code: CodeType | None) -> Iterator[Any]:
    """What a view reads all entries of: globals, and what objects in globals hold, in their own methods as well."""
    for one, holder in () if code is None else _reached_with(code):
        namespace = _namespace(one.co_filename)
        loaded: list[Any] = [] if holder is None else [holder]
        loaded += [namespace[name] for name in one.co_names if name in namespace]
        steps = [(name, arg) for _offset, name, arg, _target in operations(one) if name not in _SKIPPED]
        # The names of a call's arguments stand between the last of them and the call.
        named = {place for place, (name, _arg) in enumerate(steps) if name == "CALL_KW"}
        steps = [step for place, step in enumerate(steps) if place + 1 not in named]
        for place, ((name, arg), (after, next_arg)) in enumerate(pairwise(steps)):
            whole = after in _WHOLE and not (place and _name(one, *steps[place - 1]) in _COUNTING)
            if whole or (after in _ATTRIBUTES and _name(one, after, next_arg) in _ALL_OF):
                called = _name(one, name, arg)
                if name == "LOAD_GLOBAL":
                    yield namespace.get(called)
                elif name in _ATTRIBUTES:
                    yield from (held[called] for held in map(fields, loaded) if called in held)


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
    return (one for one, _holder in _reached_with(code))


def _reached_with(code: CodeType) -> Iterator[tuple[CodeType, Any]]:
    """What a view calls by the names of globals, and by those of methods of the application's objects there."""
    waiting: list[tuple[CodeType, Any, int]] = [(as_written(code), None, 0)]
    seen: set[tuple[CodeType, int]] = set()
    for one, holder, depth in waiting:
        if (one, id(holder)) in seen or len(seen) >= _FUNCTIONS or size(one) > _LARGEST:
            continue
        seen.add((one, id(holder)))
        yield one, holder
        waiting += [(inner, holder, depth) for inner in one.co_consts if type(inner) is CodeType]
        if depth < _DEPTH:
            namespace = _namespace(one.co_filename)
            called = [namespace[name] for name in one.co_names if name in namespace]
            functions = [(one, None) for one in called if type(one) is FunctionType]
            holders = [held for held in (*called, holder) if is_of_the_application(type(held))]
            functions += [(method, held) for held in holders for method in _methods(type(held), one.co_names)]
            waiting += [(as_written(function.__code__), held, depth + 1) for function, held in functions]


def _methods(kind: type, names: tuple[str, ...]) -> Iterator[FunctionType]:
    for name in names:
        found = next((held[name] for cls in mro_of(kind) if name in (held := dict_of(cls))), None)
        if type(found) is FunctionType:
            yield found


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
