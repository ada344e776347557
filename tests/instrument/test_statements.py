"""Statements of SQL are read as far as they change what a database session keeps; no text makes that raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.instrument.statements import changes as of_sessions
from isolation_audit.instrument.statements.changes import DATABASE, ROLE, Act, Change, Language, granted
from isolation_audit.instrument.statements.mysql import MYSQL
from isolation_audit.instrument.statements.postgresql import POSTGRESQL, SQLITE

EVERYTHING = Change(Act.UNSET)
"""All settings but the role."""


def changes(text: str, parameters: Any, language: Language) -> list[Change]:
    return of_sessions.changes(language.statements(text), parameters, language)


def depends(text: str, setting: str) -> bool:
    return any(of_sessions.depends(one, setting) for one in MYSQL.statements(text))


def reads(text: str, table: str) -> bool:
    return any(of_sessions.reads(one, table) for one in SQLITE.statements(text))


def works_with_data(text: str) -> bool:
    return any(map(of_sessions.works_with_data, POSTGRESQL.statements(text)))


@pytest.mark.parametrize(
    ("statement", "parameters", "change"),
    [
        ("set App.User_Id = 'Alice'", None, Change(Act.SET, "app.user_id", "Alice")),
        ('SET "app"."user_id" TO alice', None, Change(Act.SET, "app.user_id", "alice")),
        ("SET LOCAL app.user_id = 'alice'", None, Change(Act.UNSET, "app.user_id")),
        ("SET SESSION ROLE web", None, Change(Act.SET, ROLE, "web")),
        ("SET LOCAL ROLE web", None, Change(Act.UNSET, ROLE)),
        ("RESET SESSION AUTHORIZATION", None, Change(Act.UNSET, ROLE)),
        ("SET app.user_id = %s", ("alice",), Change(Act.SET, "app.user_id", "alice")),
        ("SET app.user_id = %(user)s", {"user": object()}, Change(Act.UNSET, "app.user_id")),
        ("SELECT pg_advisory_lock(1, 2)", None, Change(Act.LOCK, "1,2")),
        ("SELECT pg_advisory_lock_shared(%s::bigint)", (7,), Change(Act.LOCK, "7")),
        ("SELECT PG_TRY_ADVISORY_LOCK(hashtext('job:7'))", None, Change(Act.TRY, "hashtext(job:7)")),
        ("SELECT pg_advisory_unlock($1)", (7,), Change(Act.UNLOCK, "7")),
        ("SELECT pg_advisory_unlock_all()", None, Change(Act.UNLOCK)),
        ("SELECT pg_advisory_unlock(id) FROM held", None, Change(Act.UNLOCK)),
        ("DISCARD TEMP", None, Change(Act.DROP)),
        ("select set_config('app.user_id', %s, %s)", ("alice", False), Change(Act.SET, "app.user_id", "alice")),
        ("select 1, set_config($2, $1, false)", ["7", "app.user_id"], Change(Act.SET, "app.user_id", "7")),
        ("select set_config(%(a)s::VARCHAR, %(b)s, false)", {"a": "x.y", "b": 7}, Change(Act.SET, "x.y", "7")),
        ("with x as (select 1) select set_config('a.b', 'c', true)", None, Change(Act.UNSET, "a.b")),
        ("select set_config(%s, %s, false)", None, EVERYTHING),
        ("select set_config(name, value, false) from settings", {"name": 5}, EVERYTHING),
        ("select set_config('a.b', 'c', false), set_config('a.d', c, false) from x", None, EVERYTHING),
        ("select set_config('app.' || 'x', y, false)", None, EVERYTHING),
        ("\n\tCREATE TEMPORARY TABLE pg_temp.Cart (x)", None, Change(Act.CREATE, "cart")),
        ("INSERT OR REPLACE INTO temp.cart VALUES (1)", None, Change(Act.FILL, "cart")),
        ("INSERT INTO shop.cart VALUES (1)", None, Change(Act.FILL, "shop.cart")),
        ("DELETE FROM ONLY cart WHERE x = 1", None, Change(Act.EMPTY, "cart")),
        ("TRUNCATE TABLE cart CASCADE", None, Change(Act.EMPTY, "cart")),
        ("DROP TABLE IF EXISTS cart", None, Change(Act.DROP, "cart")),
        ("ROLLBACK TO SAVEPOINT x", None, Change(Act.ROLL_BACK)),
    ],
)
def test_one_change(statement: str, parameters: Any, change: Change) -> None:
    assert changes(statement, parameters, POSTGRESQL) == [change]


def test_several_changes() -> None:
    discarded = [EVERYTHING, Change(Act.UNSET, ROLE), Change(Act.UNLOCK), Change(Act.DROP)]
    assert changes("DISCARD ALL", None, POSTGRESQL) == discarded
    assert changes("drop table a, b", None, POSTGRESQL) == [Change(Act.DROP, "a"), Change(Act.DROP, "b")]
    created = [Change(Act.CREATE, "a"), Change(Act.FILL, "a")]
    assert changes("create temp table a as select 1; set role web", None, POSTGRESQL) == [
        *created,
        Change(Act.SET, ROLE, "web"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "",
        ";",
        "SELECT 'SET x = 1'",
        "UPDATE orders SET paid = true",
        "CREATE TABLE cart (x)",
        "CREATE TEMP TABLE cart (x) ON COMMIT DROP",
        "CREATE TEMP VIEW cart AS SELECT 1",
        "SET TRANSACTION READ ONLY",
        "SET TIME ZONE 'UTC'",
        "SETTLE app.x = 1",
        "SELECT pg_advisory_xact_lock(7)",
        "SELECT pg_try_advisory_xact_lock(7)",
        "SELECT pg_advisory_lock(id) FROM jobs",
        "SELECT pg_advisory_lock(%s)",
        "LISTEN news",
        "PREPARE one AS SELECT 1",
    ],
)
def test_no_change(statement: str) -> None:
    assert changes(statement, None, POSTGRESQL) == []


@pytest.mark.parametrize(
    ("statement", "parameters", "change"),
    [
        ("SET @User_Id = 'Alice'", None, Change(Act.SET, "@user_id", "Alice", lasting=True)),
        ("SET @`user_id` := %s", ("alice",), Change(Act.SET, "@user_id", "alice", lasting=True)),
        ("SET @user_id = 7", None, Change(Act.SET, "@user_id", "7", lasting=True)),
        ("SET @user_id = NULL", None, Change(Act.UNSET, "@user_id")),
        ("SET @user_id = %(user)s", {"user": None}, Change(Act.UNSET, "@user_id")),
        ("SET @user_id = 'a, b; c", None, Change(Act.SET, "@user_id", "a, b; c", lasting=True)),
        ("SET SESSION sql_mode = ''", None, Change(Act.SET, "sql_mode", "", lasting=True)),
        ("SET LOCAL wait_timeout = 5", None, Change(Act.SET, "wait_timeout", "5", lasting=True)),
        ("SET @@session.time_zone = 'UTC'", None, Change(Act.SET, "time_zone", "UTC", lasting=True)),
        ("SET sql_mode = DEFAULT", None, Change(Act.UNSET, "sql_mode")),
        ("SET ROLE `reports`", None, Change(Act.SET, ROLE, "reports", lasting=True)),
        ("SET ROLE NONE", None, Change(Act.UNSET, ROLE)),
        ("USE `Alice`", None, Change(Act.SET, DATABASE, "Alice", lasting=True)),
        ("SELECT @user_id := 'alice'", None, Change(Act.SET, "@user_id", "alice", lasting=True)),
        ("SELECT @user_id := name FROM users", None, Change(Act.UNSET, "@user_id")),
        ("SELECT name INTO @user_id FROM users", None, Change(Act.UNSET, "@user_id")),
        ("SELECT GET_LOCK('Job:7', 10)", None, Change(Act.TRY, "Job:7")),
        ("SELECT get_lock(%s, %s)", ("job", 10), Change(Act.TRY, "job")),
        ("SELECT RELEASE_LOCK('job')", None, Change(Act.UNLOCK, "job")),
        ("DO RELEASE_ALL_LOCKS()", None, Change(Act.UNLOCK)),
        ("CREATE TEMPORARY TABLE cart (x INT)", None, Change(Act.CREATE, "cart", lasting=True)),
        ("INSERT IGNORE INTO `cart` VALUES (1)", None, Change(Act.FILL, "cart")),
        ("INSERT cart VALUES (1)", None, Change(Act.FILL, "cart")),
        ("REPLACE INTO cart VALUES (1)", None, Change(Act.FILL, "cart")),
        ("DROP TEMPORARY TABLE IF EXISTS cart", None, Change(Act.DROP, "cart")),
    ],
)
def test_one_change_of_mysql(statement: str, parameters: Any, change: Change) -> None:
    assert changes(statement, parameters, MYSQL) == [change]


def test_several_changes_of_mysql() -> None:
    assert changes("SET @a = CONCAT('x', 'y'), GLOBAL b = 1, @@c = 2, @@global.d = 3, @e = %s", (5,), MYSQL) == [
        Change(Act.SET, "@a", "CONCAT('x", lasting=True),
        Change(Act.SET, "c", "2", lasting=True),
        Change(Act.SET, "@e", "5", lasting=True),
    ]
    assert changes("CREATE OR REPLACE TEMPORARY TABLE a SELECT 1", None, MYSQL) == [
        Change(Act.DROP, "a"),
        Change(Act.CREATE, "a", lasting=True),
        Change(Act.FILL, "a"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "SET NAMES utf8mb4",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET GLOBAL max_connections = 5",
        "SET DEFAULT ROLE reports",
        "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
        "SELECT IS_FREE_LOCK('job')",
        "SELECT * FROM t FOR UPDATE",
        "CREATE TABLE cart (x INT)",
        "RESET QUERY CACHE",
    ],
)
def test_no_change_of_mysql(statement: str) -> None:
    assert changes(statement, None, MYSQL) == []


@pytest.mark.parametrize(("answer", "held"), [(1, True), (True, True), (b"t", True), (0, False), (None, False)])
def test_a_lock_that_was_tried_for(answer: Any, held: bool) -> None:
    done = [Change(Act.TRY, "job"), Change(Act.UNLOCK, "other")]
    assert granted(done, lambda: answer) == [Change(Act.UNLOCK, "other"), *([Change(Act.LOCK, "job")] if held else [])]
    assert granted([*done, Change(Act.TRY, "two")], lambda: answer) == [Change(Act.UNLOCK, "other")]


def test_what_depends_on_a_setting() -> None:
    assert depends("SELECT * FROM orders", DATABASE)
    assert depends("UPDATE `orders` SET paid = 1", DATABASE)
    assert not depends("SELECT * FROM `shop` . `orders`", DATABASE)
    assert depends("SELECT @User_Id", "@user_id")
    assert not depends("SELECT 1", "@user_id")
    assert depends("SELECT * FROM orders", "app.user_id")


def test_reading_and_working() -> None:
    for statement in (
        "SELECT * FROM cart",
        "insert into x select * from temp.cart",
        'select 1 from a join "cart" c on 1',
    ):
        assert reads(statement, "cart")
    for statement in ("SELECT * FROM carts", "SELECT * FROM public.cart", "SELECT cart", "INSERT INTO cart VALUES (1)"):
        assert not reads(statement, "cart")
    assert works_with_data("UPDATE orders SET paid = true")
    assert not works_with_data("SELECT 1")


TODO = "insert into tasks values ('todo; set role admin')"


@pytest.mark.parametrize("language", [POSTGRESQL, SQLITE, MYSQL])
@pytest.mark.parametrize(
    "statement",
    [
        TODO,
        "SELECT 1 -- ; SET ROLE admin",
        "SELECT 1 /* ; SET ROLE admin; */ + 1",
        "UPDATE tasks SET title = '; DROP TABLE cart; '",
        "SELECT 'set_config(''a.b'', ''c'', false)', 'pg_advisory_lock(5)', 'GET_LOCK(5)', '@a := 5'",
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW BEGIN SET x = 5; SET ROLE b; END",
    ],
)
def test_what_is_written_in_literals_and_comments_changes_nothing(statement: str, language: Language) -> None:
    assert [one for one in changes(statement, None, language) if one.act is not Act.FILL] == []


@pytest.mark.parametrize(
    ("statement", "language"),
    [
        ("SELECT $$ ; SET ROLE admin; $$", POSTGRESQL),
        ("DO $body$ BEGIN; SET ROLE admin; END $body$", POSTGRESQL),
        (r"SELECT E'\'; SET ROLE admin; --'", POSTGRESQL),
        ("SELECT 1 /* /* */ ; SET ROLE admin */", POSTGRESQL),
        (r"SELECT '\'; SET ROLE admin; -- '", MYSQL),
        ("SELECT 1 # ; SET ROLE admin", MYSQL),
        ('SELECT "; SET ROLE admin"', MYSQL),
        ("SELECT `; SET ROLE admin`", MYSQL),
        ("SELECT [; SET ROLE admin]", SQLITE),
    ],
)
def test_nor_in_what_only_one_database_knows(statement: str, language: Language) -> None:
    assert changes(statement, None, language) == []


@pytest.mark.parametrize(
    ("statement", "language", "change"),
    [
        (TODO + "; SET ROLE admin", POSTGRESQL, Change(Act.SET, ROLE, "admin")),
        ("/* by 'us' */ SET ROLE admin -- now", POSTGRESQL, Change(Act.SET, ROLE, "admin")),
        ("SET app.note = 'a; b -- c /* d'", POSTGRESQL, Change(Act.SET, "app.note", "a; b -- c /* d")),
        ("SET app.note = $x$it's; $x$", POSTGRESQL, Change(Act.SET, "app.note", "it's; ")),
        ("SELECT ';' ; SELECT set_config('a.b', 'c;d', false)", POSTGRESQL, Change(Act.SET, "a.b", "c;d")),
        ("/*!50003 SET ROLE admin */", MYSQL, Change(Act.SET, ROLE, "admin", lasting=True)),
        (r"SET @a = 'it\'s; so'", MYSQL, Change(Act.SET, "@a", r"it\'s; so", lasting=True)),
        ("SET @'a b' = 5", MYSQL, Change(Act.SET, "@ab", "5", lasting=True)),
        ("SELECT 1 -- '\n; DROP TABLE [cart]", SQLITE, Change(Act.DROP, "cart")),
    ],
)
def test_what_is_beside_them_counts(statement: str, language: Language, change: Change) -> None:
    assert [one for one in changes(statement, None, language) if one.act is not Act.FILL] == [change]


def test_parameters_are_counted_over_all_statements_of_a_text_and_not_in_literals() -> None:
    text = "INSERT INTO a VALUES ('%s', %s); SET app.user_id = %s"
    assert changes(text, (5, "alice"), POSTGRESQL)[-1] == Change(Act.SET, "app.user_id", "alice")


def test_literals_neither_read_a_table_nor_work_with_data() -> None:
    assert not reads("SELECT 'all from cart'", "cart")
    assert not reads('SELECT "all from cart"', "cart")
    assert reads("SELECT 'x' FROM [cart]", "cart")
    assert not works_with_data("SELECT 'from us'")
    assert not depends("SELECT '@user_id'", "@user_id")


_WORDS = """set|reset|select|set_config(|'|,|)|app.x|=|to|%s|%(a)s|$1|$9|:a|;|create|temp|table|drop|into|/*|*/|--|\n"""
_WORDS += """|@x|:=|get_lock(|pg_advisory_lock(|use|role|"|(|session|from"""
WORDS = st.sampled_from(_WORDS.split("|"))


@given(
    st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=12),
    st.one_of(st.none(), st.dictionaries(st.text(), st.binary()), st.tuples(st.floats())),
    st.sampled_from([POSTGRESQL, MYSQL, SQLITE]),
)
def test_whatever_it_is(words: list[str], parameters: Any, language: Language) -> None:
    for change in changes(" ".join(words), parameters, language):
        assert type(change.name) is type(change.value) is str


