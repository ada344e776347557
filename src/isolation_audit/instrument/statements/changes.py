"""SQL statements, as far as they change what a database session keeps: settings, the role, temporary tables, locks.

What all databases have in common; ``postgresql`` and ``mysql`` beside it have the rest. It knows no grammar
of SQL: the first word decides whether there is anything to read. Patterns are searched for in a statement's shape, in
which literals, quoted names and comments hold nothing that could be taken for SQL. A statement that can't be understood
counts as one that leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.analysis.sql import FILL, Clause, Dialect, Statement
from isolation_audit.analysis.sql import statements as read
from isolation_audit.foundation.records import dataclass
from isolation_audit.model.users import plain_text

ROLE: Final = "role"
"""The name of the role among the settings; where it is the session's own user, too."""

DATABASE: Final = "the database"
"""The name among the settings of the database whose tables need no prefix, where a statement can change it."""


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
    LOCK = "lock"
    """A lock that the session holds beyond the transaction; its name is its key."""
    TRY = "try"
    """The same, if the statement's answer says so."""
    UNLOCK = "unlock"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Change:
    """One change; ``value`` is what a setting is set to, as text; ``lasting`` where no rollback takes it back."""

    act: Act
    name: str = ""
    value: str = ""
    lasting: bool = False


Reader = Callable[[Clause, Any], Iterator[Change]]
"""Takes a statement without its first word, and the parameters: a mapping or a sequence of values."""

Readers = Mapping[str, Reader]
"""A reader for each first word that counts."""


@dataclass(frozen=True, slots=True)
class Language:
    """What a kind of databases speaks."""

    dialect: Dialect
    readers: Readers

    def statements(self, text: str) -> tuple[Statement, ...]:
        """The statements in a text."""
        return read(text, self.dialect)


FLAGS: Final = re.IGNORECASE | re.DOTALL
LITERAL: Final = rf"'{FILL}*'"
"""In a shape, as are the following."""
NAME: Final = rf'"?[\w${FILL}]+"?(?:\s*\.\s*"?[\w${FILL}]+"?)*'
PLACEHOLDER: Final = r"%\(\w+\)s|%s|\$\d+|(?<!:):\w+|\?"
"""A parameter, in any of the styles of Python's drivers."""

_into: Final = pattern(rf"(?:(?:or\s+\w+|ignore|low_priority|high_priority)\s+)*(?:into\s+)?({NAME})", FLAGS)
_from: Final = pattern(rf"from\s+(?:only\s+)?({NAME})", FLAGS)
_tables: Final = pattern(
    r"(?:temporary\s+)?(?:table\s+)?(?:if\s+exists\s+)?(?:only\s+)?(.+?)(?:\s+(?:cascade|restrict))?", FLAGS
)
_numbered: Final = pattern(r"\$(\d+)")
_named: Final = pattern(r"%\((\w+)\)s|:(\w+)")
_text_or_placeholder: Final = pattern(rf"{LITERAL}|{PLACEHOLDER}")
_dollars: Final = pattern(r"\$\w*\$(.*)\$\w*\$", FLAGS)
_blank_or_cast: Final = pattern(r"\s*::\s*\w+|\s+")
_works_with_data: Final = pattern(r"\b(?:from|into|update|call|current_setting)\b", FLAGS)
_unqualified: Final = pattern(rf'\b(?:from|join|into|update)\s+"?[\w${FILL}]++"?+(?!\s*\.)', FLAGS)

_OF_ROWS: Final = frozenset({"select", "with", "insert", "update", "delete"})
_says_more: Final = pattern(r"set_config|advisory|lock|@", FLAGS)
"""What is called, or set, in the middle of such a statement, and is beyond it."""

_YES: Final = (True, "t", "1", b"t", b"1", b"\x01")
"""What drivers give for a lock that was obtained; 1 is equal to True."""


def changes(statements: tuple[Statement, ...], parameters: Any, language: Language) -> list[Change]:
    """What they change once they have succeeded; ``parameters`` is a mapping or a sequence of their values."""
    found: list[Change] = []
    for one in statements:
        reader = language.readers.get(one.word)
        if reader is not None:
            found += reader(one.rest, parameters)
    return found


def leaves_nothing(statements: tuple[Statement, ...]) -> bool:
    """True for statements that read and write rows and do nothing else, whatever their parameters are."""
    return all(one.word in _OF_ROWS and _says_more.search(one.whole.shape) is None for one in statements)


def granted(done: list[Change], answer: Callable[[], Any]) -> list[Change]:
    """The same, where of the locks that were tried for only those are left that ``answer()`` says were obtained.

    That is the first value of the statement's result, or None where nobody can tell.
    """
    tried = [change for change in done if change.act is Act.TRY]
    if not tried:
        return done
    # One answer, one lock.
    obtained = [Change(Act.LOCK, tried[0].name)] if len(tried) == 1 and _told(answer) in _YES else []
    return [change for change in done if change.act is not Act.TRY] + obtained


