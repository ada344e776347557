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


def filled(code: CodeType, known: dict[str, Any], make: Callable[[str], Any]) -> CodeType:
    """The code with its constants, all the way down: what is ``known`` for a text, or what ``make`` gives."""
    new = list(code.co_consts)
    changed = False
    for place, value in enumerate(new):
        kind = type(value)
        if kind is str and value[:1] == "\0":
            new[place] = known[value] if value in known else make(value)
            changed = True
        elif kind is CodeType:
            new[place] = other = filled(value, known, make)
            changed = changed or other is not value
    return code.replace(co_consts=tuple(new)) if changed else code
