"""Texts that code writes out: in one piece, in several, or by names that are given one text and nothing else."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.source.scan.bindings import Scope

DOTTED = re.compile(r"\.*\w+(?:[.:]\w+)*")
"""What may be a dotted name: of a module, relative or not, or of something in it; or one word."""

_DEEPEST = 20
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+")
_ENTRY_POINT = re.compile(r"\s*[\w.-]+\s*=\s*([A-Za-z_][\w.]*:[A-Za-z_][\w.]*)\s*(?:\[[\w, ]*\])?\s*")


def text_of(node: ast.AST | None, scope: Scope | None = None, depth: int = 0) -> str | None:
    """The text of an expression; None where it is none, or where that shows only when it runs.

    Without a ``scope``, names stand for nothing.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([text_of(part, scope, depth + 1) for part in (node.left, node.right)])
    if isinstance(node, ast.JoinedStr):
        return _joined([text_of(part, scope, depth + 1) for part in node.values])
    if isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
        return text_of(node.value, scope, depth + 1)
    if isinstance(node, ast.Name) and scope is not None:
        found = scope.lookup(node.id, (node.lineno, node.col_offset)) or []
        if len(found) == 1 and isinstance(found[0].value, ast.expr):
            return text_of(found[0].value, found[0].scope, depth + 1)
    return None


def dotted_in(text: str | None) -> str | None:
    """The dotted name that a text is, or that it gives as an entry point (``run = a.b:main``)."""
    if text is None:
        return None
    if _DOTTED.fullmatch(text):
        return text
    entry = _ENTRY_POINT.fullmatch(text)
    return entry[1] if entry else None


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None
