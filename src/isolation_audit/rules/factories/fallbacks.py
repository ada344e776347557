"""Fallbacks: what a module binds to a name in an ``except`` when an import has failed, and what it wanted to import.

Read off the module's text, by lines and their indentation; nothing is parsed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXCEPT: Final = re.compile(r"^([ \t]*)except\b(.*)$", re.MULTILINE)
_CAUGHT: Final = re.compile(r"^\s*:|ImportError|ModuleNotFoundError|\bException\b|AttributeError")
_FROM: Final = re.compile(r"\bfrom[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n;#]+)")
_AROUND: Final = frozenset({"if", "elif", "else", "try", "except", "finally", "with", "for", "while"})
_LONGEST: Final = 2_000_000
"""Characters of a file that is looked at."""


class Fallback(NamedTuple):
    """In ``line`` the name is bound because it could not be imported from ``wanted``, which may be relative."""

    line: int
    wanted: str


def fallbacks(text: str, name: str) -> Iterator[Fallback]:
    """Every fallback for a name."""
    if len(text) > _LONGEST or name not in text:
        return
    binds = re.compile(
        rf"^[ \t]+(?:(?:class|def|async[ \t]+def)[ \t]+{name}\b|{name}[ \t]*(?::[^=\n]+)?=[^=]"
        rf"|from[ \t]+[.\w]+[ \t]+import\b[^\n]*\b{name}\b)",
        re.MULTILINE,
    )
    for handler in _EXCEPT.finditer(text):
        if _CAUGHT.search(handler[2]) and _is_of_module(text, handler.start(), handler[1]):
            end = _end(text, handler.end(), handler[1])
            bound = binds.search(text, handler.end(), end)
            wanted = None if bound is None else _wanted(text, handler.start(), handler[1], name)
            if bound is not None and wanted is not None:
                yield Fallback(text.count("\n", 0, bound.start()) + 1, wanted)


def _is_of_module(text: str, start: int, indent: str) -> bool:
    """True where only conditions and the like are around, and no function or class."""
    while indent:
        around = [*re.finditer(rf"^([ \t]{{0,{len(indent) - 1}}})([^ \t\n#]\w*)", text[:start], re.MULTILINE)]
        if not around or around[-1][2] not in _AROUND:
            return False
        start, indent = around[-1].start(), around[-1][1]
    return True


def _end(text: str, start: int, indent: str) -> int:
    """Where the block ends that begins after a line of this indentation."""
    after = re.compile(rf"^[ \t]{{0,{len(indent)}}}[^ \t\n#]", re.MULTILINE).search(text, start)
    return len(text) if after is None else after.start()


def _wanted(text: str, before: int, indent: str, name: str) -> str | None:
    """The module that the ``try`` of a handler imports the name from."""
    beginnings = [one.start() for one in re.finditer(rf"^{indent}try\b", text[:before], re.MULTILINE)]
    if not beginnings:
        return None
    for statement in _FROM.finditer(text, beginnings[-1], before):
        given = [part.split()[-1] for part in statement[2].strip("() \t\n").split(",") if part.split()]
        if name in given:
            return statement[1]
    return None
