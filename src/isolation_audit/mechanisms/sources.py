"""The source of the application's functions, and what the names in it mean; nothing of the application runs for it."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.resolve import dict_of, find

if TYPE_CHECKING:
    from types import FunctionType

UNKNOWN: Final = object()
"""What stands for a meaning that can't be told."""

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def source_of(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """The source of a function, read; None where it can't be had."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)[code.co_firstlineno - 1 :]
    try:
        tree = ast.parse(textwrap.dedent("".join(inspect.getblock(lines))))
    except (SyntaxError, ValueError, IndentationError):
        return None
    if code.co_name == "<lambda>":
        lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
        return lambdas[0] if len(lambdas) == 1 else None
    bearers = (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.name == code.co_name)
    return next(bearers, None)


def named(function: FunctionType, name: str, otherwise: Any = UNKNOWN) -> Any:
    """What a name that is not local to ``function`` means: a variable of a function around it, or of its module.

    ``otherwise`` is what it means where neither has it.
    """
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            return cell.cell_contents
        except ValueError:  # empty as yet
            return UNKNOWN
    return function.__globals__.get(name, otherwise)


def member(owner: Any, name: str) -> Any:
    """What an attribute of a module or a class means, as it stands there; unknown of anything else."""
    if issubclass(type(owner), ModuleType):
        return dict_of(owner).get(name, UNKNOWN)
    if issubclass(type(owner), type):
        home, raw = find(owner, name)
        return UNKNOWN if home is None else raw
    return UNKNOWN
