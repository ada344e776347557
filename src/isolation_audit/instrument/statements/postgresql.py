"""PostgreSQL's and SQLite's statements that change what a database session keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.analysis.sql import Dialect
from isolation_audit.instrument.statements.changes import (
    COMMON,
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

_set: Final = pattern(rf"(?:(session|local)\s+)?({NAME})\s*(?:=|\bto\b)\s*(.+)", FLAGS)
_set_role: Final = pattern(r"(?:(session|local)\s+)?(?:role|session\s+authorization)\s+(.+)", FLAGS)
_create: Final = pattern(
    rf"(?:(?:local|global)\s+)?temp(?:orary)?\s+table\s+(?:if\s+not\s+exists\s+)?({NAME})(.*)", FLAGS
)
_filled_at_once: Final = pattern(r"\bas\s*\(?\s*(?:select|with|table|values)\b", FLAGS)
_gone_at_commit: Final = pattern(r"\bon\s+commit\s+(?:drop|delete)\b", FLAGS)
_ARGUMENT: Final = rf"\s*({LITERAL}|{PLACEHOLDER}|true|false)(?:\s*::\s*\w+)?\s*"
_set_config: Final = pattern(rf"\bset_config\s*\({_ARGUMENT},{_ARGUMENT},{_ARGUMENT}\)", FLAGS)
_set_config_call: Final = pattern(r"\bset_config\s*\(", FLAGS)
_advisory: Final = pattern(
    r"\bpg_(try_)?advisory_(un)?lock(?:_shared|_all)?\s*\(([^()]*+(?:\([^()]*+\)[^()]*+)*+)\)", FLAGS
)


def _of_set(rest: Clause, parameters: Any) -> Iterator[Change]:
    role = _set_role.fullmatch(rest.shape)
    if role is not None:
        scope, name = (role[1] or "").lower(), literal(rest.text[slice(*role.span(2))])
        lasts = scope != "local" and name.lower() not in {"none", "default"}
        yield Change(Act.SET, ROLE, name) if lasts else Change(Act.UNSET, ROLE)
        return
    setting = _set.fullmatch(rest.shape)
    if setting is not None:
        name = plain_name(rest.text[slice(*setting.span(2))])
        # psycopg2 fills parameters in by itself.
        text = value(rest, setting.span(3), parameters)
        lasts = (setting[1] or "").lower() != "local" and text is not None and text.lower() != "default"
        yield Change(Act.SET, name, text or "") if lasts else Change(Act.UNSET, name)


def _of_reset(rest: Clause, _parameters: Any) -> Iterator[Change]:
    words = rest.shape.lower().split()
    if words == ["all"]:
        # The role stays: it is none of those that this resets.
        yield Change(Act.UNSET)
    else:
        yield Change(Act.UNSET, ROLE if words[:1] == ["session"] else plain_name(rest.text))


def _of_discard(rest: Clause, _parameters: Any) -> Iterator[Change]:
    what = rest.shape.lower()
    if what == "all":
        yield Change(Act.UNSET)
        yield Change(Act.UNSET, ROLE)
        yield Change(Act.UNLOCK)
    if what in {"all", "temp", "temporary"}:
        yield Change(Act.DROP)


def _of_select(rest: Clause, parameters: Any) -> Iterator[Change]:
    if "set_config" in rest.shape or "SET_CONFIG" in rest.shape:
        yield from _of_set_config(rest, parameters)
    if "advisory" in rest.shape or "ADVISORY" in rest.shape:
        yield from _of_advisory(rest, parameters)


def _of_set_config(rest: Clause, parameters: Any) -> Iterator[Change]:
    found = _set_config.finditer(rest.shape)
    calls = [[value(rest, call.span(index), parameters) for index in (1, 2, 3)] for call in found]
    if len(calls) < len(_set_config_call.findall(rest.shape)) or any(None in call for call in calls):
        yield Change(Act.UNSET)
        return
    for name, text, local in calls:
        lasts = str(local).lower() in {"false", "f"}
        yield Change(Act.SET, plain_name(str(name)), str(text)) if lasts else Change(Act.UNSET, plain_name(str(name)))


def _of_advisory(rest: Clause, parameters: Any) -> Iterator[Change]:
    for call in _advisory.finditer(rest.shape):
        name = key(rest, call.span(3), parameters)
        if call[2]:
            yield Change(Act.UNLOCK, name)
        elif name:
            yield Change(Act.TRY if call[1] else Act.LOCK, name)


def _of_create(rest: Clause, _parameters: Any) -> Iterator[Change]:
    made = _create.fullmatch(rest.shape)
    if made is not None and _gone_at_commit.search(made[2]) is None:
        yield Change(Act.CREATE, table(made[1]))
        if _filled_at_once.search(made[2]) is not None:
            yield Change(Act.FILL, table(made[1]))


_READERS: Final[Readers] = {
    **COMMON,
    "set": _of_set,
    "reset": _of_reset,
    "discard": _of_discard,
    "select": _of_select,
    "with": _of_select,
    "create": _of_create,
    "abort": COMMON["rollback"],
}

POSTGRESQL: Final = Language(Dialect.POSTGRESQL, _READERS)
SQLITE: Final = Language(Dialect.SQLITE, _READERS)
