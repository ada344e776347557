"""Loops and comprehensions in which no unit of work can begin or end: whether they are told is decided once, before.

Such a loop calls nothing but a few functions of the interpreter, waits for nothing and makes nothing that may be called
later. As long as it runs outside of any unit of work, it runs as it was written.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_HARMLESS: Final = frozenset(
    {"range", "enumerate", "zip", "reversed", "len", "isinstance", "id", "type", "min", "max", "abs", "divmod", "round"}
)
"""Functions that call nothing of the application for plain values; most of what they are given is."""

_ELSEWHERE: Final = (
    *(ast.Await, ast.Yield, ast.YieldFrom, ast.AsyncFor, ast.AsyncWith, ast.With, ast.GeneratorExp, ast.NamedExpr),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Import, ast.ImportFrom, ast.Match),
)
"""What may go on in another context, or let other code run in this one; and what can't stand there twice."""

_LARGEST: Final = 60
"""Nodes of a loop that stands in the code twice."""


def is_closed(
    loop: ast.For | ast.While | ast.ListComp | ast.SetComp | ast.DictComp,
    is_builtin: Callable[[str], bool],
    is_fresh: Callable[[ast.AST], bool],
) -> bool:
    """True where nothing in a loop can have work of somebody else begin or end."""
    for count, node in enumerate(ast.walk(loop)):
        if count > _LARGEST or isinstance(node, _ELSEWHERE):
            return False
        if isinstance(node, ast.comprehension) and node.is_async:
            return False
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _HARMLESS and is_builtin(name):
                continue
            case ast.Call(func=ast.Attribute(value=value)) if is_fresh(value):
                continue
            case ast.Call():
                return False
    return True
