"""What expressions mean in one file: paths that start at its imports or at its own names."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from isolation_audit.source.scan.callees import argument
from isolation_audit.source.scan.texts import text_of

if TYPE_CHECKING:
    from isolation_audit.source.scan.bindings import Binding, Scope
    from isolation_audit.source.scan.scopes import Binder

Meaning = tuple[str, tuple[int, ...]]
"""A path, and the numbers of the import aliases on the way to it."""

_DEEPEST = 20
_END = (1 << 30, 0)
_IMPORTERS = {"importlib:import_module", "importlib:__import__", "pytest:importorskip"}


class Meanings:
    """Evaluates names and attributes without running anything; what is not known has no meanings."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder

    def of(self, node: ast.expr, scope: Scope, depth: int = 0) -> list[Meaning]:
        """Everything that ``node`` may mean."""
        if depth > _DEEPEST:
            return []
        if isinstance(node, ast.Name):
            return self._name(node, scope, depth)
        if isinstance(node, ast.Attribute):
            return [(within(path, node.attr), via) for path, via in self.of(node.value, scope, depth + 1)]
        if isinstance(node, ast.Call):
            return self._call(node, scope, depth)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            either = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return [meaning for value in either for meaning in self.of(value, scope, depth + 1)]
        if isinstance(node, ast.NamedExpr):
            return self.of(node.value, scope, depth + 1)
        return self._subscript(node, scope, depth) if isinstance(node, ast.Subscript) else []

    def _subscript(self, node: ast.Subscript, scope: Scope, depth: int) -> list[Meaning]:
        """``sys.modules["a.b"]`` is a module; ``Engine[int]`` is an Engine."""
        text = text_of(node.slice, scope)
        if text and (found := self._namespace(node.value, text, scope, depth)) is not None:
            return found
        of_value = self.of(node.value, scope, depth + 1)
        if text and any(path == "sys:modules" for path, _ in of_value):
            return [(text + ":", ())]
        return of_value

    def _namespace(self, node: ast.expr, name: str, scope: Scope, depth: int) -> list[Meaning] | None:
        """``globals()["C"]``, ``vars(module)["C"]``, ``module.__dict__["C"]``; None for other subscripts."""
        owner = node.value if isinstance(node, ast.Attribute) and node.attr == "__dict__" else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            function = node.func.id
            if function in ("globals", "locals", "vars") and not node.args and scope.lookup(function, _END) is None:
                inside = scope.module if function == "globals" else scope
                bound = inside.lookup(name, _END if inside is not scope else (node.lineno, node.col_offset)) or []
                return [meaning for binding in bound for meaning in self.bound(binding, depth)]
            owner = node.args[0] if function == "vars" and len(node.args) == 1 else None
        if owner is None:
            return None
        return [(within(path, name), via) for path, via in self.of(owner, scope, depth + 1)]

    def _name(self, node: ast.Name, scope: Scope, depth: int) -> list[Meaning]:
        found = scope.lookup(node.id, (node.lineno, node.col_offset))
        if found is None:
            return [(f"{star}:{node.id}", ()) for star in self._binder.stars]
        return list(dict.fromkeys(meaning for binding in found for meaning in self.bound(binding, depth)))

    def bound(self, binding: Binding, depth: int = 0) -> list[Meaning]:
        """What a binding gives its name."""
        via = () if binding.imported is None else (binding.imported,)
        if isinstance(binding.value, str):
            return [(binding.value, via)]
        return [] if binding.value is None else self.of(binding.value, binding.scope, depth + 1)

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> list[Meaning]:
        """Calls whose result is a module or an attribute: ``import_module()``, ``__import__()``, ``getattr()``."""
        plain = node.func.id if isinstance(node.func, ast.Name) else ""
        if plain == "getattr" and len(node.args) > 1 and (name := text_of(node.args[1], scope)) and name.isidentifier():
            return [(within(path, name), via) for path, via in self.of(node.args[0], scope, depth + 1)]
        module = self.imported_by(node, scope, depth)
        if module is None:
            return []
        if plain == "__import__" and not any(word.arg == "fromlist" for word in node.keywords) and len(node.args) < 4:
            module = module.partition(".")[0]
        return [(module + ":", ())]

    def imported_by(self, node: ast.Call, scope: Scope, depth: int = 0) -> str | None:
        """The module that a call imports by its name; None where it imports none."""
        func = node.func
        builtin = isinstance(func, ast.Name) and func.id == "__import__"
        if not builtin and not any(path in _IMPORTERS for path, _ in self.of(func, scope, depth + 1)):
            return None
        name = text_of(argument(node, 0, "name"), scope)
        if not name or not name.startswith("."):
            return name or None
        package = argument(node, 1, "package")
        if (text := text_of(package, scope)) is not None:
            level = len(name) - len(name.lstrip("."))
            kept = text.split(".")[: len(text.split(".")) - level + 1]
            return ".".join([*kept, name.lstrip(".")])
        return name if isinstance(package, ast.Name) and package.id in ("__package__", "__name__") else None


def within(path: str, name: str) -> str:
    """The path of an attribute of what has a path."""
    return f"{path}{name}" if path.endswith(":") else f"{path}.{name}"
