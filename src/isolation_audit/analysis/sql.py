"""The words of SQL: where literals, quoted names and comments are, and so where one statement ends and the next begins.

No grammar, and no keywords: what reads a statement looks at its *shape*, which has the same length as its text. There a
comment is blank, a literal has nothing inside, and a quoted name has nothing but letters, digits and underscores. So
what is written in a literal is never taken for SQL, and what is found in the shape can be cut out of the text.

After the lexical chapters of the manuals: PostgreSQL's 4.1, MySQL's 11.1 to 11.7, "SQL Language Expressions" of SQLite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from isolation_audit.analysis.patterns import pattern


class Dialect(Enum):
    """Whose words."""

    POSTGRESQL = "postgresql"
    """Comments lie in one another; ``E'...'`` has backslashes, ``'...'`` has none; ``$tag$...$tag$``."""
    MYSQL = "mysql"
    """MariaDB's, too: backslashes in all literals, ``"..."`` is one; names in backticks; ``#``; ``/*! run */``."""
    SQLITE = "sqlite"
    """Names in double quotes, backticks and brackets."""


FILL: Final = "\0"
"""What a shape has inside of literals, and for the odd signs in quoted names."""

KEPT: Final = 1_000
"""Texts whose statements are remembered, if they are no longer than ``LONGEST``."""
LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement, or what is left of it after a part of it."""

    text: str
    """As it is written, but for its comments, which are blank."""
    shape: str
    before: str
    """The shape of all that stands before it in the same text: parameters are counted from there."""

    def cut(self, start: int, end: int) -> Clause:
        """A part of it."""
        return Clause(self.text[start:end], self.shape[start:end], self.before + self.shape[:start])


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement."""

    whole: Clause
    word: str
    """Its first word, in small letters; empty where it begins with something else."""
    rest: Clause
    """What follows the word, without the space around it."""


def statements(source: str, dialect: Dialect) -> tuple[Statement, ...]:
    """The statements in ``source``, without the empty ones; a text that is met again is not read again."""
    key = source, dialect
    known = _known.get(key)
    if known is None:
        known = (*map(_statement, _Reading(source, dialect).clauses),)
        if len(source) <= LONGEST:
            if len(_known) >= KEPT:
                _known.clear()
            _known[key] = known
    return known


_known: Final[dict[tuple[str, Dialect], tuple[Statement, ...]]] = {}

_DOUBLE: Final = r'"(?:[^"]++|"")*+"?'
_BACKTICKS: Final = r"`(?:[^`]++|``)*+`?"
_PLAIN: Final = r"'(?:[^']++|'')*+'?"
_ESCAPED: Final = r"'(?:[^'\\]++|\\.|'')*+'?"

_SIGNS: Final = {
    Dialect.POSTGRESQL: {
        "-": ("comment", r"--[^\n]*+"),
        "/": ("nested", r"/\*"),
        '"': ("name", _DOUBLE),
        "'": ("literal", rf"(?<=[eE])(?<![\w$][eE]){_ESCAPED}|{_PLAIN}"),
        "$": ("literal", r"(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*+)?)\$.*?(?:\$(?P=tag)\$|\Z)"),
        ";": ("end", ";"),
    },
    Dialect.MYSQL: {
        "-": ("comment", r"--(?=[\s\x00-\x1f]|\Z)[^\n]*+"),
        "#": ("comment", r"\#[^\n]*+"),
        "/": ("comment", r"/\*(?!M?!).*?(?:\*/|\Z)|/\*M?!\d*+"),
        "*": ("comment", r"\*/"),
        "`": ("name", _BACKTICKS),
        "'": ("literal", _ESCAPED),
        '"': ("literal", r'"(?:[^"\\]++|\\.|"")*+"?'),
        ";": ("end", ";"),
    },
    Dialect.SQLITE: {
        "-": ("comment", r"--[^\n]*+"),
        "/": ("comment", r"/\*.*?(?:\*/|\Z)"),
        '"': ("name", _DOUBLE),
        "`": ("name", _BACKTICKS),
        "[": ("name", r"\[[^\]]*+\]?"),
        "'": ("literal", _PLAIN),
        ";": ("end", ";"),
    },
}
"""What may begin with a sign, and how it goes on. Of ``/*! run */`` only the marks are a comment."""
_signs: Final = {dialect: pattern("[" + re.escape("".join(signs)) + "]") for dialect, signs in _SIGNS.items()}
_tokens: Final = {
    dialect: {sign: (kind, pattern(text, re.DOTALL)) for sign, (kind, text) in signs.items()}
    for dialect, signs in _SIGNS.items()
}
_comment_ends: Final = pattern(r"/\*|\*/")
_odd_signs: Final = pattern(r"[^\w$]")
_first_word: Final = pattern(r"\s*([a-zA-Z]*)\s*")
_has_body: Final = pattern(
    r"\s*create\b.*?\b(?:procedure|function|trigger|event)\b.*\bbegin\b", re.IGNORECASE | re.DOTALL
)
"""A routine's statements are run when it is called."""


def _statement(whole: Clause) -> Statement:
    first = _first_word.match(whole.shape)
    word, start = ("", 0) if first is None else (first[1].lower(), first.end())
    return Statement(whole, word, whole.cut(start, max(start, len(whole.shape.rstrip()))))


class _Reading:
    """One text."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        self.clauses: list[Clause] = []
        self._source = source
        self._text: list[str] = []
        self._shape: list[str] = []
        self._before = ""
        signs, tokens = _signs[dialect].search, _tokens[dialect]
        done = position = 0
        while (sign := signs(source, position)) is not None:
            kind, of_kind = tokens[sign[0]]
            start, token = sign.start(), of_kind.match(source, sign.start())
            if token is None:
                position = start + 1
                continue
            self._add(source[done:start], source[done:start])
            done = position = self._take(kind, token)
        self._add(source[done:], source[done:])
        self._end(last=True)

    def _take(self, kind: str, match: re.Match[str]) -> int:
        """Take up what stands there; where it ends."""
        token, end = match[0], match.end()
        if kind == "end":
            self._end()
        elif kind == "name":
            self._add(token, _shape_of_name(token))
        elif kind == "literal":
            self._add(token, _shape_of_literal(token))
        else:
            if kind == "nested":
                end = _after_comment(self._source, match.start())
            blank = " " * (end - match.start())
            self._add(blank, blank)
        return end

    def _add(self, text: str, shape: str) -> None:
        self._text.append(text)
        self._shape.append(shape)

    def _end(self, *, last: bool = False) -> None:
        shape = "".join(self._shape)
        if not last and _has_body.match(shape) is not None:
            self._add(";", ";")
            return
        if shape.strip():
            self.clauses.append(Clause("".join(self._text), shape, self._before))
        self._before += shape + ";"
        self._text.clear()
        self._shape.clear()


def _after_comment(source: str, start: int) -> int:
    """Where a comment ends in which others may lie."""
    depth, end = 0, start
    while (match := _comment_ends.search(source, end)) is not None:
        depth += 1 if match[0] == "/*" else -1
        end = match.end()
        if depth == 0:
            return end
    return len(source)


def _shape_of_name(token: str) -> str:
    """In double quotes, whichever it has."""
    closed = len(token) > 1 and token[-1] in '"`]'
    return '"' + _odd_signs.sub(FILL, token[1:-1] if closed else token[1:]) + ('"' if closed else "")


def _shape_of_literal(token: str) -> str:
    """In single quotes, whatever it has."""
    size = len(token)
    closed = size > 1 and token[-1] in "'\"$"
    return "'" if size == 1 else "'" + FILL * (size - 2) + ("'" if closed else FILL)
