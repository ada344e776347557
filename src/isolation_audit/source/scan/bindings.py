"""What is known of names: scopes, the bindings of names in them, and which of these a use of a name may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

Position = tuple[int, int]


@dataclass(slots=True, eq=False)
class Binding:
    """One place that binds a name. ``value`` is what it is bound to: an expression, the text of a path, or unknown.

    ``imported`` is the number of the import statement's alias.
    """

    position: Position
    scope: Scope
    value: ast.expr | str | None = None
    imported: int | None = None
    conditional: bool = False
    until: Position | None = None
    """Up to here, and from ``position`` on, nothing else counts: an exception's name in its handler."""


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function or comprehension, and the names that it binds."""

    kind: str
    qualname: str
    parent: Scope | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    is_async: bool = False

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def inner(self, name: str) -> str:
        """The qualified name of something that this scope defines."""
        if self.kind == "module":
            return name
        return f"{self.qualname}.<locals>.{name}" if self.kind == "function" else f"{self.qualname}.{name}"

    def lookup(self, name: str, position: Position) -> list[Binding] | None:
        """The bindings that a use of ``name`` at ``position`` may see; None where no scope binds it."""
        scope: Scope | None = self
        same_flow = True
        while scope is not None:
            if scope.elsewhere.get(name) == "global":
                scope, same_flow = scope.module, False
            elif scope is not self and scope.kind == "class" and not same_flow:
                scope = scope.parent
                continue
            if found := scope.names.get(name):
                return _visible(found, position if same_flow else None)
            # What a comprehension reads is read at once; a function may be called at any time.
            same_flow = same_flow and scope.kind == "comprehension"
            scope = scope.parent
        return None


def _visible(bindings: list[Binding], position: Position | None) -> list[Binding]:
    if len(bindings) == 1:
        return bindings
    ordered = sorted(bindings, key=lambda binding: binding.position)
    if position is not None:
        ordered = [binding for binding in ordered if binding.position < position] or ordered
        if own := [binding for binding in ordered if binding.until and binding.position < position < binding.until]:
            return own[-1:]
    settled = [place for place, binding in enumerate(ordered) if not binding.conditional]
    return ordered[settled[-1] :] if settled else ordered


@dataclass(slots=True)
class Imported:
    """One alias of an import statement; ``path`` is ``module:name``, ``module:`` or ``module:*``."""

    path: str
    form: str
    node: ast.alias
    scope: Scope
    guard: str
