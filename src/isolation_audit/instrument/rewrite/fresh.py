"""Containers that one call of a function makes for itself: nobody else can have them while they are changed.

``found = []``, filled, gone through and returned, needs no report at all. As soon as such a container may be somewhere
else, in an attribute, with another function or in one inside, and is changed afterwards, it counts as any other.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.rewrite.suspended import carries

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.uses import Function

_MADE: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKERS: Final = frozenset({"list", "dict", "set", "sorted", "deque", "defaultdict", "OrderedDict", "Counter"})
_LOOKERS: Final = frozenset(
    {
        *("len", "sorted", "list", "tuple", "set", "frozenset", "dict", "sum", "min", "max", "any", "all", "bool"),
        *("enumerate", "zip", "range", "str", "repr", "isinstance", "print"),
    }
)
"""Functions that keep nothing of what they are given."""
_INNER: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)


def fresh(function: Function, arguments: set[str]) -> set[str]:
    """The names of a function's containers that need no report."""
    if isinstance(function, ast.Lambda) or carries(function):
        return set()
    look = _Look()
    look.statements(function.body, (), within_finally=False)
    return {name for name in look.made() - arguments if not look.is_changed_elsewhere(name)}


class _Look:
    """What one function does with its names."""

    def __init__(self) -> None:
        self._made: dict[str, list[tuple[int, ...]]] = {}
        """By name: inside of which loops it is made; there it is another one each time."""
        self.lost: set[str] = set()
        """Names that are something else as well, or that a function inside has."""
        self._changed: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
        self._handed: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
        """By name: when, in the order of the source, and inside of which loops."""
        self._clock = 0

    def made(self) -> set[str]:
        """The names that are such containers, and nothing else."""
        return self._made.keys() - self.lost

    def is_changed_elsewhere(self, name: str) -> bool:
        """True where a container is changed after somebody else may have got it."""
        anew = set.intersection(*[set(loops) for loops in self._made[name]])
        for handed, loops in self._handed.get(name, ()):
            for changed, others in self._changed.get(name, ()):
                if changed >= handed or (set(loops) & set(others)) - anew:
                    return True
        return False

    def statements(self, body: list[ast.stmt], loops: tuple[int, ...], *, within_finally: bool) -> None:
        for node in body:
            self._statement(node, loops, within_finally=within_finally)

    def _statement(self, node: ast.stmt, loops: tuple[int, ...], *, within_finally: bool) -> None:
        self._clock += 1
        if isinstance(node, _INNER):
            self._value(node, loops)
            return
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_made(value):
                self._value(value, loops)
                self._made.setdefault(name, []).append(loops)
                return
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_made(value):
                self._value(value, loops)
                self._made.setdefault(name, []).append(loops)
                return
            case ast.Return(value=value) if value is not None and not within_finally:
                self._value(value, loops, ends=True)
                return
        inside = (*loops, id(node)) if isinstance(node, _LOOPS) else loops
        for field, value in ast.iter_fields(node):
            cleans = within_finally or (isinstance(node, ast.Try | ast.TryStar) and bool(node.finalbody))
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.stmt):
                    self._statement(one, inside, within_finally=cleans)
                elif isinstance(one, ast.ExceptHandler | ast.match_case):
                    self._other(one, inside, within_finally=cleans)
                elif isinstance(one, ast.AST):
                    self._value(one, inside, looks=field in ("iter", "test"))

    def _other(self, node: Any, loops: tuple[int, ...], *, within_finally: bool) -> None:
        for name in (getattr(node, "name", None), *(one.name for one in ast.walk(node) if hasattr(one, "name"))):
            if type(name) is str:
                self.lost.add(name)
        for value in ("type", "guard", "pattern"):
            if isinstance(getattr(node, value, None), ast.AST):
                self._value(getattr(node, value), loops)
        self.statements(node.body, loops, within_finally=within_finally)

    def _value(  # noqa: C901, PLR0912 - one case a kind of expression
        self, node: ast.AST, loops: tuple[int, ...], *, looks: bool = False, ends: bool = False
    ) -> None:
        """An expression; ``looks`` where it is only looked at, ``ends`` where the function ends with it."""
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                if not looks and not ends:
                    self._handed.setdefault(name, []).append((self._clock, loops))
            case ast.Name(id=name):
                self.lost.add(name)
            case ast.Subscript(value=ast.Name(id=name), slice=key, ctx=context):
                if not isinstance(context, ast.Load):
                    self._changed.setdefault(name, []).append((self._clock, loops))
                self._value(key, loops)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=given, keywords=named):
                self._changed.setdefault(name, []).append((self._clock, loops))
                for one in (*given, *named):
                    self._value(one, loops, ends=ends)
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _LOOKERS:
                for one in given:
                    self._value(one, loops, looks=True)
            case ast.Compare() | ast.JoinedStr() | ast.FormattedValue() | ast.BinOp() | ast.UnaryOp():
                for child in ast.iter_child_nodes(node):
                    self._value(child, loops, looks=True)
            case ast.comprehension():
                self._value(node.iter, loops, looks=True)
                self._value(node.target, loops)
                for test in node.ifs:
                    self._value(test, loops, looks=True)
            case _ if isinstance(node, _INNER):
                self.lost |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                self.lost.add(getattr(node, "name", ""))
            case _:
                for child in ast.iter_child_nodes(node):
                    self._value(child, loops, ends=ends)


def _is_made(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in _MAKERS
    return isinstance(value, _MADE)