@pytest.mark.parametrize("answer", [lambda: {}["x"], lambda: object().rows, lambda: int("x")])
def test_an_answer_that_is_none_is_no_lock_and_no_fault(answer: Any) -> None:
    assert granted([Change(Act.TRY, "job")], answer) == []


BEGINNINGS = {Act.SET, Act.CREATE, Act.LOCK, Act.TRY}
OF_ROWS = (
    "SELECT id, owner FROM notes WHERE owner = ?",
    "INSERT INTO notes (owner) VALUES (%s)",
    "UPDATE notes SET owner = :owner",
    "DELETE FROM notes",
    "WITH mine AS (SELECT 1) SELECT * FROM mine; SELECT 2",
)
SAYING_MORE = (
    "SELECT set_config('app.user', ?, false)",
    "SELECT pg_advisory_lock(?)",
    "SELECT GET_LOCK(%s, 1)",
    "SELECT @user := %s",
    "SET app.user = %s",
    "CREATE TEMP TABLE mine (id int)",
    "SELECT 1; SET ROLE alice",
)
LANGUAGES = (POSTGRESQL, SQLITE, MYSQL)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", OF_ROWS)
def test_what_reads_and_writes_rows_leaves_nothing_in_a_session(text, language) -> None:
    assert of_sessions.leaves_nothing(language.statements(text))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", SAYING_MORE)
def test_what_says_more_is_looked_at_each_time(text, language) -> None:
    assert not of_sessions.leaves_nothing(language.statements(text))


@given(
    st.lists(st.sampled_from([*OF_ROWS, *SAYING_MORE, "; ", " ", "'", '"', "--", "\n", "/*", "*/", "`"]), max_size=6),
    st.lists(st.sampled_from([None, "alice", "false", 1, "app.user"]), max_size=4),
    st.sampled_from(LANGUAGES),
)
def test_what_leaves_nothing_begins_nothing_whatever_its_parameters_are(parts, parameters, language) -> None:
    statements = language.statements("".join(parts))
    if of_sessions.leaves_nothing(statements):
        acts = {change.act for change in of_sessions.changes(statements, tuple(parameters), language)}
        assert acts.isdisjoint(BEGINNINGS)