def _told(answer: Callable[[], Any]) -> Any:
    # Rows are whatever a driver makes of them, and faults here would end the watching for good.
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        return answer()
    return None


def works_with_data(statement: Statement) -> bool:
    """True where a statement reads or writes rows."""
    return _works_with_data.search(statement.whole.shape) is not None


def depends(statement: Statement, setting: str) -> bool:
    """True where what a statement does may depend on a setting."""
    shape = statement.whole.shape
    if setting == DATABASE:
        return _unqualified.search(shape) is not None
    return works_with_data(statement) or (setting.startswith("@") and setting in shape.lower())


def reads(statement: Statement, table: str) -> bool:
    """True where a statement takes rows out of this temporary table."""
    name = rf'(?:"?(?:pg_)?temp"?\s*\.\s*)?"?{re.escape(table)}"?(?![\w$."{FILL}])'
    return re.search(rf"\b(?:from|join)\s+(?:only\s+)?{name}", statement.whole.shape, FLAGS) is not None


def _of_insert(rest: Clause, _parameters: Any) -> Iterator[Change]:
    into = _into.match(rest.shape)
    if into is not None:
        yield Change(Act.FILL, table(into[1]))


def _of_delete(rest: Clause, _parameters: Any) -> Iterator[Change]:
    emptied = _from.match(rest.shape)
    if emptied is not None:
        yield Change(Act.EMPTY, table(emptied[1]))


def _of_truncate(rest: Clause, _parameters: Any) -> Iterator[Change]:
    return _of_each(Act.EMPTY, rest)


def _of_drop(rest: Clause, _parameters: Any) -> Iterator[Change]:
    return _of_each(Act.DROP, rest)


def _of_each(act: Act, rest: Clause) -> Iterator[Change]:
    listed = _tables.fullmatch(rest.shape)
    for one in () if listed is None else listed[1].split(","):
        yield Change(act, table(one))


def _of_rollback(_rest: Clause, _parameters: Any) -> Iterator[Change]:
    yield Change(Act.ROLL_BACK)


COMMON: Final[Readers] = {
    "insert": _of_insert,
    "delete": _of_delete,
    "truncate": _of_truncate,
    "drop": _of_drop,
    "rollback": _of_rollback,
}


def plain_name(text: str) -> str:
    """A name as it is compared: without its quotes, in small letters; from a shape, or as it is written."""
    return re.sub(r'[\s"`\[\]]', "", text).lower()


def table(text: str) -> str:
    """The name of a table; without its schema where that is the one of temporary tables."""
    return re.sub(r"^(?:pg_)?temp\.", "", plain_name(text))


def literal(text: str) -> str:
    """What is written out, without its quotes."""
    text = text.strip()
    dollars = _dollars.fullmatch(text)
    return dollars[1] if dollars is not None else text.strip("'\"")


def value(statement: Clause, span: tuple[int, int], parameters: Any) -> str | None:
    """What stands there in a statement, as text: written out, or among the parameters; None for what is not."""
    start, end = span
    shape = statement.shape[start:end].strip()
    if shape in {"%s", "?"}:
        return _parameter(parameters, statement.before.count(shape) + statement.shape.count(shape, 0, start))
    if numbered := _numbered.fullmatch(shape):
        return _parameter(parameters, int(numbered[1]) - 1)
    if named := _named.fullmatch(shape):
        return _parameter(parameters, named[1] or named[2])
    return literal(statement.text[start:end])


def key(statement: Clause, span: tuple[int, int], parameters: Any) -> str:
    """The arguments of a function that locks, by which the lock is known again; empty where nobody can tell."""
    # What is taken from rows is another one for each.
    if _works_with_data.search(statement.shape) is not None:
        return ""
    parts, (start, stop) = [], span
    shape, end = statement.shape[start:stop], 0
    for match in _text_or_placeholder.finditer(shape):
        found = value(statement, (start + match.start(), start + match.end()), parameters)
        if found is None:
            return ""
        parts += [_blank_or_cast.sub("", shape[end : match.start()]), found]
        end = match.end()
    return "".join([*parts, _blank_or_cast.sub("", shape[end:])])


def _parameter(parameters: Any, place: int | str) -> str | None:
    kind = type(parameters)
    if isinstance(place, str):
        found = parameters.get(place) if kind is dict else None
    else:
        found = parameters[place] if (kind is tuple or kind is list) and place < len(parameters) else None
    return str(found) if type(found) is bool or type(found) is int else plain_text(found)
