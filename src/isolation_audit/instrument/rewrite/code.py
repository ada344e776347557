"""Rewrites and compiles a module. Imported only where a module is rewritten, which may be in another process."""

from __future__ import annotations

import ast
import marshal
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.transform import Transformer

if TYPE_CHECKING:
    from types import CodeType


def rewrite(source: bytes, file: str, optimize: int = -1) -> tuple[CodeType, list[sites.Plan], bytes]:
    """The code of a module, whose constants are still texts; its sites; and its code as it was written, marshalled.

    Raises:
        SyntaxError: as the compiler does.
        ValueError: as the compiler does.
    """
    tree: Any = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    written = marshal.dumps(compile(tree, file, "exec", dont_inherit=True, optimize=optimize))
    transformer = Transformer(sites.first_of(source, file))
    transformer.module(tree)
    code = compile(tree, file, "exec", dont_inherit=True, optimize=optimize)
    return code, transformer.facts.sites, written
