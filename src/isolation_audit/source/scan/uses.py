"""The uses that a file's reader has come across: what each may mean, and where it stands."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from isolation_audit.source.scan.facts import Span, Use

if TYPE_CHECKING:
    from isolation_audit.source.scan.facts import Arguments
    from isolation_audit.source.scan.scopes import Binder

_LINES = re.compile(r"\r\n|\r|\n")


class Uses:
    """Writes down what concerns the words; ``text`` is that of a file with letters beyond ASCII, else None."""

    def __init__(self, binder: Binder, words: frozenset[str], text: str | None) -> None:
        self._binder = binder
        self._words = words
        self._scope = binder.module
        # The parser counts columns in bytes of UTF-8; readers and editors count characters.
        self._lines = None if text is None else [line.encode() for line in _LINES.split(text)]
        self._uses: list[Use] = []
        self._offset: Span | None = None
        self._trouble = ""

    def _concerns(self, path: str) -> bool:
        return not self._words.isdisjoint(re.split(r"[.:\"]", path))

    def _emit(
        self,
        node: ast.expr,
        meanings: list[tuple[str, tuple[int, ...]]],
        form: str,
        shape: Arguments | None = None,
        trouble: str = "",
    ) -> None:
        span = self._offset or self._span(node)
        trouble = trouble or self._trouble or ("its name is bound in several ways" if self._is_ambiguous(node) else "")
        for path, through in meanings:
            via = self._statements(path, through)
            if self._concerns(path):
                self._uses.append(
                    Use(path, form, span, self._scope.qualname, via, "", shape, self._scope.is_async, trouble)
                )

    def _is_ambiguous(self, node: ast.expr) -> bool:
        root = node
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if not isinstance(root, ast.Name):
            return False
        found = self._scope.lookup(root.id, (root.lineno, root.col_offset)) or []
        return len({binding.value if isinstance(binding.value, str) else id(binding) for binding in found}) > 1

    def _statements(self, path: str, through: tuple[int, ...]) -> tuple[int, ...]:
        """The imports on the way: ``import a.b`` and ``import a.c`` both give a value to ``a``, and each is needed."""
        imports = self._binder.imports
        if not any(imports[number].form == "import" for number in through):
            return through
        dotted = path.replace(":", ".")
        loading = (
            number
            for number, imported in enumerate(imports)
            if imported.form == "import" and dotted.startswith(imported.path.replace(":", "."))
        )
        return tuple(dict.fromkeys([*(number for number in through if imports[number].form != "import"), *loading]))

    def _span(self, node: ast.AST) -> Span:
        line, column, end_line, end_column = (
            getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
        )
        return Span(line, self._characters(line, column), end_line, self._characters(end_line, end_column))

    def _characters(self, line: int, column: int) -> int:
        if self._lines is None or line > len(self._lines):
            return column
        return len(self._lines[line - 1][:column].decode("utf-8", "replace"))
