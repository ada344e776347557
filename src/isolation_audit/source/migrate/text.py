"""The text of one file: decoded as Python decodes it, changed in places, encoded as it was."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.source.scan.facts import Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Characters ``start`` to ``end`` become ``new``."""

    start: int
    end: int
    new: str


class SourceText:
    """A file's text. All that is not edited stays as it is, byte for byte: line ends, encoding, mark of byte order."""

    def __init__(self, data: bytes) -> None:
        self.encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        if self.encoding == "utf-8-sig":
            self.encoding = "utf-8"
        self.text = data.decode(self.encoding)
        self._shift = len(_BOM) if self.text.startswith(_BOM) else 0
        self._starts = [self._shift]
        for match in _LINE.finditer(self.text, self._shift):
            self._starts.append(match.end())
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    def place(self, line: int, column: int) -> int:
        """The number of the character at a line (from 1) and column (from 0, in characters)."""
        return self._starts[line - 1] + column

    def range(self, span: Span) -> tuple[int, int]:
        """The characters of a span."""
        return self.place(span.line, span.column), self.place(span.end_line, span.end_column)

    def line_bounds(self, line: int) -> tuple[int, int]:
        """Where a line begins and, with its line end, ends."""
        return self._starts[line - 1], self._starts[line] if line < len(self._starts) else len(self.text)

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The file with the edits done.

        Raises:
            ValueError: two edits overlap.
        """
        parts, done = [], 0
        for edit in sorted(set(edits)):
            if edit.start < done:
                raise ValueError(f"two changes at character {edit.start}")
            parts += [self.text[done : edit.start], edit.new]
            done = edit.end
        return "".join([*parts, self.text[done:]]).encode(self.encoding)
