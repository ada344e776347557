"""Where statements of SQL begin and end, and what of them is SQL at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.analysis import sql
from isolation_audit.analysis.sql import FILL, Clause, Dialect, statements

POSTGRESQL, MYSQL, SQLITE = Dialect.POSTGRESQL, Dialect.MYSQL, Dialect.SQLITE
EVERY = (POSTGRESQL, MYSQL, SQLITE)


def clauses(source: str, dialect: Dialect) -> list[Clause]:
    return [one.whole for one in statements(source, dialect)]


def texts(source: str, dialect: Dialect) -> list[str]:
    return [one.text.strip() for one in clauses(source, dialect)]


@pytest.mark.parametrize(
    ("source", "dialects", "expected"),
    [
        ("SELECT 1; SELECT 2;", EVERY, ["SELECT 1", "SELECT 2"]),
        (" ;; ", EVERY, []),
        ("insert into t values ('todo; set role admin')", EVERY, ["insert into t values ('todo; set role admin')"]),
        ("SELECT 1 -- ; SET ROLE admin", EVERY, ["SELECT 1"]),
        ("SELECT 1 -- ; SET ROLE a\n; SET ROLE b", EVERY, ["SELECT 1", "SET ROLE b"]),
        ("SELECT 1 /* ; SET ROLE admin */ + 1", EVERY, ["SELECT 1 " + " " * 22 + " + 1"]),
        ("SELECT 'it''s; x'; SELECT 2", EVERY, ["SELECT 'it''s; x'", "SELECT 2"]),
        ("SELECT 1 /* ; /* ; */ ; */ ; SELECT 2", (POSTGRESQL,), ["SELECT 1", "SELECT 2"]),
        ("SELECT 1 /* /* */ ; SELECT 2", (MYSQL, SQLITE), ["SELECT 1", "SELECT 2"]),
        ("SELECT 1 /* /* */ ; SELECT 2", (POSTGRESQL,), ["SELECT 1"]),
        ("SELECT $$; SET ROLE a$$; SELECT 2", (POSTGRESQL,), ["SELECT $$; SET ROLE a$$", "SELECT 2"]),
        ("DO $x$ $$;$$ $y$ ; $x$; SELECT 2", (POSTGRESQL,), ["DO $x$ $$;$$ $y$ ; $x$", "SELECT 2"]),
        ("SELECT $1, $2; SELECT a$b$c; SELECT 3", (POSTGRESQL,), ["SELECT $1, $2", "SELECT a$b$c", "SELECT 3"]),
        (r"SELECT E'\'; SET ROLE a'; SELECT 2", (POSTGRESQL,), [r"SELECT E'\'; SET ROLE a'", "SELECT 2"]),
        (r"SELECT '\'; SELECT 2", (POSTGRESQL, SQLITE), [r"SELECT '\'", "SELECT 2"]),
        (r"SELECT '\'; SET ROLE a'; SELECT 2", (MYSQL,), [r"SELECT '\'; SET ROLE a'", "SELECT 2"]),
        (r"SELECT '\\'; SELECT 2", EVERY, [r"SELECT '\\'", "SELECT 2"]),
        (r'SELECT "\"; x"; SELECT 2', (MYSQL,), [r'SELECT "\"; x"', "SELECT 2"]),
        ('SELECT "a;""b"; SELECT 2', EVERY, ['SELECT "a;""b"', "SELECT 2"]),
        ("SELECT `a;``b`; SELECT 2", (MYSQL, SQLITE), ["SELECT `a;``b`", "SELECT 2"]),
        ("SELECT [a;'b]; SELECT 2", (SQLITE,), ["SELECT [a;'b]", "SELECT 2"]),
        ("SELECT a[1]; SELECT 2", (POSTGRESQL,), ["SELECT a[1]", "SELECT 2"]),
        ("SELECT 1 # ; '\n; SELECT 2", (MYSQL,), ["SELECT 1", "SELECT 2"]),
        ("SELECT a #> b; SELECT 2", (POSTGRESQL,), ["SELECT a #> b", "SELECT 2"]),
        ("SELECT 5--1; SELECT 2", (MYSQL,), ["SELECT 5--1", "SELECT 2"]),
        ("SELECT 5--1; SELECT 2", (POSTGRESQL, SQLITE), ["SELECT 5"]),
        ("/*!40101 SET ROLE a */; SELECT 2", (MYSQL,), ["SET ROLE a", "SELECT 2"]),
        ("/*M!100100 SET ROLE a; */ SELECT 2", (MYSQL,), ["SET ROLE a", "SELECT 2"]),
        ("/*+ ; */ SELECT 2", EVERY, ["SELECT 2"]),
        ("SELECT 'never closed; SELECT 2", EVERY, ["SELECT 'never closed; SELECT 2"]),
        ("SELECT 1 /* never closed; SELECT 2", EVERY, ["SELECT 1"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN DELETE FROM y; DELETE FROM z; END; SELECT 2",
            EVERY,
            ["CREATE TRIGGER t AFTER INSERT ON x BEGIN DELETE FROM y; DELETE FROM z; END; SELECT 2"],
        ),
        ("BEGIN; CREATE TABLE f (x); COMMIT", EVERY, ["BEGIN", "CREATE TABLE f (x)", "COMMIT"]),
    ],
)
def test_statements(source: str, dialects: tuple[Dialect, ...], expected: list[str]) -> None:
    for dialect in dialects:
        assert texts(source, dialect) == expected


@pytest.mark.parametrize(
    ("source", "dialect", "shape"),
    [
        ("SELECT 'set role a', \"from cart\"", POSTGRESQL, "SELECT '__________', \"from_cart\""),
        ("SELECT $a$x$a$, E'\\'', ''", POSTGRESQL, "SELECT '_____', E'__', ''"),
        ("SELECT \"a;b\", `c d`", MYSQL, "SELECT '___', \"c_d\""),
        ("SELECT [a b], `c`", SQLITE, 'SELECT "a_b", "c"'),
        ("SELECT '", SQLITE, "SELECT '"),
        ("SELECT 'a /* b", SQLITE, "SELECT '______"),
    ],
)  # fmt: skip
def test_shapes(source: str, dialect: Dialect, shape: str) -> None:
    (clause,) = clauses(source, dialect)
    assert clause.shape.replace(FILL, "_") == shape


def test_a_part_of_a_statement_and_what_was_before() -> None:
    first, second = statements("SELECT %s; SET a = '%s', b = %s ", POSTGRESQL)
    assert (first.word, first.whole.before) == ("select", "")
    assert (second.word, second.whole.before) == ("set", "SELECT %s;")
    rest = second.rest
    assert rest.text == "a = '%s', b = %s"
    assert rest.before == "SELECT %s; SET "
    assert (rest.before + rest.shape).count("%s") == 2


def test_what_is_remembered_is_bounded() -> None:
    for number in range(sql.KEPT + 5):
        statements(f"SELECT {number}", SQLITE)
    assert len(sql._known) <= sql.KEPT
    assert statements("SELECT 5", SQLITE) is statements("SELECT 5", SQLITE)
    long = "SELECT " + "1" * sql.LONGEST
    assert statements(long, SQLITE) == statements(long, SQLITE)
    assert (long, SQLITE) not in sql._known


_PIECES = [
    "'",
    "''",
    '"',
    "`",
    "[",
    "]",
    ";",
    "--",
    "\n",
    "/*",
    "*/",
    "/*!",
    "#",
    "\\",
    "$$",
    "$a$",
    "E'",
    "$1",
    "x",
    " ",
]
SOURCES = st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=3)), max_size=20).map("".join)


@given(SOURCES, st.sampled_from(EVERY))
def test_nothing_is_lost_and_nothing_is_made_up(source: str, dialect: Dialect) -> None:
    for one in clauses(source, dialect):
        assert len(one.text) == len(one.shape)
        assert one.shape.strip()
        start = len(one.before)
        written = source[start : start + len(one.text)]
        assert all(made in (" ", was) for made, was in zip(one.text, written, strict=True))


@given(st.text(alphabet="ab;-#/*\\ \n$%", max_size=12), st.sampled_from(EVERY))
def test_what_is_in_a_literal_is_never_sql(inside: str, dialect: Dialect) -> None:
    quoted = inside.replace("\\", "\\\\") if dialect is MYSQL else inside
    first, _second = clauses(f"SELECT '{quoted}'; SELECT 2", dialect)
    assert first.text == f"SELECT '{quoted}'"
    assert first.shape == f"SELECT '{FILL * len(quoted)}'"
