"""SQL statements, as far as they change what a database session keeps: settings, the role, temporary tables.

PostgreSQL's and SQLite's forms. It knows no grammar of SQL: the first word decides whether there is anything to read.
A statement that can't be understood counts as one that leaves nothing behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLE: Final = "role"
"""The name of the role among the settings; where it is the session's own user, too."""


class Act(Enum):
    """What becomes of the thing that a change names; without a name of all of its kind."""

    SET = "set"
    UNSET = "unset"
    """Also what is set for one transaction: whoever does that has a value of their own."""
    CREATE = "create"
    """A temporary table that outlives the transaction."""
    FILL = "fill"
    EMPTY = "empty"
    DROP = "drop"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Change:
    """One change; ``value`` is what a setting is set to, as text."""

    act: Act
    name: str = ""
    value: str = ""


_NAME: Final = r'["`]?[\w$]+["`]?(?:\s*\.\s*["`]?[\w$]+["`]?)*'
_FLAGS: Final = re.IGNORECASE | re.DOTALL

_first_word: Final = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*+([a-z]+)", _FLAGS).match
_set: Final = re.compile(rf"(?:(session|local)\s+)?({_NAME})\s*(?:=|\bto\b)\s*(.+)", _FLAGS).fullmatch
_set_role: Final = re.compile(r"(?:(session|local)\s+)?(?:role|session\s+authorization)\s+(.+)", _FLAGS).fullmatch
_create: Final = re.compile(
    rf"(?:(?:local|global)\s+)?temp(?:orary)?\s+table\s+(?:if\s+not\s+exists\s+)?({_NAME})(.*)", _FLAGS
).fullmatch
_filled_at_once: Final = re.compile(r"\bas\s*\(?\s*(?:select|with|table|values)\b", _FLAGS).search
_gone_at_commit: Final = re.compile(r"\bon\s+commit\s+(?:drop|delete)\b", _FLAGS).search
_into: Final = re.compile(rf"(?:or\s+\w+\s+)?into\s+({_NAME})", _FLAGS).match
_from: Final = re.compile(rf"from\s+(?:only\s+)?({_NAME})", _FLAGS).match
_tables: Final = re.compile(
    r"(?:table\s+)?(?:if\s+exists\s+)?(?:only\s+)?(.+?)(?:\s+(?:cascade|restrict))?", _FLAGS
).fullmatch
_ARGUMENT: Final = r"\s*('(?:[^']|'')*'|%\(\w+\)s|%s|\$\d+|:\w+|\?|true|false)(?:\s*::\s*\w+)?\s*"
_set_config: Final = re.compile(rf"\bset_config\s*\({_ARGUMENT},{_ARGUMENT},{_ARGUMENT}\)", _FLAGS).finditer
_set_config_call: Final = re.compile(r"\bset_config\s*\(", _FLAGS).findall
_numbered: Final = re.compile(r"\$(\d+)").fullmatch
_named: Final = re.compile(r"%\((\w+)\)s|:(\w+)").fullmatch
_works_with_data: Final = re.compile(r"\b(?:from|into|update|call|current_setting)\b", _FLAGS).search


def changes(statement: str, parameters: Any) -> list[Change]:
    """What a statement changes once it has succeeded; ``parameters`` is a mapping or a sequence of its values."""
    if ";" in statement:
        return [change for part in statement.split(";") for change in _of_one(part, parameters)]
    return list(_of_one(statement, parameters))


def works_with_data(statement: str) -> bool:
    """True where a statement reads or writes rows, and so does what the session's settings and role make of it."""
    return _works_with_data(statement) is not None


def reads(statement: str, table: str) -> bool:
    """True where a statement takes rows out of this temporary table."""
    name = rf'(?:["`]?(?:pg_)?temp["`]?\s*\.\s*)?["`]?{re.escape(table)}["`]?(?![\w$."`])'
    return re.search(rf"\b(?:from|join)\s+(?:only\s+)?{name}", statement, _FLAGS) is not None


def _of_one(statement: str, parameters: Any) -> Iterator[Change]:
    first = _first_word(statement)
    reader = None if first is None else _READERS.get(first[1].lower())
    if first is not None and reader is not None:
        yield from reader(statement[first.end() :].strip(), parameters)


