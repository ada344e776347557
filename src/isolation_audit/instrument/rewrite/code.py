"""Rewritten code: compiled from source, and given its constants when it is loaded."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from isolation_audit.instrument.rewrite.transform import Plan, Transformer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType


class Rewritten(NamedTuple):
    """A module's code, whose constants are still texts, and its sites."""

    code: CodeType
    plans: Sequence[Plan]


def rewrite(source: bytes, file: str, optimize: int = -1) -> Rewritten:
    """Rewrite and compile the source of a module.

    Raises:
        SyntaxError: as the compiler does.
        ValueError: as the compiler does.
    """
    tree: Any = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    transformer = Transformer()
    transformer.module(tree)
    code = compile(tree, file, "exec", dont_inherit=True, optimize=optimize)
    return Rewritten(code, transformer.sites)
