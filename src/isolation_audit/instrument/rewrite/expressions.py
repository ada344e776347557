"""Rewrites what a function reads: paths of attributes and items, globals, and the methods of containers.

A path that is small stands there twice: as it was, and with a report before each step, behind one flag that is on once
a name of it is armed. What can't be there twice is reported through calls that give back what they are given.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.rewrite.listener import ANY, WRITES
from isolation_audit.instrument.rewrite.loops import is_closed
from isolation_audit.instrument.rewrite.names import STORING, mangled
from isolation_audit.instrument.rewrite.nodes import (
    again,
    at,
    call,
    captured,
    clone,
    either,
    fields_of,
    first_leaf,
    first_loaded,
    flag,
    here,
    is_simple,
    original,
    spread,
    twice,
    written,
)
from isolation_audit.instrument.rewrite.sites import NAVIGATED

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.facts import FunctionFacts
    from isolation_audit.instrument.rewrite.names import Names


_PREPARES: Final = {"getattr": "getting", "setattr": "setting", "__setattr__": "setting", "vars": "viewing"}
"""What goes before a function of the interpreter, and gives its arguments."""
READING: Final = frozenset({"get", "pop", "popitem", "popleft", "items", "values", "copy", "__getitem__", "get_nowait"})
"""Methods of containers. What else has a method of such a name is called as it was."""

_COLLECTING: Final = (ast.ListComp, ast.SetComp, ast.DictComp)
"""Comprehensions that run where they stand, and at once."""
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp

Visit = Callable[[ast.expr], ast.expr]


class Expressions:
    """Rewrites expressions of one function."""

    def __init__(self, facts: FunctionFacts, inner: Callable[[ast.AST], None]) -> None:
        """``inner`` rewrites the functions inside of something."""
        self._facts = facts
        self._inner = inner
        self.decided = False
        """True inside of a loop or a comprehension that stands there twice."""

    def visit(self, node: ast.expr) -> ast.expr:
        """The expression, rewritten; it may be changed in place."""
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Name) and isinstance(node.ctx, ast.Load):
            return self._path(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Lambda):
            self._inner(node)
            return node
        if isinstance(node, ast.Await) and _takes(node.value):
            return self._awaited(node)
        if isinstance(node, _COLLECTING) and not self.decided and self.is_closed(node):
            return self._decided_once(node)
        return self._children(node)

    def iterated(self, node: ast.expr) -> ast.expr:
        """What a loop goes over: its elements are read, all of them."""
        use = self._facts.uses.of(node)
        names = self._armed_by(node) if isinstance(node, ast.Attribute | ast.Subscript | ast.Name) else set()
        if not names and not isinstance(node, ast.Name):
            return self.visit(node)
        if self.is_super(node) or not twice(node) or self._facts.is_fresh(node):
            return self.visit(node)
        site = self._facts.site(node, written(node), use)
        told = call("all", self.slow_copy(node), site)
        return either(flag({*names, ANY}), told, node, first_leaf(node))

    def slow(self, node: ast.expr) -> ast.expr:
        """The expression with all reports and without flags; the node is used up."""
        match node:
            case ast.Name(ctx=ast.Load()):
                return self._slow_name(node)
            case ast.Attribute(ctx=ast.Load()) | ast.Subscript(ctx=ast.Load()):
                return node if self.is_super(node) else self._step(node, self.slow)
            case ast.Call():
                if self.is_super(node):
                    return node
                told = self._told_call if self._told_by(original(node)) else self._plain_call
                return told(node, self.slow)
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, self.slow(value))
            elif isinstance(value, list):
                value[:] = [self.slow(one) if isinstance(one, ast.expr) else one for one in value]
        return node

    def slow_copy(self, node: ast.expr) -> ast.expr:
        """The same of a copy: the node stays as it is."""
        return self.slow(clone(node))

    def is_closed(self, loop: ast.For | ast.While | Comprehension) -> bool:
        """True for a loop in which no unit of work can begin or end."""
        return is_closed(loop, self._is_builtin, self._facts.is_fresh)

    def read_in(self, node: ast.AST) -> set[str]:
        """The names by whose flags a piece of code is told."""
        return self._armed_by(node)

    def _decided_once(self, node: Comprehension) -> ast.expr:
        """A comprehension that is told only if a unit of work runs when it begins."""
        names = self._armed_by(node)
        if not names:
            return self._children(node)
        as_it_was = clone(node)
        self.decided = True
        try:
            told = self._children(node)
        finally:
            self.decided = False
        # It stands where Python begins: until 3.11 with a function, since then with what it goes through.
        place = node if sys.version_info < (3, 12) else first_leaf(node.generators[0].iter)
        return either(here(names), told, as_it_was, place)

    # Paths

    def _path(self, node: ast.Attribute | ast.Subscript | ast.Name) -> ast.expr:
        if self.is_super(node):
            return node
        names = self._armed_by(node)
        if not names:
            return node if isinstance(node, ast.Name) else self._children(node)
        if twice(node):
            told = self.slow_copy(node)
            return either(flag(names), told, node, first_leaf(node))
        if isinstance(node, ast.Name):
            return node
        return self._step(node, self.visit)

    def _step(self, node: ast.Attribute | ast.Subscript, visit: Visit) -> ast.expr:
        """One step of a path, with a report before it."""
        use = self._facts.uses.of(original(node))
        expression = written(original(node))
        if isinstance(node, ast.Subscript) and self._facts.is_fresh(node.value):
            return self._in_fresh(node, visit)
        node.value = value = visit(node.value)
        if isinstance(node, ast.Attribute):
            if node.attr == "__dict__" and use != NAVIGATED:
                node.value = at(call("all", value, self._facts.site(node, expression, use)), value)
            if not _is_data(node.attr):
                return node
            name = mangled(node.attr, self._facts.owner)
            site = self._facts.site(node, expression, use)
            node.value = at(call(f"attribute\0{name}", value, ast.Constant(name), site), value)
            return _flowing(node, site, use)
        elif is_simple(node.slice) and (fields := fields_of(value)) is not None:
            place, name_of = fields
            inner = _fields_owner(place, name_of)
            told = at(call("field", inner, clone(node.slice), self._facts.site(node, expression, use)), inner)
            setattr(place, name_of, told if name_of == "value" else [told])
        elif is_simple(node.slice):
            site = self._facts.site(node, expression, use)
            node.value = at(call("item", value, clone(node.slice), site), value)
            return _flowing(node, site, use)
        else:
            key = self.key(node.slice, visit)
            site = self._facts.site(node, expression, use)
            return _flowing(at(spread("getitem", call("pair", value, key, site)), node), site, use)
        return node

    def _in_fresh(self, node: ast.Subscript, visit: Visit) -> ast.expr:
        if isinstance(node.slice, ast.Slice):
            node.slice = self._children(node.slice)
        elif not is_simple(node.slice):
            node.slice = visit(node.slice)
        return node

    @staticmethod
    def key(node: ast.expr, visit: Visit) -> ast.expr:
        """What stands in brackets, as an expression of its own."""
        if not isinstance(node, ast.Slice):
            return visit(node)
        limits = [ast.Constant(None) if one is None else visit(one) for one in (node.lower, node.upper, node.step)]
        return at(call("slice", *limits), node)

    def _slow_name(self, node: ast.Name) -> ast.expr:
        kind = self._kind_of(node)
        if kind is None:
            return node
        use = self._facts.uses.of(original(node))
        more = [at(captured(clone(node)), node)] if kind == "cell" else []
        told = call(kind, node, ast.Constant(node.id), self._facts.site(node, node.id, use), *more)
        return at(told, node)

    def _kind_of(self, node: ast.Name) -> str | None:
        """What tells of the reading of a variable, if it outlives the call."""
        name = node.id
        owner = self._facts.names.owner(name)
        if id(original(node)) in self._facts.of_comprehensions:
            # It is gone with its comprehension, though a container that it names may be known.
            return "kept" if owner is not None and self._is_kept(node, owner) else None
        if owner is None:
            return "variable" if name in self._facts.module.variables else None
        if name in self._facts.module.rebound:
            return "cell"
        if owner is self._facts.names and name in self._facts.defaults:
            return "default"
        if name in self._facts.carried:
            return "carried"
        return "kept" if self._is_kept(node, owner) else None

    def _is_kept(self, node: ast.Name, owner: Names) -> bool:
        goes_on = owner is not self._facts.names or self._facts.suspended
        if not goes_on or node.id not in self._facts.module.changed:
            return False
        return self._facts.uses.of(original(node)) != NAVIGATED

    def _armed_by(self, node: ast.AST) -> set[str]:
        """The names that a piece of code reads."""
        found: set[str] = set()
        uses = self._facts.uses
        for child in ast.walk(node):
            match child:
                case ast.Attribute(attr="__dict__", ctx=ast.Load()) if uses.of(original(child)) != NAVIGATED:
                    found.add(ANY)
                case ast.Attribute(attr=name, ctx=ast.Load()) if _is_data(name):
                    found.add(mangled(name, self._facts.owner))
                case ast.Subscript(value=value) if self._facts.is_fresh(value):
                    continue
                case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Load()):
                    found.add(key)
                case ast.Subscript(ctx=ast.Load()):
                    found.add(ANY)
                case ast.Name(id=name, ctx=ast.Load()) if self._kind_of(child) is not None:
                    found.add(name)
        return found

    # Calls

    def _call(self, node: ast.Call) -> ast.expr:
        if self.is_super(node):
            return node
        names = self._told_by(node)
        if not names:
            return self._plain_call(node, self.visit)
        if not twice(node):
            return self._told_call(node, self.visit)
        told = self._told_call(clone(node), self.slow)
        return either(flag(names | self._armed_by(node)), told, node, first_leaf(node))

    def unread(self, node: ast.Call) -> ast.expr:
        """A call whose result nobody gets: what ``cache.popitem()`` drops there is not read."""
        return node if self.is_super(node) else self._plain_call(node, self.visit)

    def _plain_call(self, node: ast.Call, visit: Visit) -> ast.expr:
        if not isinstance(node.func, ast.Attribute):
            node.func = visit(node.func)
        elif not self.is_super(node.func):
            node.func.value = visit(node.func.value)
        self._arguments(node, visit)
        return node

    def _arguments(self, node: ast.Call, visit: Visit) -> None:
        node.args = [visit(one) for one in node.args]
        for keyword in node.keywords:
            keyword.value = visit(keyword.value)

    def _told_by(self, node: ast.Call) -> set[str]:
        """The names that have a call told: of a method that containers have, or of ``getattr`` and ``setattr``."""
        if isinstance(node.func, ast.Attribute) and self._facts.is_fresh(node.func.value):
            return set()
        match node.func:
            case ast.Attribute(attr=name) if name in STORING and not self.is_super(node.func):
                return {WRITES}
            case ast.Attribute(attr=name) if name in READING and not self.is_super(node.func):
                first = node.args[0] if node.args else None
                return {first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ANY}
            case ast.Name(id="setattr") if self._is_builtin("setattr") and _is_plain(node, 3):
                return {WRITES}
            case ast.Attribute(value=ast.Name(id="object"), attr="__setattr__") if _is_plain(node, 3):
                return {WRITES} if self._is_builtin("object") else set()
            case ast.Name(id="vars") if self._is_builtin("vars") and _is_plain(node, 1):
                return {ANY} if self._facts.uses.of(original(node)) != NAVIGATED else set()
            case ast.Name(id="getattr") if self._is_builtin("getattr") and _is_plain(node, 2, 3):
                key = node.args[1]
                return {key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ANY}
        return set()

    def _told_call(self, node: ast.Call, visit: Visit) -> ast.expr:
        use = self._facts.uses.of(original(node))
        container = original(node).func.value if isinstance(node.func, ast.Attribute) else None
        site = self._facts.site(node, written(original(node)), use, container)
        if node.args:
            # Python 3.11 may load it and the argument in one step, and says of both where the first of them stands.
            at(site, first_loaded(node.args[0]))
        prepares = _PREPARES.get(node.func.id if isinstance(node.func, ast.Name) else node.func.attr)  # type: ignore[attr-defined]
        if prepares is not None:
            self._arguments(node, visit)
            prepared = call(prepares, site, *node.args)
            node.args = [at(ast.Starred(prepared, ast.Load()), node)]
            return node
        fields = None if container is None else fields_of(container)
        owner = None if fields is None else _fields_owner(*fields)
        path = None if owner is None else again(owner, self._facts.owner)
        self._plain_call(node, visit)
        given = [node.func, site] if path is None else [path, node.func, site]
        more = "" if path is None else "_fields"
        if _unpacks(node):
            prepared = ast.Call(call(f"unpacked{more}", *given), node.args, node.keywords)
        else:
            prepared = call(f"prepare{more}", *given, *node.args)
            prepared.keywords = node.keywords
        result: ast.expr = spread("call", prepared)
        path = None if container is None or not _takes(node) else again(container, self._facts.owner)
        return at(result if path is None else call("gotten", result, path, clone(site)), node)

    def _awaited(self, node: ast.Await) -> ast.expr:
        """``await queue.get()``: the item comes when it has been waited for."""
        value = node.value
        path = again(value.func.value, self._facts.owner) if _takes(value) else None  # type: ignore[attr-defined]
        use = self._facts.uses.of(value)
        site = self._facts.site(node, written(value), use)
        node = self._children(node)  # type: ignore[assignment]
        return node if path is None else at(call("gotten", node, path, site), node)

    def _is_builtin(self, name: str) -> bool:
        return name not in self._facts.module.variables and self._facts.names.owner(name) is None

    # Everything else

    def _children(self, node: ast.expr) -> ast.expr:
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, self.visit(value))
            elif isinstance(value, list):
                value[:] = [self._child(one) for one in value]
        return node

    def _child(self, node: object) -> object:
        if isinstance(node, ast.comprehension):
            node.iter = self.iterated(node.iter)
            node.ifs = [self.visit(one) for one in node.ifs]
            return node
        return self.visit(node) if isinstance(node, ast.expr) else node

    @staticmethod
    def is_super(node: ast.AST | None) -> bool:
        """True for ``super()`` and what is found through it."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return False
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _flowing(node: ast.expr, site: ast.expr, use: str) -> ast.expr:
    """What was read, and is told once more where it goes on: its holder may concern nobody."""
    return node if use == NAVIGATED else at(call("flow", node, clone(site)), node)


def _takes(node: ast.AST) -> bool:
    """True for a call by which an item is taken out of a queue, if it is one."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr == "get_nowait" or (node.func.attr == "get" and not node.args)


def _unpacks(node: ast.Call) -> bool:
    """True for a call with ``*`` or ``**``."""
    return any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords)


def _fields_owner(place: Any, name_of: str) -> ast.expr:
    found: ast.expr = place.value if name_of == "value" else place.args[0]
    return found


def _is_data(name: str) -> bool:
    return not (name.startswith("__") and name.endswith("__"))


def _is_plain(node: ast.Call, *counts: int) -> bool:
    starred = any(isinstance(one, ast.Starred) for one in node.args)
    return len(node.args) in counts and not starred and not node.keywords
