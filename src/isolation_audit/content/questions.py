"""What statements ask for: the columns with which they compare their parameters.

``WHERE "policy"."holder_id" = %s`` with 7 asks for what belongs to holder number 7. Other numbers are anything's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.model.inputs import Input

LONGEST: Final = 20_000
"""Characters of the longest statement that is looked at."""

_STATEMENTS: Final[dict[Callable[[Any], Any], Callable[[Any], tuple[Any, Any]]]] = {}

PLACEHOLDERS: Final = pattern(
    r"(?:([\w\"`.\[\]]+)\s*=\s*)?(?:\?|%s|%\((?P<percent>\w+)\)s|(?<![:\w]):(?P<colon>[A-Za-z_]\w*)"
    r"|\$(?P<number>[1-9]\d{0,4}))"
)

GIVEN: Final = frozenset(map(id, (tuple, list, dict)))
"""Identities of the classes of what drivers take as a statement's parameters, and as one row of them."""

_quotes: Final = pattern(r"[\"`\[\]]")

_is_person: Final = pattern(
    r"(?:.*_)?(?:account|author|buyer|client|creator|customer|employee|holder|member|owner|patient|person|profile|seller"
    r"|sender|student|subscriber|user)(?:_?(?:id|pk|no|number))?|created_by(?:_id)?",
    re.IGNORECASE,
)
_is_people: Final = pattern(
    r"(?:.*_)?(?:accounts?|customers?|employees?|members?|owners?|patients?|people|persons?|students?|users?)",
    re.IGNORECASE,
)


def with_statement(
    statement: Callable[[Any], tuple[Any, Any]],
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Mark what makes texts of a question: ``statement`` gives its statement, and the parameters of that."""

    def mark(asked: Callable[[Any], Any]) -> Callable[[Any], Any]:
        _STATEMENTS[asked] = statement
        return asked

    return mark


class OfUser(NamedTuple):
    """A statement in a database that is kept for one user, as the name of its file says; ``own`` is the reader's."""

    statement: Any
    given: Any
    user: str
    own: str | None


@with_statement(lambda asked: asked[:2])
def of_statement(asked: tuple[Any, ...]) -> Any:
    """The parameters of a statement that is kept with them, and for whom the database is."""
    return [asked[1], asked.user] if type(asked) is OfUser else asked[1]


def statement_of(one: Input) -> tuple[str, Any]:
    """The statement behind an input, and its parameters; nothing where that is no statement, or too long."""
    statement = _STATEMENTS.get(one.asked)
    text, given = ("", None) if statement is None or one.question is None else statement(one.question)
    if type(text) is not str or len(text) > LONGEST or id(type(given)) not in GIVEN:
        return "", None
    if type(given) is list and given and (type(given[0]) is tuple or type(given[0]) is dict):
        given = given[0]  # as SQLAlchemy keeps those of one statement
    return text, given


def compared_in(one: Input) -> Iterator[tuple[str, Any]]:
    """The columns of a statement that are compared with parameters, as they are written, and these."""
    text, given = statement_of(one)
    if not given:
        return
    for place, found in enumerate(PLACEHOLDERS.finditer(text)):
        value = parameter_of(found, place, given)
        if value is not None and found[1]:
            yield found[1], value


def parameter_of(placeholder: re.Match[str], place: int, given: Any) -> Any:
    """The parameter that stands for a placeholder, by its name, its number or its place; None where there is none."""
    if placeholder["number"]:
        place = int(placeholder["number"]) - 1
    if type(given) is dict:
        name = placeholder["percent"] or placeholder["colon"]
        return given.get(name) if name else None
    return given[place] if (type(given) is tuple or type(given) is list) and place < len(given) else None


def unquoted(name: str) -> str:
    """The name of a column or of a table, with what it is qualified with, without what quotes it."""
    return _quotes.sub("", name)


def persons_asked_for(one: Input) -> Iterator[Any]:
    """The parameters of a statement that are compared with whoever something belongs to."""
    return (value for column, value in compared_in(one) if names_person(column))


def is_people(table: str) -> bool:
    """True for the name of a table with a row for each person."""
    return _is_people.fullmatch(table) is not None


def names_person(column: str) -> bool:
    """True for a column that says whose a row is."""
    *table, name = unquoted(column).split(".")
    if name.lower() in ("id", "pk"):
        return bool(table) and is_people(table[-1])
    return _is_person.fullmatch(name) is not None
