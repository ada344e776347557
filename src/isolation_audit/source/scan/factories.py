"""What functions return, as far as it names classes: the paths of everything that one may build for its callers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from isolation_audit.source.scan.callees import called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from isolation_audit.source.scan.bindings import Scope
    from isolation_audit.source.scan.meaning import Meanings

_DEEPEST = 20
_OPAQUE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_EITHER = {
    "Union", "Optional", "Annotated", "Awaitable", "Coroutine", "Iterator", "AsyncIterator", "Iterable",
    "AsyncIterable", "Generator", "AsyncGenerator", "AbstractContextManager", "AbstractAsyncContextManager",
    "ContextManager", "AsyncContextManager", "type", "Type",
}  # fmt: skip
"""Around what a function hands out, these say how; around anything else (``list[Engine]``) it is no factory."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Returned:
    """Follows what a function returns to the classes that are built, or handed out, or promised by its annotation."""

    def __init__(self, meanings: Meanings, scopes: Mapping[ast.AST, Scope]) -> None:
        self._meanings = meanings
        self._scopes = scopes

    def paths(self, node: Function, scope: Scope) -> list[str]:
        """What ``node``, whose own scope is ``scope``, may return: each path once, in the order of the source."""
        found: list[str] = []
        for value in _values(node):
            found += self._value(value, scope, 0)
        if not isinstance(node, ast.Lambda) and node.returns is not None:
            found += self._annotated(node.returns, scope.parent or scope)
        return list(dict.fromkeys(found))

    def _value(self, node: ast.expr, scope: Scope, depth: int) -> list[str]:
        """The classes of what an expression may be, or the classes that it may be itself."""
        if depth > _DEEPEST:
            return []
        if isinstance(node, ast.Await):
            return self._value(node.value, scope, depth + 1)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            parts = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return [path for part in parts for path in self._value(part, scope, depth + 1)]
        if isinstance(node, ast.NamedExpr):
            return self._value(node.value, scope, depth + 1)
        if isinstance(node, ast.Call):
            return self._class(node.func, scope, depth + 1) or self._class(node, scope, depth + 1)
        return self._class(node, scope, depth + 1)

    def _class(self, node: ast.expr, scope: Scope, depth: int) -> list[str]:
        """The classes that an expression may mean: by name, out of a table, by one or another name."""
        if depth > _DEEPEST:
            return []
        if values := self._chosen(node, scope):
            return [path for value in values for path in self._entry(value, scope, depth + 1)]
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            return self._value(node, scope, depth + 1)
        if isinstance(node, ast.Name):
            found = scope.lookup(node.id, (node.lineno, node.col_offset)) or []
            built = [one for one in found if isinstance(one.value, ast.expr)]
            paths = [path for one in built if isinstance(one.value, ast.expr)
                     for path in self._value(one.value, one.scope, depth + 1)]  # fmt: skip
            return [*paths, *(path for one in found if one not in built for path, _ in self._meanings.bound(one))]
        return [path for path, _ in self._meanings.of(node, scope)]

    def _entry(self, node: ast.expr, scope: Scope, depth: int) -> list[str]:
        """The classes that an entry of a table is, or builds as a small function."""
        if isinstance(node, ast.Lambda):
            return self._value(node.body, self._scopes.get(node, scope), depth)
        return self._class(node, scope, depth)

    def _chosen(self, node: ast.expr, scope: Scope) -> list[ast.expr]:
        """The values that ``table[key]`` or ``table.get(key, default)`` chooses from."""
        if isinstance(node, ast.Subscript):
            return self._table(node.value, scope)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            values = self._table(node.func.value, scope)
            return [*values, *node.args[1:]] if values else []
        return []

    def _table(self, node: ast.expr, scope: Scope) -> list[ast.expr]:
        """The values of a table that is written out, here or where its name is bound."""
        if isinstance(node, ast.Dict):
            return node.values
        names = [node.id] if isinstance(node, ast.Name) else []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            scope = next((above for above in _above(scope) if above.kind == "class"), scope)
            names = [node.attr] if scope.kind == "class" else []
        found = [one.value for name in names for one in scope.lookup(name, (1 << 30, 0)) or []]
        return [value for table in found if isinstance(table, ast.Dict) for value in table.values]

    def _annotated(self, node: ast.expr, scope: Scope) -> list[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                inner = ast.parse(node.value.strip(), mode="eval").body
            except (SyntaxError, ValueError):
                return []
            return self._annotated(_moved(inner, node), scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._annotated(node.left, scope) + self._annotated(node.right, scope)
        if isinstance(node, ast.Subscript):
            base = called(node.value)
            inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return [path for part in inside for path in self._annotated(part, scope)] if base in _EITHER else []
        return [path for path, _ in self._meanings.of(node, scope)]


def _values(node: Function) -> Iterator[ast.expr]:
    """What a function returns or yields itself, not through functions inside of it."""
    if isinstance(node, ast.Lambda):
        yield node.body
        return
    waiting: list[ast.AST] = list(reversed(node.body))
    while waiting:
        part = waiting.pop()
        if isinstance(part, (ast.Return, ast.Yield)) and part.value is not None:
            yield part.value
        if not isinstance(part, _OPAQUE):
            waiting += reversed(list(ast.iter_child_nodes(part)))


def _above(scope: Scope) -> Iterator[Scope]:
    above: Scope | None = scope
    while above is not None:
        yield above
        above = above.parent


def _moved(inner: ast.expr, node: ast.expr) -> ast.expr:
    """A written annotation at the place of its string, so that its names mean what they do there."""
    for part in ast.walk(inner):
        if isinstance(part, ast.expr):
            part.lineno, part.col_offset = node.lineno, node.col_offset
    return inner
