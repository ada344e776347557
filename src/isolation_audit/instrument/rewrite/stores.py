"""Rewrites what a function stores: attributes, items and globals, wherever a target may stand.

Where the target can be looked at again without running anything, the store stays as it is and is told after it. Where
it can't (``d[key()] = x``), the target's parts go through a call that gives them to the store.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.rewrite.listener import WRITES
from isolation_audit.instrument.rewrite.names import mangled
from isolation_audit.instrument.rewrite.nodes import (
    again,
    at,
    call,
    captured,
    clone,
    flag,
    is_simple,
    load,
    spread,
    twice,
    when,
    written,
)
from isolation_audit.instrument.rewrite.sites import KEPT, WRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.rewrite.expressions import Expressions
    from isolation_audit.instrument.rewrite.facts import FunctionFacts

Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign


class Stores:
    """Rewrites the stores of one function."""

    def __init__(self, facts: FunctionFacts, expressions: Expressions) -> None:
        self._facts = facts
        self._expressions = expressions
        self.births = 0
        """How often an attribute of an object that is being born was set."""

    def statement(self, node: Assignment) -> list[ast.stmt]:
        """Rewrite an assignment."""
        visit = self._expressions.visit
        if node.value is None:
            return [node]
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        single = targets[0] if len(targets) == 1 else None
        if not isinstance(node, ast.AugAssign) and self._needs_factss(single):
            return self._through(node, node.value, single)
        told, before = self.told(targets), list[ast.stmt]()
        if isinstance(node, ast.AugAssign):
            before, told = self._added(node, told)
        node.value = visit(node.value)
        for target in targets:
            self._inside(target)
        return [*before, node, *told]

    def has_some(self, node: ast.AST) -> bool:
        """True for a piece of code that stores to attributes or items."""
        return any(
            isinstance(one, ast.Attribute | ast.Subscript)
            and isinstance(one.ctx, ast.Store)
            and not self._facts.is_fresh(one.value)
            for one in ast.walk(node)
        )

    def told(self, targets: Iterable[ast.expr]) -> list[ast.stmt]:
        """Statements that tell of what these targets have just been given."""
        found = []
        for target in targets:
            match target:
                case ast.Tuple(elts=elements) | ast.List(elts=elements):
                    found += self.told(elements)
                case ast.Starred(value=value):
                    found += self.told([value])
                case ast.Subscript(value=value) if self._facts.is_fresh(value):
                    continue
                case _:
                    told = self._told(target)
                    if told is not None:
                        found.append(when(flag({WRITES}), told, target))
        return found

    def _told(self, target: ast.expr) -> ast.expr | None:
        match target:
            case ast.Name(id=name) if name in self._facts.module.variables and self._facts.names.owner(name) is None:
                return call("stored_variable", load(target), ast.Constant(name), self._site(target))
            case ast.Name(id=name) if name in self._facts.names.nonlocals:
                cell = captured(ast.Name(name, ast.Load()))
                return call("stored_cell", load(target), ast.Constant(name), self._site(target), cell)
            case ast.Name(id=name) if name in self._facts.carried:
                return call("stored_carried", load(target), ast.Constant(name), self._site(target))
            case ast.Attribute(value=ast.Name(id=name)) if name == self._facts.born:
                self.births += 1
                return None
            case ast.Attribute(value=value, attr=name) if (path := self._again(value)) is not None:
                name = mangled(name, self._facts.owner)
                return call("stored_attribute", path, ast.Constant(name), self._site(target))
            case ast.Subscript(value=ast.Attribute(value=value, attr="__dict__"), slice=key) if is_simple(key):
                path = self._again(value)
                return None if path is None else call("stored_field", path, load(key), self._site(target))
            case ast.Subscript(value=value, slice=key) if is_simple(key) and (path := self._again(value)) is not None:
                return call("stored_item", path, load(key), self._site(target))
        return None

    def _again(self, node: ast.expr) -> ast.expr | None:
        return again(node, self._facts.owner)

    def _needs_factss(self, target: ast.expr | None) -> bool:
        if self._expressions.is_super(target):
            return False
        match target:
            case ast.Subscript(value=value) if self._facts.is_fresh(value):
                return False
            case ast.Attribute(value=value):
                return self._again(value) is None
            case ast.Subscript(value=value, slice=key):
                return not is_simple(key) or self._again(value) is None
        return False

    def _through(self, node: ast.Assign | ast.AnnAssign, given: ast.expr, target: Any) -> list[ast.stmt]:
        """The store by a function in C, whose arguments have gone through a call that tells of them."""
        expressions = self._expressions
        both = twice(node) and isinstance(node, ast.Assign)
        whole = clone(node) if both else node
        visit = expressions.slow_copy if both else expressions.visit
        site = self._site(target)
        value, owner = visit(given), visit(target.value)
        if isinstance(target, ast.Attribute):
            name = ast.Constant(mangled(target.attr, self._facts.owner))
            told = spread("setattr", call("storing_attribute", value, owner, name, site))
        else:
            told = spread("setitem", call("storing_item", value, owner, expressions.key(target.slice, visit), site))
        statement = ast.copy_location(ast.Expr(at(told, target)), target)
        if not both:
            return [statement]
        return [at(ast.If(flag({WRITES}), [statement], [whole]), given)]

    def _added(self, node: ast.AugAssign, told: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """What ``x.y += z`` reads before, and what it has stored after."""
        target = node.target
        match target:
            case ast.Subscript(value=value) if self._facts.is_fresh(value):
                return [], told
            case ast.Attribute(value=value, attr=name) if (path := self._again(value)) is not None:
                name = mangled(name, self._facts.owner)
                site = self._facts.site(target, written(target), KEPT)
                read = call("attribute", path, ast.Constant(name), site)
                return [when(flag({name}), read, target)], told
            case ast.Subscript(value=value, slice=key) if (
                not is_simple(key) and (path := self._again(value)) is not None
            ):
                if isinstance(key, ast.Slice) or not twice(node):
                    return [], told
                site = self._site(target)
                target.slice = at(call("hold", key, clone(site)), key)
                return [], [when(flag({WRITES}), call("stored_held", path, site), target)]
        return [], told

    def _inside(self, target: ast.expr) -> None:
        """What has to be read to find the target."""
        visit = self._expressions.visit
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for one in elements:
                    self._inside(one)
            case ast.Starred(value=value):
                self._inside(value)
            case ast.Attribute() if not self._expressions.is_super(target):
                target.value = visit(target.value)
            case ast.Subscript() if not self._expressions.is_super(target):
                target.value, target.slice = visit(target.value), visit(target.slice)

    def _site(self, target: ast.expr) -> ast.expr:
        container = target.value if isinstance(target, ast.Attribute | ast.Subscript) else None
        return self._facts.site(target, written(target), WRITTEN, container)
