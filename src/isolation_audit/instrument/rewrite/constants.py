"""The constants of rewritten code: texts while it is on disk, and objects once it is loaded."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MARK: Final = "\0isolation-audit "
"""Begins a text that stands for a constant: ``r`` what is called, ``f`` a flag, ``a`` the flag of all."""

FLAG: Final = "True"
CALL: Final = "None"
"""The only attributes of these constants. Code lists the names that it uses, and whoever looks for a function's globals
there (``inspect.getclosurevars``) passes over these two."""


def filled(code: CodeType, constants: Callable[[str], Any]) -> CodeType:
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
