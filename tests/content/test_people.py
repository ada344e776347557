"""The names that a table of users has beside the id of whoever is at work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from isolation_audit.content.people import names_in_row
from isolation_audit.content.questions import of_statement
from isolation_audit.model.inputs import ROWS, Input

UUID = "4704718d-da7a-490f-9092-f287e7e25825"


def names(statement: str, given: Any, row: Any, user_id: str = "7") -> tuple[str, ...]:
    found = names_in_row(Input(ROWS, row, (statement, given), asked=of_statement), user_id)
    return () if found is None else found.aliases


@pytest.mark.parametrize(
    ("statement", "given", "row", "user_id"),
    [
        ("SELECT users.id AS users_id, users.username AS n FROM users WHERE users.id = ?", (7,), (7, "alice"), "7"),
        ("SELECT users.id, users.username FROM users \nWHERE users.id = %(pk_1)s", [{"pk_1": 7}], [(7, "alice")], "7"),
        ('SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = %s LIMIT 21',
         (7,), [[(7, "alice")]], "7"),
        ('SELECT "t1"."id", "t1"."name" FROM "user" AS "t1" WHERE ("t1"."id" = ?) LIMIT ?', (UUID.replace("-", ""), 1),
         (UUID, "alice"), UUID),
        ("select id, coalesce(nick, 'x, y'), login from app.users where id = $1", (7,), (7, "al", "alice"), "7"),
        ("SELECT u.login, n.title, n.email FROM notes n JOIN users u ON u.id = n.by WHERE u.id = ?", (7,),
         [("alice", "tea", "bob@example.com")], "7"),
        ("SELECT users.id, users.username FROM users WHERE users.id = ?", (7,), (7, "alice"), "User:7"),
        (("SELECT user.id, l_1.id, l_1.user_id, l_1.name FROM user LEFT OUTER JOIN local_user AS l_1 "
         "ON user.id = l_1.user_id WHERE user.id = ?"), (7,), [(7, 1, 7, "alice")], "7"),
        ("SELECT * FROM users WHERE id = ?", (7,), {"id": 7, "username": "alice"}, "7"),
        ("SELECT id, email AS username, password_hash, password FROM accounts WHERE id = :id", {"id": 7},
         (7, "alice", "x", "y"), "7"),
    ],
)  # fmt: skip
def test_the_row_of_the_user_at_work(statement: str, given: Any, row: Any, user_id: str) -> None:
    assert names(statement, given, row, user_id) == ("alice",)


@pytest.mark.parametrize(
    ("statement", "given", "row", "user_id"),
    [
        pytest.param("SELECT id, username FROM users WHERE id = ?", (8,), (8, "bob"), "7", id="another's"),
        pytest.param("SELECT id, username FROM users WHERE boss_id = ?", (7,), (8, "bob"), "7", id="of others"),
        pytest.param("SELECT id, username FROM tickets WHERE id = ?", (7,), (7, "bob"), "7", id="no person's"),
        pytest.param("SELECT id, email FROM customers WHERE id = ?", (7,), (7, "bob"), "7", id="who may not log in"),
        pytest.param("SELECT id, username FROM users WHERE id = ?", (7,), [(7, "a"), (8, "b")], "7", id="several"),
        pytest.param("SELECT n.title, n.username FROM notes n JOIN users u ON u.id = n.by WHERE u.id = ?", (7,),
                     ("tea", "bob"), "7", id="another table's column"),
        pytest.param("SELECT u.id, m.username FROM users u JOIN mentor_users m ON u.mentor_id = m.user_id "
                     "WHERE u.id = ?", (7,), (7, "bob"), "7", id="somebody else's"),
        pytest.param("SELECT u.id, p.name FROM users u JOIN project p ON u.id = p.user_id WHERE u.id = ?", (7,),
                     (7, "bob"), "7", id="what belongs to the user"),
        pytest.param("SELECT * FROM users WHERE id = ?", (7,), (7, "alice"), "7", id="nobody says which column"),
        pytest.param("SELECT id, username FROM users WHERE id = ?", ("alice",), ("alice", "bob"), "alice", id="named"),
        pytest.param("SELECT id, name FROM users WHERE id = ?", (7,), (7, "Alice Liddell"), "7", id="no login"),
        pytest.param("UPDATE users SET username = 'bob' WHERE id = ?", (7,), (7,), "7", id="no question"),
        pytest.param("SELECT id, username FROM users WHERE id = ?", (7,), (7,), "7", id="other columns"),
        pytest.param("SELECT id, username FROM users WHERE id = ?", (None,), (7, "alice"), "7", id="nothing asked"),
        pytest.param("SELECT 1", (), (1,), "7", id="no table"),
    ],
)  # fmt: skip
def test_what_says_nothing_of_the_user_at_work(statement: str, given: Any, row: Any, user_id: str) -> None:
    assert names(statement, given, row, user_id) == ()


def test_rows_that_know_their_columns() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        database.execute("create table users (id, email)")
        database.execute("insert into users values (7, 'alice@example.com')")
        asked = "SELECT * FROM users WHERE id = ?", (7,)
        assert names(*asked, database.execute(*asked).fetchone()) == ("alice@example.com",)
