"""Walks a syntax tree as ``ast.NodeVisitor`` does, with the method of each kind of node looked up once."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

_CHILDLESS = ("ctx", "op", "ops", "id", "attr", "kind", "lineno", "type_comment")
"""Fields without a node that anybody visits."""


class Visitor(ast.NodeVisitor):
    """Calls ``visit_KIND`` for a node, or goes on to its children."""

    _methods: ClassVar[dict[type, Callable[[Any, Any], None]]]
    _fields: ClassVar[dict[type, tuple[str, ...]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._methods = {}

    def visit(self, node: ast.AST) -> None:
        """Look at a node."""
        kind = node.__class__
        method = self._methods.get(kind)
        if method is None:
            own = type(self)
            method = self._methods[kind] = getattr(own, f"visit_{kind.__name__}", own.generic_visit)
        method(self, node)

    def generic_visit(self, node: ast.AST) -> None:
        """Look at its children, in the order of the source."""
        kind = node.__class__
        fields = self._fields.get(kind)
        if fields is None:
            fields = self._fields[kind] = tuple([field for field in kind._fields if field not in _CHILDLESS])
        visit = self.visit
        for field in fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                for item in value:
                    if isinstance(item, ast.AST):
                        visit(item)
            elif isinstance(value, ast.AST):
                visit(value)
