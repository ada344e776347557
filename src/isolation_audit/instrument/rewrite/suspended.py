"""Local variables that outlive a unit of work: those of generators and coroutines that go on from turn to turn.

A loop that waits or yields may be handed from one user to the next. What it reads in one turn and has set in an earlier
one is as good as an attribute. What is set anew in each turn before it is read is not.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.uses import Function

_INNER: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS: Final = (ast.While, ast.For, ast.AsyncFor)
_WAITS: Final = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


def is_suspended(function: Function) -> bool:
    """True for a function that may stop in the middle: a generator, or a coroutine that waits."""
    return not isinstance(function, ast.Lambda) and any(_waits(one) for one in function.body)


def carries(function: Function) -> bool:
    """True where a loop waits or yields: what the function has may be handed on from one unit of work to the next."""
    if isinstance(function, ast.Lambda):
        return False
    return any(_has_waiting_loop(one) for one in function.body)


def carried(function: Function) -> set[str]:
    """The local names that a loop of a suspended function takes from one turn into the next."""
    found: set[str] = set()
    if not isinstance(function, ast.Lambda):
        for statement in function.body:
            _look(statement, found)
    return found


def _look(node: ast.AST, found: set[str]) -> None:
    if isinstance(node, _INNER):
        return
    if isinstance(node, _LOOPS) and _waits(node):
        first: dict[str, bool] = {}
        stored: set[str] = set()
        _order([node.test] if isinstance(node, ast.While) else [node.target], first, stored)
        _order(node.body, first, stored)
        found |= {name for name, is_read in first.items() if is_read and name in stored}
    for child in ast.iter_child_nodes(node):
        _look(child, found)


def _has_waiting_loop(node: ast.AST) -> bool:
    if isinstance(node, _INNER):
        return False
    if isinstance(node, (*_LOOPS, ast.comprehension)) and _waits(node):
        return True
    return isinstance(node, (ast.Yield, ast.YieldFrom)) or any(map(_has_waiting_loop, ast.iter_child_nodes(node)))


def _waits(node: ast.AST) -> bool:
    if isinstance(node, _INNER):
        return False
    return isinstance(node, _WAITS) or any(_waits(child) for child in ast.iter_child_nodes(node))


def _order(nodes: Any, first: dict[str, bool], stored: set[str]) -> None:
    """Note of each name whether it is read before it is stored to, and whether it is stored to at all."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                first.setdefault(name, True)
            case ast.Name(id=name):
                first.setdefault(name, False)
                stored.add(name)
            case ast.Assign(targets=targets, value=value):
                _order([value, *targets], first, stored)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                _order([value], first, stored)
                first.setdefault(name, True)
                stored.add(name)
            case ast.For(target=target, iter=over) | ast.AsyncFor(target=target, iter=over):
                _order([over, target, *node.body, *node.orelse], first, stored)
            case ast.comprehension(target=target, iter=over, ifs=tests):
                _order([over, target, *tests], first, stored)
            case ast.NamedExpr(target=target, value=value):
                _order([value, target], first, stored)
            case _ if not isinstance(node, _INNER):
                _order(ast.iter_child_nodes(node), first, stored)
