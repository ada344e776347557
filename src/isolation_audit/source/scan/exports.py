"""What a module gives to those who import it: by its names, by ``__all__``, and by a ``__getattr__`` of its own."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from isolation_audit.source.scan.callees import called
from isolation_audit.source.scan.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.source.scan.bindings import Scope
    from isolation_audit.source.scan.meaning import Meaning, Meanings
    from isolation_audit.source.scan.scopes import Binder

_MODULE = re.compile(r"\.*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_END = (1 << 30, 0)


class Exports:
    """Reads them from a module whose scopes are known."""

    def __init__(self, tree: ast.Module, binder: Binder, meanings: Meanings) -> None:
        self._tree = tree
        self._binder = binder
        self._meanings = meanings

    def given(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Names (``NAME``, ``Class.NAME``) and the paths that they mean."""
        module = self._binder.module
        for name in module.names:
            yield name, self._paths(module, name)
        for scope in list(self._binder.scopes.values()):
            if scope.kind == "class" and "<locals>" not in scope.qualname:
                for name in scope.names:
                    yield f"{scope.qualname}.{name}", self._paths(scope, name)
        late: dict[str, list[str]] = {}
        for name, path in self._late():
            if name not in module.names:
                late.setdefault(name, []).append(path)
        yield from ((name, tuple(dict.fromkeys(paths))) for name, paths in late.items())

    def listed(self) -> Iterator[tuple[ast.Constant, list[Meaning]]]:
        """The texts of ``__all__`` that name something of the module, and what they mean."""
        for node in self._tree.body:
            if not _is_of_all(node):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and part.value in self._binder.module.names:
                    yield part, self._meant(self._binder.module, str(part.value))

    def _meant(self, scope: Scope, name: str) -> list[Meaning]:
        found = scope.lookup(name, _END) or []
        return [meaning for binding in found for meaning in self._meanings.bound(binding)]

    def _paths(self, scope: Scope, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path, _ in self._meant(scope, name)))

    # A module's own __getattr__

    def _late(self) -> Iterator[tuple[str, str]]:
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
                scope = self._binder.scopes.get(node)
                yield from self._of_tables()
                if scope is not None:
                    yield from self._of_branches(node, scope)

    def _of_branches(self, function: ast.FunctionDef, scope: Scope) -> Iterator[tuple[str, str]]:
        """``if name == "C": from a.b import C; return C``, and the same with ``match``."""
        for node in ast.walk(function):
            if not isinstance(node, (ast.If, ast.match_case)):
                continue
            test = node.test if isinstance(node, ast.If) else node.pattern
            names = [part.value for part in ast.walk(test) if isinstance(part, ast.Constant)]
            for part in (part for statement in node.body for part in ast.walk(statement)):
                if isinstance(part, ast.Return) and part.value is not None:
                    meant = self._meanings.of(part.value, scope)
                    yield from ((name, path) for name in names if isinstance(name, str) for path, _ in meant)

    def _of_tables(self) -> Iterator[tuple[str, str]]:
        """``{"C": "a.b"}``, ``{"C": ("a.b", "C")}``, ``{"a.b": ["C"]}``, ``{"C": "a.b:C"}``."""
        for bindings in self._binder.module.names.values():
            for table in (binding.value for binding in bindings):
                if isinstance(table, ast.Dict):
                    for key, value in zip(table.keys, table.values, strict=True):
                        yield from _of_entry(text_of(key), key, value)


def _of_entry(name: str | None, key: ast.expr | None, value: ast.expr) -> Iterator[tuple[str, str]]:
    parts = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    if key is None or name is None:
        return
    if isinstance(value, ast.Tuple) and len(parts) == 2 and (path := pair_of(parts[0], parts[1])):
        yield name, path
        return
    for part in parts:
        text = text_of(part) or ""
        if path := pair_of(key, part):  # the module is the key
            yield text, path
        if path := pair_of(part, key):
            yield name, path
        if re.split(r"[.:]", text)[-1] == name:
            yield name, f'"{text}'


def pair_of(module: ast.expr, name: ast.expr | None) -> str | None:
    """The path of two texts that may be a module and a name in it; None where they can't be."""
    first, second = text_of(module), text_of(name)
    if not first or not second or first == second or not second.isidentifier():
        return None
    return f"{first}:{second}" if _MODULE.fullmatch(first) else None


def _is_of_all(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):  # __all__.append(...), __all__.extend(...)
        function = node.value.func if isinstance(node.value, ast.Call) else None
        targets = [function.value] if isinstance(function, ast.Attribute) and function.attr != "remove" else []
        return any(called(target) == "__all__" for target in targets)
    assigned = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in assigned)
