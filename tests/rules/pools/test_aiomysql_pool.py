"""What aiomysql's pool passes on from one user's work to the next, on a real MariaDB."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiomysql
import pytest
from auditing import Audit, config, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.integrations.aiomysql import LendPoint, StatementPoint
from mariadb_server import mariadb_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.server

LEAK = {("alice", "bob")}
LOOK = "SELECT coalesce(CAST(@user_id AS CHAR), '') FROM shop.orders"

SETUP = [
    "CREATE DATABASE shop",
    "CREATE TABLE shop.orders (owner VARCHAR(20))",
    "INSERT INTO shop.orders VALUES ('bob')",
    "CREATE DATABASE alices",
    "CREATE TABLE alices.orders (owner VARCHAR(20))",
    "INSERT INTO alices.orders VALUES ('alice')",
    "CREATE ROLE reports",
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a MariaDB of these tests listens."""
    with mariadb_server() as address:
        number = int(address.rpartition(":")[2])

        async def prepare() -> None:
            connection = await aiomysql.connect(host="127.0.0.1", port=number, user="root", autocommit=True)
            async with connection.cursor() as cursor:
                for statement in SETUP:
                    await cursor.execute(statement)
            connection.close()

        asyncio.run(prepare())
        yield number


def run(port: int, *work: tuple[str | None, list[Any]]) -> list[Any]:
    """The first value of each one's last statement; a statement is text, parameters with it, or a call's name."""

    async def one(pool: Any, user: str | None, steps: list[Any]) -> Any:
        current_user.set(user)
        async with pool.acquire() as connection, connection.cursor() as cursor:
            for step in steps:
                if callable(step):
                    await step(connection)
                else:
                    await cursor.execute(*(step if type(step) is tuple else (step,)))
            row = await cursor.fetchone() if cursor.description else None
            return None if row is None else row[0]

    async def main() -> list[Any]:
        options = {"host": "127.0.0.1", "port": port, "user": "root", "db": "shop", "autocommit": True}
        async with aiomysql.create_pool(minsize=1, maxsize=1, **options) as pool:
            return [await asyncio.create_task(one(pool, user, steps)) for user, steps in work]

    return asyncio.run(main())


HELD = "SELECT is_used_lock('job') IS NOT NULL FROM orders"
LEAKS: dict[str, tuple[list[Any], str, Any]] = {
    "a variable": ([("SET @user_id = %s", ("alice",))], LOOK, "alice"),
    "in a transaction": (
        [lambda c: c.begin(), "SET @user_id = 'alice'", "SELECT 1 FROM orders", lambda c: c.rollback()],
        LOOK,
        "alice",
    ),
    "a role": (["SET ROLE reports"], "SELECT current_role() FROM shop.orders", "reports"),
    "a database": (["USE alices"], "SELECT owner FROM orders", "alice"),
    "a database, by a call": ([lambda c: c.select_db("alices")], "SELECT owner FROM orders", "alice"),
    "rows": (
        ["CREATE TEMPORARY TABLE cart (item TEXT)", ("INSERT INTO cart VALUES (%s)", ("of alice",))],
        "SELECT item FROM cart",
        "of alice",
    ),
    "rows that are committed": (
        [
            "CREATE TEMPORARY TABLE cart (item TEXT)",
            lambda c: c.begin(),
            "INSERT cart VALUES ('a')",
            lambda c: c.commit(),
        ],
        "SELECT item FROM cart",
        "a",
    ),
    "a lock": (["SELECT GET_LOCK('job', 0)"], HELD, 1),
}


@pytest.mark.parametrize(("left", "then", "seen"), LEAKS.values(), ids=LEAKS.keys())
def test_what_stays(audit: Audit, port: int, left: list[Any], then: str, seen: Any) -> None:
    assert run(port, ("alice", left), ("bob", [then]))[1] == seen
    assert audit.pairs("IA505") == LEAK


CLEAN: dict[str, tuple[list[Any], list[Any], Any]] = {
    "set anew": (["SET @user_id = 'alice'"], [("SET @user_id = %s", ("bob",)), LOOK], "bob"),
    "emptied": (["SET @user_id = 'alice'", "SET @user_id = NULL"], [LOOK], ""),
    "a role that is given back": (["SET ROLE reports", "SET ROLE NONE"], ["SELECT current_role() FROM orders"], None),
    "a database that is given back": (
        ["USE alices", lambda c: c.select_db("shop")],
        ["SELECT owner FROM orders"],
        "bob",
    ),
    "rows that are taken back": (
        [
            "CREATE TEMPORARY TABLE cart (item TEXT) ENGINE = InnoDB",
            lambda c: c.begin(),
            "INSERT cart VALUES ('a')",
            lambda c: c.rollback(),
        ],
        ["SELECT item FROM cart"],
        None,
    ),
    "a transaction that is left open": (
        ["CREATE TEMPORARY TABLE cart (item TEXT)", lambda c: c.begin(), "INSERT cart VALUES ('a')"],
        ["CREATE TEMPORARY TABLE IF NOT EXISTS cart (item TEXT)", "SELECT item FROM cart"],
        None,
    ),
    "a lock that is released": (["SELECT GET_LOCK('job', 0)", "SELECT RELEASE_LOCK('job')"], [HELD], 0),
}


@pytest.mark.parametrize(("left", "then", "seen"), CLEAN.values(), ids=CLEAN.keys())
def test_what_is_not_met(audit: Audit, port: int, left: list[Any], then: list[Any], seen: Any) -> None:
    assert run(port, ("alice", left), ("bob", then))[1] == seen
    assert audit.found("IA505") == []


@pytest.mark.parametrize(
    ("point", "hook"), [(LendPoint, "after"), (StatementPoint, "before"), (StatementPoint, "after")]
)
def test_faults_change_nothing(monkeypatch: pytest.MonkeyPatch, port: int, point: type, hook: str) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, hook, broken)
    with Auditor(config()) as auditor:
        assert run(port, ("alice", ["SET @user_id = 'alice'"]), ("bob", [LOOK]))[1] == "alice"
    assert auditor.runtime.barrier.counts


def test_all_comes_back() -> None:
    watched = [
        *(getattr(aiomysql.Connection, name) for name in ("query", "select_db", "commit", "rollback")),
        aiomysql.Pool._acquire,
    ]
    codes = [one.__code__ for one in watched]
    with Auditor(config()):
        assert all(one.__code__ is not code for one, code in zip(watched, codes, strict=True))
    assert [one.__code__ for one in watched] == codes
