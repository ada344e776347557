"""What a table of users tells of whoever is at work: the names in the row that was read by the user's own id.

A session has a number, and the row of ``users`` with this number has the names by which others know its bearer.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.credential_fields import is_password
from isolation_audit.content.questions import compared_in, is_people, statement_of, unquoted
from isolation_audit.model.user_names import is_login_name, names_in_context, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.model.inputs import Input
    from isolation_audit.model.user_names import Name

_opaque: Final = pattern(r"(?:[A-Za-z]+[:/|#])?(\d+|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})")
"""Ids that say nothing: numbers and UUIDs, also with a word in front that says of what they are (``User:7``)."""

_users: Final = pattern(r"(?i)(?:\w+_)?users?")
_IDS: Final = ("id", "pk", "uid", "uuid", "user_id")
_ROWS: Final = frozenset(map(id, (tuple, dict, sqlite3.Row)))
_KEYS: Final = frozenset(map(id, (int, str, UUID)))
_NAMES: Final = ("username", "user_name", "login", "email")

_selected: Final = pattern(r"(?is)\s*select\s+(?:distinct\s+)?(.*?)\sfrom\s(.*)")
_tables: Final = pattern(
    r"(?is)(?:^|\bjoin\s|,)\s*([\w\"`.\[\]]+)"
    r"(?:\s+(?:as\s+)?(?!(?:where|join|left|right|inner|outer|cross|full|natural|on|using|order|group|limit|for)\b)"
    r"([\w\"`\[\]]+))?"
)
_compared: Final = pattern(r"([\w\"`\[\]]+\.[\w\"`\[\]]+)\s*=\s*([\w\"`\[\]]+\.[\w\"`\[\]]+)")
_column: Final = pattern(r"(?is)\s*(?:([\w\"`\[\]]+)\s*\.\s*)?([\w\"`\[\]]+|\*)(?:\s+(?:as\s+)?[\w\"`\[\]]+)?\s*")


def names_in_row(one: Input, user_id: str) -> Name | None:
    """The other names of a user, where a question by this opaque id has brought the user's own row; else None."""
    opaque = _opaque.fullmatch(user_id)
    if opaque is None:
        return None
    row = _only_row(one.value)
    statement, _given = statement_of(one)
    parts = None if row is None else _selected.match(statement)
    if parts is None:
        return None
    tables = {_bare(alias or name): _bare(name) for name, alias in _tables.findall(parts[2])}
    table = next(
        (
            found
            for column, value in compared_in(one)
            if _is_same(value, opaque[1]) and (found := _table_of_id(column, tables)) is not None
        ),
        None,
    )
    if table is None:
        return None
    joined = [name for name in _joined(parts[2], table, tables) if _users.fullmatch(tables[name]) is not None]
    fields = {name: value for one in (*joined, table) for name, value in _fields(row, parts[1], one, tables, table)}
    if _users.fullmatch(tables[table]) is None and not any(is_password(name) for name in fields):
        return None
    held = {name: fields[name] for name in _NAMES if plain_id(fields.get(name)) is not None}
    name = plain_id(fields.get("name"))
    if not held and name is not None and is_login_name(name):
        held["username"] = name
    return names_in_context({**held, "user_id": user_id}, user_id)


def _only_row(value: Any) -> Any:
    """The row of an answer that has one; None for another answer."""
    while type(value) is list:
        if len(value) != 1:
            return None
        value = value[0]
    return value if id(type(value)) in _ROWS else None


def _table_of_id(column: str, tables: dict[str, str]) -> str | None:
    """The table of people whose key a column is, by what the statement calls it."""
    *qualified, name = _bare(column, whole=True).split(".")
    if name not in _IDS:
        return None
    called = qualified[-1] if qualified else next(iter(tables)) if len(tables) == 1 else ""
    return called if is_people(tables.get(called, "")) else None


def _joined(tables_and_conditions: str, table: str, tables: dict[str, str]) -> list[str]:
    """The tables whose rows belong to one row of ``table``: ``JOIN local_user ON user.id = local_user.user_id``."""
    found: dict[str, None] = {}
    for sides in _compared.findall(tables_and_conditions):
        for one, other in (sides, sides[::-1]):
            (of, key), (belongs, by) = (_bare(side, whole=True).split(".")[-2:] for side in (one, other))
            if of == table and key in _IDS and by == "user_id" and belongs in tables and belongs != table:
                found[belongs] = None
    return list(found)


def _fields(row: Any, selected: str, table: str, tables: dict[str, str], unqualified: str) -> Iterator[tuple[str, Any]]:
    """The columns of this table in a row, with their values; columns that name no table are ``unqualified``'s."""
    columns = [_column.fullmatch(text) for text in _split(selected)]
    if any(found is not None and found[2] == "*" for found in columns):
        if len(tables) == 1 and type(row) is not tuple:  # else nobody says what is in which place
            names = list(row) if type(row) is dict else row.keys()
            yield from ((name.lower(), row[name]) for name in names if type(name) is str)
        return
    values = [*dict.values(row)] if type(row) is dict else [*row]
    if len(values) == len(columns):
        for found, value in zip(columns, values, strict=True):
            if found is not None and _bare(found[1] or unqualified) == table:
                yield _bare(found[2]), value


def _split(selected: str) -> list[str]:
    """What is selected, column by column; commas in brackets part nothing."""
    parts, depth = [""], 0
    for part in re.split(r"([(),])", selected):
        depth += (part == "(") - (part == ")")
        if part == "," and not depth:
            parts.append("")
        else:
            parts[-1] += part
    return parts


def _bare(name: str, *, whole: bool = False) -> str:
    """A name without what quotes it, in small letters; of a table without its schema, but where ``whole``."""
    plain = unquoted(name).lower()
    return plain if whole else plain.rpartition(".")[2]


def _is_same(value: Any, key: str) -> bool:
    return id(type(value)) in _KEYS and str(value).replace("-", "") == key.replace("-", "")
