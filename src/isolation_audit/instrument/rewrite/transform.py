"""Rewrites the functions of a module so that they tell what they store and read.

The module's own statements, class bodies, annotations, defaults, decorators, patterns and ``super().x`` stay as they
are. Every new node has the place of one that was there, and no new name, local or temporary comes into the code.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.rewrite.expressions import READING, Expressions
from isolation_audit.instrument.rewrite.facts import FunctionFacts, ModuleFacts
from isolation_audit.instrument.rewrite.listener import WRITES
from isolation_audit.instrument.rewrite.names import (
    Names,
    changed,
    rebound,
    variables,
)
from isolation_audit.instrument.rewrite.nodes import at, call, clone, first_leaf, flag, here, when
from isolation_audit.instrument.rewrite.stores import Stores

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.uses import Function

_COMPILED_BY_OTHERS: Final = ("jit", "njit", "vectorize", "guvectorize")
_BIRTHS: Final = ("__init__", "__post_init__")


class Transformer:
    """Rewrites one module's tree in place."""

    def __init__(self, first: int) -> None:
        self.facts = ModuleFacts(first)

    def module(self, tree: ast.Module) -> None:
        """Rewrite all functions of a module."""
        facts = self.facts
        facts.variables, facts.rebound, facts.changed = variables(tree), rebound(tree), changed(tree)
        for statement in tree.body:
            self.outside(statement, None, None, "")

    def outside(self, node: ast.AST, outer: Names | None, owner: str | None, path: str) -> None:
        """Look for functions in what is not rewritten itself."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, outer, owner, path)
            case ast.ClassDef():
                for inside in node.body:
                    self.outside(inside, outer, node.name, f"{path}{node.name}.")
            case ast.Lambda():
                self.lambda_(node, outer, owner, path)
            case _:
                for child in ast.iter_child_nodes(node):
                    self.outside(child, outer, owner, path)

    def lambda_(self, node: ast.Lambda, outer: Names | None, owner: str | None, path: str) -> None:
        """Rewrite what a lambda gives."""
        part = Part(self, node, Names(node, outer), owner, f"{path}<lambda>")
        node.body = part.expressions.visit(node.body)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Names | None, owner: str | None, path: str
    ) -> None:
        if any(_decorator(one) in _COMPILED_BY_OTHERS for one in node.decorator_list):
            return
        Part(self, node, Names(node, outer), owner, f"{path}{node.name}").rewrite(node)


class Part:
    """One function that is being rewritten."""

    def __init__(self, whole: Transformer, node: Function, names: Names, owner: str | None, path: str) -> None:
        self._whole = whole
        self._facts = FunctionFacts(whole.facts, node, names, owner, path)
        self.expressions = Expressions(self._facts, self.inner)
        self._stores = Stores(self._facts, self.expressions)

    def rewrite(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Rewrite the body of a function."""
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        place = node.body[start] if len(node.body) > start else None
        body = self.body(node.body)
        if self._facts.born is not None and place is not None and self._stores.births:
            told = call("born", ast.Name(self._facts.born, ast.Load()))
            body.insert(start, when(flag({WRITES}), told, place))
        node.body = body

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Rewrite a block."""
        return [new for statement in statements for new in self.statement(statement)]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:  # noqa: C901, PLR0912 - one case a kind of statement
        """Rewrite a statement; it may become two."""
        visit = self.expressions.visit
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.inner(node)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                return self._stores.statement(node)
            case ast.For() | ast.While() if not self.expressions.decided and self.expressions.is_closed(node):
                return self._decided_once(node)
            case ast.For() | ast.AsyncFor():
                node.iter = self.expressions.iterated(node.iter)
                node.body = [*self._stores.told([node.target]), *self.body(node.body)]
                node.orelse = self.body(node.orelse)
            case ast.While() | ast.If():
                node.test = visit(node.test)
                node.body, node.orelse = self.body(node.body), self.body(node.orelse)
            case ast.With() | ast.AsyncWith():
                targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
                for item in node.items:
                    item.context_expr = visit(item.context_expr)
                node.body = [*self._stores.told(targets), *self.body(node.body)]
            case ast.Try() | ast.TryStar():
                node.body, node.orelse = self.body(node.body), self.body(node.orelse)
                node.finalbody = self.body(node.finalbody)
                for handler in node.handlers:
                    handler.body = self.body(handler.body)
            case ast.Match():
                node.subject = visit(node.subject)
                for one in node.cases:
                    one.guard = one.guard and visit(one.guard)
                    one.body = self.body(one.body)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name)) as value) if name in READING:
                node.value = self.expressions.unread(value)
            case ast.Expr(value=ast.Call() as value):
                return self._called(node, visit(value), value)
            case ast.Return() | ast.Expr():
                node.value = node.value and visit(node.value)
            case ast.Raise():
                node.exc, node.cause = node.exc and visit(node.exc), node.cause and visit(node.cause)
            case ast.Assert():
                node.test, node.msg = visit(node.test), node.msg and visit(node.msg)
        return [node]

    def _decided_once(self, node: ast.For | ast.While) -> list[ast.stmt]:
        """A loop that is told only if a unit of work runs when it begins."""
        names = {WRITES} if self._stores.has_some(node) else self.expressions.read_in(node)
        place = first_leaf(node.iter if isinstance(node, ast.For) else node.test)
        as_it_was = clone(node)
        self.expressions.decided = True
        try:
            (told,) = self.statement(node)
        finally:
            self.expressions.decided = False
        return [at(ast.If(here(names), [told], [as_it_was]), place)] if names else [told]

    @staticmethod
    def _called(node: ast.Expr, new: ast.expr, old: ast.expr) -> list[ast.stmt]:
        """A call as a statement of its own: the interpreter has a fast way for ``x.append(y)`` there."""
        if isinstance(new, ast.IfExp) and new.orelse is old:
            told = ast.copy_location(ast.Expr(new.body), node)
            return [at(ast.If(new.test, [told], [node]), node)]
        node.value = new
        return [node]

    def inner(self, node: ast.AST) -> None:
        """Rewrite the functions inside of something."""
        if isinstance(node, ast.Lambda):
            self._whole.lambda_(node, self._facts.names, self._facts.owner, f"{self._facts.path}.<locals>.")
        else:
            self._whole.outside(node, self._facts.names, self._facts.owner, f"{self._facts.path}.<locals>.")


def _decorator(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
