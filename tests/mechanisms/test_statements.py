"""Statements of SQL are read as far as they change what a database session keeps; no text makes that raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.mechanisms.statements import ROLE, Act, Change, changes, reads, works_with_data

EVERYTHING = Change(Act.UNSET)
"""All settings but the role."""


@pytest.mark.parametrize(
    ("statement", "parameters", "change"),
    [
        ("set App.User_Id = 'Alice'", None, Change(Act.SET, "app.user_id", "Alice")),
        ('SET "app"."user_id" TO alice', None, Change(Act.SET, "app.user_id", "alice")),
        ("SET LOCAL app.user_id = 'alice'", None, Change(Act.UNSET, "app.user_id")),
        ("SET SESSION ROLE web", None, Change(Act.SET, ROLE, "web")),
        ("SET LOCAL ROLE web", None, Change(Act.UNSET, ROLE)),
        ("RESET SESSION AUTHORIZATION", None, Change(Act.UNSET, ROLE)),
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
    assert changes(statement, parameters) == [change]


def test_several_changes() -> None:
    assert changes("DISCARD ALL", None) == [EVERYTHING, Change(Act.UNSET, ROLE), Change(Act.DROP)]
    assert changes("drop table a, b", None) == [Change(Act.DROP, "a"), Change(Act.DROP, "b")]
    created = [Change(Act.CREATE, "a"), Change(Act.FILL, "a")]
    assert changes("create temp table a as select 1; set role web", None) == [*created, Change(Act.SET, ROLE, "web")]


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
    ],
)
def test_no_change(statement: str) -> None:
    assert changes(statement, None) == []


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


_WORDS = """set|reset|select|set_config(|'|,|)|app.x|=|to|%s|%(a)s|$1|$9|:a|;|create|temp|table|drop|into|/*|*/|--|\n"""
WORDS = st.sampled_from(_WORDS.split("|"))


@given(
    st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=12),
    st.one_of(st.none(), st.dictionaries(st.text(), st.binary()), st.tuples(st.floats())),
)
def test_whatever_it_is(words: list[str], parameters: Any) -> None:
    for change in changes(" ".join(words), parameters):
        assert type(change.name) is type(change.value) is str
