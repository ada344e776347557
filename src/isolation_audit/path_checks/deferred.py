"""Names that a module imports for type checkers alone (``if TYPE_CHECKING:``), as far as their modules are there."""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def names_of(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What the module with this namespace would have if its type checker's imports were done; nothing is imported."""
    file, package = namespace.get("__file__"), namespace.get("__package__") or ""
    if type(file) is not str or not file.endswith(".py"):
        return {}
    found = {}
    for name, module, attribute in _imports(file, package):
        loaded = sys.modules.get(module)
        if loaded is not None:
            value = loaded if not attribute else vars(loaded).get(attribute)
            if value is not None:
                found[name] = value
    return found


@lru_cache(maxsize=256)
def _imports(file: str, package: str) -> tuple[tuple[str, str, str], ...]:
    """The name, the module and the attribute of each."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ()
    return tuple(
        [
            one
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for statement in node.body
            for one in _names(statement, package)
        ]
    )


def _names(statement: ast.stmt, package: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname or "." not in alias.name:
                yield alias.asname or alias.name, alias.name, ""
    elif isinstance(statement, ast.ImportFrom):
        try:
            module = resolve_name("." * statement.level + (statement.module or ""), package)
        except ImportError:
            return
        for alias in statement.names:
            yield alias.asname or alias.name, module, alias.name