def _of_set(rest: str, _parameters: Any) -> Iterator[Change]:
    role = _set_role(rest)
    if role is not None:
        scope, value = role.groups()
        value = _literal(value)
        lasts = (scope or "").lower() != "local" and value.lower() not in {"none", "default"}
        yield Change(Act.SET, ROLE, value) if lasts else Change(Act.UNSET, ROLE)
        return
    setting = _set(rest)
    if setting is not None:
        scope, name, value = setting.groups()
        lasts = (scope or "").lower() != "local" and value.strip().lower() != "default"
        yield Change(Act.SET, _name(name), _literal(value)) if lasts else Change(Act.UNSET, _name(name))


def _of_reset(rest: str, _parameters: Any) -> Iterator[Change]:
    words = rest.lower().split()
    if words == ["all"]:
        # The role stays: it is none of those that this resets.
        yield Change(Act.UNSET)
    else:
        yield Change(Act.UNSET, ROLE if words[:1] == ["session"] else _name(rest))


def _of_discard(rest: str, _parameters: Any) -> Iterator[Change]:
    what = rest.lower()
    if what == "all":
        yield Change(Act.UNSET)
        yield Change(Act.UNSET, ROLE)
    if what in {"all", "temp", "temporary"}:
        yield Change(Act.DROP)


def _of_select(rest: str, parameters: Any) -> Iterator[Change]:
    if "set_config" not in rest and "SET_CONFIG" not in rest:
        return
    calls = [[_value(call, index, parameters) for index in (1, 2, 3)] for call in _set_config(rest)]
    if len(calls) < len(_set_config_call(rest)) or any(None in call for call in calls):
        yield Change(Act.UNSET)
        return
    for name, value, local in calls:
        lasts = str(local).lower() in {"false", "f"}
        yield Change(Act.SET, _name(str(name)), str(value)) if lasts else Change(Act.UNSET, _name(str(name)))


def _of_create(rest: str, _parameters: Any) -> Iterator[Change]:
    made = _create(rest)
    if made is not None and _gone_at_commit(made[2]) is None:
        yield Change(Act.CREATE, _table(made[1]))
        if _filled_at_once(made[2]) is not None:
            yield Change(Act.FILL, _table(made[1]))


def _of_insert(rest: str, _parameters: Any) -> Iterator[Change]:
    into = _into(rest)
    if into is not None:
        yield Change(Act.FILL, _table(into[1]))


def _of_delete(rest: str, _parameters: Any) -> Iterator[Change]:
    table = _from(rest)
    if table is not None:
        yield Change(Act.EMPTY, _table(table[1]))


def _of_truncate(rest: str, _parameters: Any) -> Iterator[Change]:
    return _of_each(Act.EMPTY, rest)


def _of_drop(rest: str, _parameters: Any) -> Iterator[Change]:
    return _of_each(Act.DROP, rest)


def _of_each(act: Act, rest: str) -> Iterator[Change]:
    listed = _tables(rest)
    for name in () if listed is None else listed[1].split(","):
        yield Change(act, _table(name))


def _of_rollback(_rest: str, _parameters: Any) -> Iterator[Change]:
    yield Change(Act.ROLL_BACK)


_READERS: Final[dict[str, Callable[[str, Any], Iterator[Change]]]] = {
    "set": _of_set,
    "reset": _of_reset,
    "discard": _of_discard,
    "select": _of_select,
    "with": _of_select,
    "create": _of_create,
    "insert": _of_insert,
    "delete": _of_delete,
    "truncate": _of_truncate,
    "drop": _of_drop,
    "rollback": _of_rollback,
    "abort": _of_rollback,
}


def _name(text: str) -> str:
    """A name as it is compared: without its quotes, in small letters."""
    return re.sub(r'[\s"`]', "", text).lower()


def _table(text: str) -> str:
    """The name of a table; without its schema where that is the one of temporary tables."""
    return re.sub(r"^(?:pg_)?temp\.", "", _name(text))


def _literal(text: str) -> str:
    return text.strip().strip("'\"")


def _value(call: re.Match[str], index: int, parameters: Any) -> str | None:
    """One argument as text: written out, or among the parameters; None where it is in neither."""
    text = call[index]
    if text in {"%s", "?"}:
        place = call.string.count(text, 0, call.start(index))
        return _parameter(parameters, place)
    if numbered := _numbered(text):
        return _parameter(parameters, int(numbered[1]) - 1)
    if named := _named(text):
        return _parameter(parameters, named[1] or named[2])
    return _literal(text)


def _parameter(parameters: Any, key: int | str) -> str | None:
    kind = type(parameters)
    if isinstance(key, str):
        value = parameters.get(key) if kind is dict else None
    else:
        value = parameters[key] if kind in {tuple, list} and key < len(parameters) else None
    return str(value) if type(value) in {bool, int} else plain_text(value)
