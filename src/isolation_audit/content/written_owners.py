"""Statements that write: which values they put into, or compare with, which columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.questions import LONGEST, PLACEHOLDERS, names_person, parameter_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERBS: Final = frozenset(("insert", "update", "delete", "replac"))
_VERB: Final = 6

_insert: Final = pattern(
    r"\s*(?:insert|replace)\b[^()]*?\binto\s+[\w\"`.\[\]]+\s*\(([^()]*)\)\s*values\s*\(", re.IGNORECASE
)
_signs: Final = pattern(r"[(),]|'(?:[^']|'')*'")


def writes(statement: Any) -> bool:
    """True for a statement that changes rows."""
    return type(statement) is str and statement.lstrip()[:_VERB].lower() in _VERBS and len(statement) <= LONGEST


def owners_written(statement: str, given: Any) -> Iterator[Any]:
    """The values by which it says to whom a row belongs."""
    head = _insert.match(statement)
    if head is None:
        columns = [(found[1] or "", found) for found in PLACEHOLDERS.finditer(statement)]
    else:
        columns = [*_inserted(statement, head)]
    for place, (column, found) in enumerate(columns):
        value = parameter_of(found, place, given)
        if value is not None and column and names_person(column):
            yield value


def _inserted(statement: str, head: re.Match[str]) -> Iterator[tuple[str, re.Match[str]]]:
    """The placeholders of the first row with their columns; none is left out, as they are counted."""
    columns, at, depth, place = [one.strip() for one in head[1].split(",")], head.end(), 0, 0
    for sign in _signs.finditer(statement, head.end()):
        if sign[0] == "(":
            depth += 1
        elif depth and sign[0] == ")":
            depth -= 1
        elif not depth and sign[0] in (",", ")"):
            part = statement[at : sign.start()]
            alone = PLACEHOLDERS.fullmatch(part.strip())
            column = columns[place] if place < len(columns) and alone is not None else ""
            yield from ((column, found) for found in PLACEHOLDERS.finditer(part))
            at, place = sign.end(), place + 1
            if sign[0] == ")":
                return
