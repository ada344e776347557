"""Whose each name in a function is: its own, an enclosing function's, or the module's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.uses import Function

STORING: Final = frozenset(
    {
        *("append", "appendleft", "add", "insert", "extend", "extendleft", "update", "setdefault", "__setitem__"),
        *("put", "put_nowait"),
    }
)
"""Methods by which something comes into a container."""

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call)
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Names:
    """The names of one function, and of the functions around it."""

    def __init__(self, function: Function, outer: Names | None) -> None:
        self.outer = outer
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.bound = given_names(function)
        for child in [function.body] if isinstance(function, ast.Lambda) else function.body:
            self._collect(child)
        self.bound -= self.globals | self.nonlocals

    def owner(self, name: str) -> Names | None:
        """The function that has the name; None for the module."""
        if name in self.globals:
            return None
        if name in self.bound:
            return self
        return None if self.outer is None else self.outer.owner(name)

    def _collect(self, node: Any) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self.bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.bound.update((one.asname or one.name).partition(".")[0] for one in names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                self.bound.add(name)
            case ast.Global(names=names):
                self.globals.update(names)
            case ast.Nonlocal(names=names):
                self.nonlocals.update(names)
        if not isinstance(node, _INNER):
            for child in ast.iter_child_nodes(node):
                self._collect(child)


def given_names(function: Function) -> set[str]:
    """The names of a function's arguments."""
    return {one.arg for one in _arguments(function.args)}


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    more = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


def of_comprehensions(function: Function) -> set[int]:
    """The identities of the nodes that name a comprehension's own variables, whatever else has their names."""
    found: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            own = {one.id for part in node.generators for one in ast.walk(part.target) if isinstance(one, ast.Name)}
            before = {id(one) for one in ast.walk(node.generators[0].iter)}
            found.update(
                id(one)
                for one in ast.walk(node)
                if isinstance(one, ast.Name) and one.id in own and id(one) not in before
            )
    return found


def variables(tree: ast.Module) -> set[str]:
    """The module's names that are data: assigned at its top level, or by ``global`` in a function."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, _INNER):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
    return found


def rebound(tree: ast.Module) -> set[str]:
    """The names of functions' variables that functions inside of them store to."""
    return {name for node in ast.walk(tree) if isinstance(node, ast.Nonlocal) for name in node.names}


def with_mutable_defaults(function: Function) -> set[str]:
    """The arguments whose default is one object for all calls, and can be changed."""
    given = function.args
    pairs = [*zip(reversed([*given.posonlyargs, *given.args]), reversed(given.defaults), strict=False)]
    pairs += [(one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default]
    return {one.arg for one, default in pairs if isinstance(default, _MUTABLE)}


def changed(tree: ast.Module) -> set[str]:
    """The names by which containers are changed where they lie: ``x.append(y)``, ``x[y] = z``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in STORING:
                found.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                found.add(name)
    return found


def mangled(name: str, owner: str | None) -> str:
    """The name as the compiler writes it inside of the class ``owner``."""
    if owner is None or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    stem = owner.lstrip("_")
    return f"_{stem}{name}" if stem else name
