"""Rewritten code: compiled from source, and given its constants when it is loaded."""

from __future__ import annotations

import ast
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.instrument.rewrite.transform import Plan, Transformer

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION: Final = 1
"""Of the rewriter: code that another one made is not used."""


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


def filled(code: CodeType, constants: Any) -> CodeType:
    """The code with its constants, all the way down; ``constants`` gives the object for a text."""
    new = []
    changed = False
    for value in code.co_consts:
        kind = type(value)
        if kind is CodeType:
            other = filled(value, constants)
        elif kind is str and value.startswith("\0"):
            other = constants(value)
        else:
            other = value
        changed = changed or other is not value
        new.append(other)
    return code.replace(co_consts=tuple(new)) if changed else code
