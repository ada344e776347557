"""What becomes of each value that a function reads, as far as the source says: it flows on, or is mere navigation.

A value that is given a local name flows where the name is used so that it does, whichever statement comes first.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.rewrite.sites import (
    BRANCHED,
    FORMATTED,
    HANDED,
    KEPT,
    NAVIGATED,
    PASSED,
    RETURNED,
    STORED,
    YIELDED,
)
from isolation_audit.instrument.rewrite.upkeep import (
    SAME,
    SAME_BUILTINS,
    emptied,
    is_any,
    is_link,
    is_put_in_order,
    is_saved,
    is_taken_apart,
    paired,
    path,
    stored_back,
    under_their_keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

_OF_TEXT: Final = frozenset(
    {
        *("capitalize", "casefold", "center", "decode", "encode", "expandtabs", "format", "format_map", "hex", "join"),
        *("ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rjust", "rpartition"),
        *("rsplit", "rstrip", "split", "splitlines", "strip", "swapcase", "title", "translate", "upper", "zfill"),
    }
)
"""Methods whose result has in it what they were called on."""
_OF_TESTS: Final = frozenset({"isinstance", "issubclass", "len", "bool", "id", "hasattr", "callable", "type"})
"""Functions that tell about a value, and do not hand it on."""


_HANDED: Final = "to be handed on"
"""Not a use yet: passed where nothing comes back."""


class _Local(str):
    """Not a use yet: the value gets this local name."""

    __slots__ = ()


class Uses:
    """The use of each expression in one function, without the functions and classes inside of it."""

    def __init__(self, function: Function) -> None:
        self._found: dict[ast.expr, str] = {}
        self._names: dict[str, str] = {}
        self._becomes: dict[str, set[str]] = {}
        self._aliases: dict[str, set[str]] = {}
        self._back: set[ast.expr] = set()
        self._emptied = emptied(function)
        self._back.update(under_their_keys(function))
        self._outer = {
            name for one in ast.walk(function) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names
        }
        self._asked_for = self._outer | _asked_for(function)
        if isinstance(function, ast.Lambda):
            self._expression(function.body, RETURNED)
        else:
            self._statements(function.body)
        self._settle()

    def of(self, node: ast.expr) -> str:
        """The use of one expression that is read."""
        if node in self._back:
            return KEPT
        use = self._found.get(node, NAVIGATED)
        if isinstance(use, _Local):
            use = self._names.get(use, NAVIGATED)
        if use == _HANDED:
            return HANDED if self._emptied.get(path(node), 0) >= node.lineno else PASSED
        return use

    def names_of(self, node: ast.expr) -> set[str]:
        """The attributes, keys and variables by which an object is reached that an expression gives."""
        found, waiting = set[str](), [_named(node)]
        while waiting:
            for name in waiting.pop() - found:
                found.add(name)
                waiting.append(self._aliases.get(name, set()))
        return found

    def _settle(self) -> None:
        changed = True
        while changed:
            changed = False
            for name, others in self._becomes.items():
                for use in [self._names[other] for other in sorted(others) if other in self._names]:
                    if _is_weaker(self._names.get(name), use):
                        self._names[name] = use
                        changed = True

    # Statements

    def _statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912 - one case a kind of statement
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._captured(node)
            case ast.Return(value=value):
                self._expression(value, RETURNED)
            case ast.Assign(targets=targets, value=value):
                self._assigned(targets, value)
            case ast.AnnAssign(target=target, value=value):
                self._assigned([target], value)
            case ast.AugAssign(target=target, value=value):
                self._assigned([target], value)
            case ast.For() | ast.AsyncFor():
                self._assigned([node.target], node.iter)
                self._statements([*node.body, *node.orelse])
            case ast.If() | ast.While():
                self._expression(node.test, BRANCHED if _answers(node) else NAVIGATED)
                self._statements([*node.body, *node.orelse])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is None:
                        self._expression(item.context_expr, NAVIGATED)
                    else:
                        self._assigned([item.optional_vars], item.context_expr)
                self._statements(node.body)
            case ast.Match():
                self._expression(node.subject, NAVIGATED)
                for one in node.cases:
                    self._expression(one.guard, NAVIGATED)
                    self._statements(one.body)
            case ast.Raise():
                self._expression(node.exc, PASSED)
                self._expression(node.cause, PASSED)
            case ast.Delete():
                pass
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call()) as value):
                self._expression(value, _HANDED)
            case _:
                self._children(node)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, NAVIGATED)
            elif isinstance(child, ast.stmt):
                self._statement(child)
            else:
                self._children(child)

    def _captured(self, node: ast.AST) -> None:
        """What a function inside reads of this one goes on with it."""
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                self._names.setdefault(child.id, PASSED)

    def _assigned(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        for left, right in paired(targets, value):
            if right is not None:
                self._back.update(stored_back(left, right, _flat(targets), self._outer))
            self._given(left, right)

    def _given(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        names = [name for target in targets for one in ast.walk(target) if (name := _stored_name(one))]
        kept = any(not isinstance(one, ast.Name | ast.Tuple | ast.List | ast.Starred) for one in _flat(targets))
        for target in targets:
            for child in ast.walk(target):
                if isinstance(child, ast.Subscript):
                    self._expression(child.slice, NAVIGATED)
        given = set() if value is None else _named(value)
        for name in names:
            self._aliases.setdefault(name, set()).update(given)
        use: str = (KEPT if all(map(is_link, _flat(targets))) else STORED) if kept else NAVIGATED
        if names and not kept and self._asked_for.isdisjoint(names):
            use = KEPT  # `_key, _gone = kept.popitem()`: nobody asks for it
        elif names and not kept:
            use = _Local(names[0])
            for name in names[1:]:
                self._becomes.setdefault(names[0], set()).add(name)
        self._expression(value, use)

    # Expressions

    def _expression(self, node: ast.expr | None, use: str) -> None:  # noqa: C901, PLR0912 - one case a kind of expression
        if node is None:
            return
        match node:
            case ast.Name():
                self._name(node, use)
            case ast.Attribute() | ast.Subscript():
                self._found[node] = use
                self._expression(node.value, NAVIGATED)
                if isinstance(node, ast.Subscript):
                    self._expression(node.slice, NAVIGATED)
                    if is_taken_apart(node.value):
                        self._found[node.value] = use
            case ast.Call():
                self._call(node, use)
            case ast.JoinedStr() | ast.FormattedValue():
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._expression(child, FORMATTED)
            case ast.Compare():
                compared = use if use in (RETURNED, BRANCHED) and not is_any(node) else NAVIGATED
                self._expression(node.left, compared)
                for how, child in zip(node.ops, node.comparators, strict=True):
                    # Of what a container has, nothing is said but whether it is the value that is looked for.
                    self._expression(child, NAVIGATED if isinstance(how, (ast.In, ast.NotIn)) else compared)
            case ast.IfExp():
                self._expression(node.test, NAVIGATED)
                self._expression(node.body, use)
                self._expression(node.orelse, use)
            case ast.NamedExpr():
                self._becomes_also(node.target.id, use)
                self._expression(node.value, _Local(node.target.id))
            case ast.Yield() | ast.YieldFrom():
                self._expression(node.value, YIELDED)
            case ast.Lambda():
                self._captured(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, use)
            case ast.Slice():
                self._children(node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._expression(child, use)

    def _name(self, node: ast.Name, use: str) -> None:
        self._found[node] = use
        self._becomes_also(node.id, KEPT if node in self._back else use)

    def _becomes_also(self, name: str, use: str) -> None:
        if isinstance(use, _Local):
            self._becomes.setdefault(name, set()).add(str(use))
        elif use != NAVIGATED and _is_weaker(self._names.get(name), use):
            self._names[name] = use

    def _call(self, node: ast.Call, use: str) -> None:
        self._found[node] = NAVIGATED if use == _HANDED else use
        function = node.func
        if isinstance(function, ast.Attribute):
            self._found[function] = NAVIGATED
            self._expression(function.value, use if function.attr in _OF_TEXT else NAVIGATED)
        else:
            self._expression(function, NAVIGATED)
        name = function.id if isinstance(function, ast.Name) else ""
        if name in ("getattr", "setattr") and len(node.args) >= 2:
            self._expression(node.args[0], NAVIGATED)
            for argument in node.args[1:]:
                self._expression(argument, STORED if name == "setattr" else use)
            return
        called = name or getattr(function, "attr", "")
        passed = self._passed(name, called, use)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            kept = passed == _HANDED and (is_saved(called, argument) or is_put_in_order(called, node, argument))
            self._expression(argument, KEPT if kept else passed)

    @staticmethod
    def _passed(builtin: str, name: str, use: str) -> str:
        """The use of what is passed to something of this name, the result of which has a use of its own."""
        if builtin in _OF_TESTS:
            return NAVIGATED
        if builtin in SAME_BUILTINS or name in SAME:
            return use if use != NAVIGATED else PASSED
        return _HANDED if use == _HANDED else PASSED

    def _comprehension(self, node: Comprehension, use: str) -> None:
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self._expression(part, use)
        for generator in node.generators:
            self._assigned([generator.target], generator.iter)
            for test in generator.ifs:
                self._expression(test, NAVIGATED)


def _asked_for(function: ast.AST) -> set[str]:
    """The names whose value a function asks for somewhere, and those of loops."""
    found = set()
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()):
                found.add(name)
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                found |= {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
    return found


def _is_weaker(known: str | None, use: str) -> bool:
    """True where a further use of a name tells more than what is known; of those that flow the first one counts."""
    weak = (None, KEPT, _HANDED)
    return known in weak and (use not in weak or weak.index(known) < weak.index(use))


def _stored_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def _named(node: ast.AST) -> set[str]:
    found = set()
    for child in ast.walk(node):
        match child:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.Constant(value=str(name)) if name.isidentifier():
                found.add(name)
    return found


def _flat(targets: Iterable[ast.expr]) -> list[ast.expr]:
    found: list[ast.expr] = []
    waiting = list(targets)
    while waiting:
        target = waiting.pop()
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                waiting += elements
            case ast.Starred(value=value):
                waiting.append(value)
            case _:
                found.append(target)
    return found


def _answers(node: ast.If | ast.While) -> bool:
    """True where a branch returns, yields or raises at once."""
    return any(isinstance(one, ast.Return | ast.Raise) for one in (*node.body, *node.orelse))
