"""MySQL's and MariaDB's statements that change what a database session keeps. A rollback takes only rows back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.analysis.sql import FILL, Dialect
from isolation_audit.instrument.statements.changes import (
    COMMON,
    DATABASE,
    FLAGS,
    LITERAL,
    NAME,
    PLACEHOLDER,
    ROLE,
    Act,
    Change,
    Language,
    key,
    literal,
    plain_name,
    table,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.analysis.sql import Clause
    from isolation_audit.instrument.statements.changes import Readers

_VARIABLE: Final = rf"@['\"]?[\w.${FILL}]+['\"]?"

_set_role: Final = pattern(r"role\s+(.+)", FLAGS)
_assignments: Final = pattern(
    rf"(?:^|,)\s*(?:@@)?(?:(global|persist_only|persist|session|local)\s*[.\s]\s*(?:@@)?)?({_VARIABLE}|{NAME})"
    rf"\s*:?=\s*({LITERAL}|[^,]+)",
    FLAGS,
)
_inline: Final = pattern(rf"({_VARIABLE})\s*:=\s*({LITERAL}|{PLACEHOLDER}|\d+\b)?", FLAGS)
_into_variables: Final = pattern(rf"\binto\s+({_VARIABLE}(?:\s*,\s*{_VARIABLE})*)", FLAGS)
_variables: Final = pattern(_VARIABLE)
_locks: Final = pattern(rf"\b(get_lock|release_lock|release_all_locks)\s*\(\s*({LITERAL}|{PLACEHOLDER}|[^,()]*)", FLAGS)
_create: Final = pattern(rf"(or\s+replace\s+)?temporary\s+table\s+(?:if\s+not\s+exists\s+)?({NAME})(.*)", FLAGS)
_filled_at_once: Final = pattern(r"\b(?:select|values|table)\b", FLAGS)

_SHARED: Final = frozenset({"global", "persist", "persist_only"})
"""What is set for the server is not the session's."""


def _of_set(rest: Clause, parameters: Any) -> Iterator[Change]:
    role = _set_role.fullmatch(rest.shape)
    if role is not None:
        name = literal(rest.text[slice(*role.span(1))].strip("` "))
        yield Change(Act.UNSET, ROLE) if name.lower() in {"none", "default"} else _lasting(ROLE, name)
        return
    for one in _assignments.finditer(rest.shape):
        name = _setting(rest, one.span(2))
        if (one[1] or "").lower() in _SHARED:
            continue
        text = value(rest, one.span(3), parameters)
        yield Change(Act.UNSET, name) if text is None or text.lower() in {"default", "null"} else _lasting(name, text)


def _of_use(rest: Clause, _parameters: Any) -> Iterator[Change]:
    yield _lasting(DATABASE, rest.text.strip("` "))


def _of_select(rest: Clause, parameters: Any) -> Iterator[Change]:
    if "@" in rest.shape:
        for one in _inline.finditer(rest.shape):
            name, text = _setting(rest, one.span(1)), None
            if one[2] is not None:
                text = value(rest, one.span(2), parameters)
            yield Change(Act.UNSET, name) if text is None else _lasting(name, text)
        for several in _into_variables.finditer(rest.shape):
            for one in _variables.finditer(several[1]):
                start = several.start(1)
                yield Change(Act.UNSET, _setting(rest, (start + one.start(), start + one.end())))
    if "lock" in rest.shape or "LOCK" in rest.shape:
        yield from _of_locks(rest, parameters)


def _of_locks(rest: Clause, parameters: Any) -> Iterator[Change]:
    for call in _locks.finditer(rest.shape):
        name = literal(key(rest, call.span(2), parameters))
        if call[1].lower() != "get_lock":
            yield Change(Act.UNLOCK, name)
        elif name:
            yield Change(Act.TRY, name)


def _of_create(rest: Clause, _parameters: Any) -> Iterator[Change]:
    made = _create.fullmatch(rest.shape)
    if made is not None:
        if made[1]:
            yield Change(Act.DROP, table(made[2]))
        yield Change(Act.CREATE, table(made[2]), lasting=True)
        if _filled_at_once.search(made[3]) is not None:
            yield Change(Act.FILL, table(made[2]))


def _lasting(name: str, text: str) -> Change:
    return Change(Act.SET, name, text, lasting=True)


def _setting(rest: Clause, span: tuple[int, int]) -> str:
    return re.sub(r"['\"]", "", plain_name(rest.text[slice(*span)]))


_READERS: Final[Readers] = {
    **COMMON,
    "set": _of_set,
    "use": _of_use,
    "select": _of_select,
    "with": _of_select,
    "do": _of_locks,
    "replace": COMMON["insert"],
    "create": _of_create,
}

MYSQL: Final = Language(Dialect.MYSQL, _READERS)
"""MariaDB's, too."""
