"""From a file's bytes to its text and its syntax tree, or the reason why it has none."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings


class Unparsable(ValueError):  # noqa: N818 - a fact about a file, not an error of ours
    """A file that is not Python to this interpreter: the line (0 where unknown) and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


def parse(data: bytes) -> ast.Module:
    """The syntax tree of a file's bytes, in whatever encoding it declares.

    Raises:
        Unparsable: it does not parse.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        raise Unparsable(error.lineno or 0, error.msg) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unparsable(0, str(error) or type(error).__name__) from None


def decoded(data: bytes) -> str:
    """A file's text as Python's tokenizer would read it; undecodable bytes are replaced."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return data.decode(encoding, "replace")
