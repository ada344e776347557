"""One file as text and tree at once: nodes by their place, parents, and the names that it binds."""

from __future__ import annotations

import ast
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from isolation_audit.source.scan.facts import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.source.migrate.text import SourceText

_BODIES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Import = ast.Import | ast.ImportFrom


class Syntax:
    """The parsed form of a text.

    Raises:
        SyntaxError, ValueError: it does not parse.
    """

    def __init__(self, text: SourceText) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text.text.lstrip("\ufeff"))
        self.parents: dict[ast.AST, ast.AST] = {}
        self.aliases: dict[Span, tuple[ast.alias, Import]] = {}
        self._expressions: dict[Span, list[ast.expr]] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, ast.expr):
                self._expressions.setdefault(self.span(node), []).append(node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    self.aliases[self.span(alias)] = (alias, node)

    def span(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> Span:
        """Where a node stands, in characters."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return Span(
            node.lineno, self._column(node.lineno, node.col_offset), end_line, self._column(end_line, end_column)
        )

    def _column(self, line: int, column: int) -> int:
        start, end = self.text.line_bounds(line)
        part = self.text.text[start:end]
        return column if part.isascii() else len(part.encode()[:column].decode())

    def range(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> tuple[int, int]:
        """The characters of a node."""
        return self.text.range(self.span(node))

    def call_of(self, span: Span) -> ast.Call | None:
        """The call whose callee stands at ``span``."""
        for node in self._expressions.get(span, ()):
            parent = self.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                return parent
        return None

    def is_alone_in_body(self, statement: ast.stmt) -> bool:
        """Whether a block would have no statement left without this one."""
        return len(self._block(statement)) == 1

    def _block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements among which one stands."""
        parent = self.parents[statement]
        blocks = (block for _, block in ast.iter_fields(parent) if isinstance(block, list) and statement in block)
        return next(blocks, [])

    def is_bound(self, statement: Import, needed: int, written: str, going: set[ast.alias]) -> bool:
        """Whether another import says what ``written`` says, and has run by the line ``needed`` if ``statement`` has;
        those ``going`` don't count.
        """
        for alias, other in self.aliases.values():
            if alias in going or not isinstance(other, ast.ImportFrom) or other is statement:
                continue
            text = f"from {'.' * other.level}{other.module or ''} import {alias.name}"
            text += f" as {alias.asname}" if alias.asname and alias.asname != alias.name else ""
            beside = self.parents[other] is self.parents[statement] and statement in self._block(other)
            if text == written and (self.is_before(other, statement) or (beside and other.lineno < needed)):
                return True
        return False

    def is_before(self, one: Import, other: Import) -> bool:
        """Whether a statement has run in any case when another one does, and what it binds is known there."""
        return one.lineno < other.lineno and self.parents[one] in set(self._around(other))

    def _around(self, statement: ast.stmt) -> Iterator[ast.AST]:
        """The module, the functions around a statement, and the blocks that it stands in."""
        node: ast.AST | None = self.parents.get(statement)
        while node is not None:
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node
            node = self.parents.get(node)

    def parent_of(self, span: Span) -> ast.AST | None:
        """What is directly around the expression at ``span``."""
        found = self._expressions.get(span)
        return self.parents.get(found[0]) if found else None

    def string_around(self, start: int, end: int) -> str | None:
        """The string that the given characters are in, as it is written."""
        for nodes in self._expressions.values():
            for node in nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    first, last = self.range(node)
                    if first < start and end < last:
                        return self.text.text[first:last]
        return None

    def class_around(self, span: Span) -> ast.ClassDef | None:
        """The class whose body, or whose list of bases, directly holds the expression at ``span``."""
        node = self.parent_of(span)
        while node is not None and not isinstance(
            node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        ):
            node = self.parents.get(node)
        return node if isinstance(node, ast.ClassDef) else None

    def builds(self, cls: ast.ClassDef) -> bool:
        """Whether the file calls a class by its name, or the class itself as ``cls``."""
        inside = {node for node in ast.walk(cls) if isinstance(node, ast.Call)}
        called = ((node, node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return any(
            isinstance(callee, ast.Name) and (callee.id == cls.name or (callee.id == "cls" and call in inside))
            for call, callee in called
        )

    def promised_by(self, place: tuple[int, int]) -> tuple[int, int] | None:
        """The characters of the function whose return annotation stands at a place."""
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
                start, end = self.range(node.returns)
                if start <= place[0] and place[1] <= end:
                    return self.range(node)
        return None

    def checked_classes(self) -> Iterator[str]:
        """Paths of the classes that the file checks for, as far as an import by name leads to them."""
        imported = {
            alias.asname or alias.name: f"{'.' * statement.level}{statement.module or ''}:{alias.name}"
            for alias, statement in self.aliases.values()
            if isinstance(statement, ast.ImportFrom)
        }
        modules = {
            alias.asname or alias.name: alias.name
            for alias, statement in self.aliases.values()
            if isinstance(statement, ast.Import)
        }
        for node in ast.walk(self.tree):
            checked = _checked(node)
            for part in ast.walk(checked) if checked is not None else ():
                if isinstance(part, ast.Name) and part.id in imported:
                    yield imported[part.id]
                elif isinstance(part, ast.Attribute) and (module := modules.get(ast.unparse(part.value))):
                    yield f"{module}:{part.attr}"

    def unsettled(self) -> set[str]:
        """Names that are deleted, or belong to another scope than the one that binds them."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                found.update(node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
                found.add(node.id)
        return found

    def binds(self, name: str) -> bool:
        """Whether anything but an import binds ``name`` anywhere in the file."""
        return name in self._bound

    @cached_property
    def _bound(self) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.add(node.name)
            elif isinstance(node, ast.ExceptHandler):
                found.add(node.name or "")
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                found.update(node.names)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.add(node.id)
        return found

    def reads(self, name: str, outside: list[tuple[int, int]], besides: set[str] | None = None) -> bool:
        """Whether ``name`` is read anywhere but in the given ranges, and but as a way to one of ``besides``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id == name:
                start, end = self.range(node)
                within = any(first <= start and end <= last for first, last in outside)
                if not within and not any(f"{self._chain(node)}.".startswith(f"{one}.") for one in besides or ()):
                    return True
        return False

    def _chain(self, node: ast.expr) -> str:
        """The dotted name that begins with a name."""
        dotted = ast.unparse(node)
        parent = self.parents.get(node)
        while isinstance(parent, ast.Attribute):
            dotted = f"{dotted}.{parent.attr}"
            parent = self.parents.get(parent)
        return dotted

    def beside(self, span: Span) -> set[str]:
        """Modules of other plain imports (``import a.b``) that stand beside the one at ``span``."""
        module, own = self.aliases[span]
        return {
            alias.name
            for alias, statement in self.aliases.values()
            if isinstance(statement, ast.Import)
            and not alias.asname
            and self.parents[statement] is self.parents[own]
            and not f"{module.name}.".startswith(f"{alias.name}.")
        }


def _checked(node: ast.AST) -> ast.AST | None:
    """What a node checks something for: the classes of isinstance(), of a handler, of a pattern."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        return node.args[1] if name in ("isinstance", "issubclass") else None
    if isinstance(node, ast.ExceptHandler):
        return node.type
    return node.cls if isinstance(node, ast.MatchClass) else None
