"""Fallbacks: what a module binds to a name in an ``except`` when an import has failed, and what it wanted to import.

Read off the module's text, by lines and their indentation; nothing is parsed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_EXCEPT: Final = pattern(r"^([ \t]*)except\b(.*)$", re.MULTILINE)
_CAUGHT: Final = pattern(r"^\s*:|ImportError|ModuleNotFoundError|\bException\b|AttributeError")
_FROM: Final = pattern(r"\bfrom[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n;#]+)")
_BINDS: Final = pattern(
    r"^[ \t]+(?:(?P<made>class|def|async[ \t]+def)[ \t]+(?P<defined>\w+)"
    r"|(?P<set>[A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)[ \t]*(?P<value>[^\n]*)"
    r"|from[ \t]+(?P<instead>[.\w]+)[ \t]+import[ \t]+(?P<imported>\([^)]*\)|[^\n;#]+))",
    re.MULTILINE,
)
_NOTHING: Final = pattern(r"(?:None|False|True|\d+|\{\}|\[\]|\(\)|[\"'].*)?[ \t]*(?:#.*)?$")
_WORD: Final = pattern(r"([ \t]*)(\w+)")
_HANDLER: Final = pattern(r"[ \t]*except\b")
_AROUND: Final = frozenset({"if", "elif", "else", "try", "except", "finally", "with", "for", "while"})
_LONGEST: Final = 2_000_000
"""Characters of a file that is looked at."""


class Fallback(NamedTuple):
    """In ``line``, ``name`` is bound because it could not be imported from ``wanted``, which may be relative.

    ``instead`` is the module that it is imported from then; empty where it is made in place.
    """

    name: str
    line: int
    wanted: str
    instead: str = ""


def fallbacks(text: str, names: Container[str] | None = None) -> Iterator[Fallback]:
    """Every fallback for one of these names, or for any: a class, a function, another import, a value that is none."""
    if len(text) > _LONGEST:
        return
    for handler in _EXCEPT.finditer(text):
        indent, start = handler[1], handler.start()
        if not _CAUGHT.search(handler[2]):
            continue
        wanted = _wanted(text, start, indent)  # most have imported nothing, which is found out sooner than the rest
        if not wanted or not is_of_module(text, start, indent):
            continue
        for statement in _BINDS.finditer(text, handler.end(), _end(text, handler.end(), indent)):
            for name in _names(statement):
                if name in wanted and (names is None or name in names):
                    line = text.count("\n", 0, statement.start()) + 1
                    yield Fallback(name, line, wanted.pop(name), statement["instead"] or "")


def _names(statement: re.Match[str]) -> list[str]:
    if statement["defined"]:
        return [statement["defined"]]
    if statement["set"]:
        return [] if _NOTHING.match(statement["value"]) else [statement["set"]]
    return _given(statement["imported"])


def _given(imported: str) -> list[str]:
    """The names that an import statement binds."""
    plain = re.sub(r"#[^\n]*", "", imported).strip("() \t\n")
    return [part.split()[-1] for part in plain.split(",") if part.split()]


def is_of_module(text: str, start: int, indent: str) -> bool:
    """True where only conditions and the like are around, and no function or class."""
    while indent:
        start, line = _above(text, start, len(indent) - 1)
        word = _WORD.match(line)
        if word is None or word[2] not in _AROUND:
            return False
        indent = word[1]
    return True


def _above(text: str, start: int, deepest: int) -> tuple[int, str]:
    """The nearest line above with an indentation of at most so much, and where it begins."""
    while start > 0:
        end = start - 1
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        plain = line.lstrip(" \t")
        if plain and plain[0] not in "#)]}" and len(line) - len(plain) <= deepest:
            return start, line
    return 0, ""


def _end(text: str, start: int, indent: str) -> int:
    """Where the block ends that begins after a line of this indentation."""
    after = re.compile(rf"^[ \t]{{0,{len(indent)}}}[^ \t\n#]", re.MULTILINE).search(text, start)
    return len(text) if after is None else after.start()


def _wanted(text: str, before: int, indent: str) -> dict[str, str]:
    """What the ``try`` of a handler imports: names, and the modules that they are wanted from."""
    start, line = _above(text, before, len(indent))
    while _HANDLER.match(line):  # other handlers of the same try
        start, line = _above(text, start, len(indent))
    if not line.startswith(f"{indent}try"):
        return {}
    statements = _FROM.finditer(text, start, before)
    return {name: statement[1] for statement in statements for name in _given(statement[2])}
