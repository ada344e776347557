"""What is known of one function that is being rewritten."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.rewrite.fresh import fresh
from isolation_audit.instrument.rewrite.names import given_names, of_comprehensions, with_mutable_defaults
from isolation_audit.instrument.rewrite.suspended import carried, is_suspended
from isolation_audit.instrument.rewrite.uses import Function, Uses

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.names import Names
    from isolation_audit.instrument.rewrite.sites import Plan

_BIRTHS: Final = ("__init__", "__post_init__")


class ModuleFacts:
    """What is known of its module, and the sites that the module has so far; ``first`` is the number of the first."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.sites: list[Plan] = []
        self.variables: set[str] = set()
        """The module's names that are data."""
        self.rebound: set[str] = set()
        """Names that ``nonlocal`` gives to functions inside of their owner."""
        self.changed: set[str] = set()
        """Names by which containers are changed."""


class FunctionFacts:
    """Its names, what it makes for itself, and where the sites in it are counted."""

    def __init__(self, module: ModuleFacts, node: Function, names: Names, owner: str | None, path: str) -> None:
        self.module, self.names, self.owner, self.path = module, names, owner, path
        self.defaults = with_mutable_defaults(node)
        self.suspended = is_suspended(node)
        self.carried = carried(node) & names.bound if self.suspended else set()
        """Its local variables that a later unit of work may find as an earlier one has left them."""
        self.of_comprehensions = of_comprehensions(node)
        self.fresh = fresh(node, given_names(node)) & names.bound
        """Containers that a call makes for itself."""
        self.uses = Uses(node)
        self.born: str | None = None
        if isinstance(node, ast.FunctionDef) and node.name in _BIRTHS and owner is not None:
            given = [*node.args.posonlyargs, *node.args.args]
            self.born = given[0].arg if given else None

    def is_fresh(self, node: ast.AST) -> bool:
        """True for a container that nobody else has."""
        return isinstance(node, ast.Name) and node.id in self.fresh

    def site(self, node: ast.expr, expression: str, use: str, container: ast.expr | None = None) -> ast.expr:
        """A new site, as a constant of the code; of a store, with what it stores to."""
        arms = () if container is None else tuple(sorted(self.uses.names_of(container)))
        number = self.module.first + len(self.module.sites)
        self.module.sites.append((node.lineno, self.path, expression, use, arms))
        return ast.Constant(number)
