"""What a pooled connection keeps from one user's work to the next, on a real MariaDB.

A rollback gives nothing back here but rows. What the second user sees is asserted, too.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import borrowing
import pytest
from auditing import Audit, current_user
from borrowing import Work, execute, request
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from mariadb_server import mariadb_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

pytestmark = pytest.mark.server

HERE = Path(borrowing.__file__).name
LEAK = {("alice", "bob")}
LOOK = execute("SELECT coalesce(CAST(@user_id AS CHAR), '') FROM shop.orders")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a MariaDB of these tests listens; the database of the second user has orders of its own."""
    with mariadb_server() as address:
        engine = create_engine(f"mysql+pymysql://root@{address}/test")
        with engine.begin() as connection:
            for database, owner in (("shop", "bob"), ("alices", "alice")):
                connection.execute(text(f"CREATE DATABASE {database}"))
                connection.execute(text(f"CREATE TABLE {database}.orders (owner VARCHAR(20))"))
                connection.execute(text(f"INSERT INTO {database}.orders VALUES ('{owner}')"))
            connection.execute(text("CREATE ROLE reports"))
            connection.execute(text("GRANT SELECT ON shop.* TO reports"))
        engine.dispose()
        yield address


# mysqlclient has to be compiled: it is tried where somebody has done so.
DRIVERS = ["mysql+pymysql", "mariadb+pymysql", *(["mysql+mysqldb"] if find_spec("MySQLdb") else [])]


@pytest.fixture(params=DRIVERS)
def engine(request: pytest.FixtureRequest, address: str) -> Iterator[Engine]:
    """One connection for all, under both names that SQLAlchemy has for it, and with what drivers there are."""
    made = create_engine(f"{request.param}://root@{address}/shop", pool_size=1, max_overflow=0)
    yield made
    made.dispose()


SETTINGS: dict[str, Work] = {
    "SET": execute("SET @user_id = 'alice'"),
    "one of several": execute("SET @tenant = 'acme', @user_id := 'alice'"),
    "a parameter": execute("SET @user_id = :user", user="alice"),
    "SELECT": execute("SELECT @user_id := 'alice'"),
    "rolled back": execute("SET @user_id = 'alice'", commit=False),
    "driver's SQL": lambda connection: connection.exec_driver_sql("SET @user_id = %s", ("alice",)),
}


@pytest.mark.parametrize("left", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_variable_that_names_its_user(audit: Audit, engine: Engine, left: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", LOOK) == ["alice"]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert Path(finding.site.top.file).name == HERE
    assert "user_id" not in finding.message


def test_a_variable_that_is_only_read(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("SET @user_id = 'alice'"))
    assert request(audit, engine, "bob", execute("SELECT @User_Id")) == ["alice"]
    assert audit.pairs("IA505") == LEAK


CLEAN: dict[str, tuple[Work, Work]] = {
    "set anew": (execute("SET @user_id = 'alice'"), execute("SET @user_id = 'bob'")),
    "set anew by the other form": (execute("SET @user_id = 'alice'"), execute("SELECT @user_id := :user", user="bob")),
    "set anew from rows": (
        execute("SET @user_id = 'alice'"),
        execute("SELECT max(owner) INTO @user_id FROM shop.orders"),
    ),
    "NULL": (execute("SET @user_id = 'alice'", "SET @user_id = NULL"), execute("SELECT 1")),
    "emptied by who comes": (execute("SET @user_id = 'alice'"), execute("SET @user_id = ''")),
    "of nobody's name": (execute("SET SESSION wait_timeout = 600", "SET @tenant = 'acme'"), execute("SELECT 1")),
}


@pytest.mark.parametrize(("left", "first"), CLEAN.values(), ids=CLEAN.keys())
def test_a_variable_that_is_not_met(audit: Audit, engine: Engine, left: Work, first: Work) -> None:
    def then(connection: Any) -> Any:
        first(connection)
        return LOOK(connection)

    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", then) in (["bob"], [""])
    assert audit.found("IA505") == []


def test_a_session_setting_that_names_its_user(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("SET SESSION default_master_connection = 'alice'"))
    look = execute("SELECT @@default_master_connection FROM orders")
    assert request(audit, engine, "bob", look) == ["alice"]
    assert audit.pairs("IA505") == LEAK


def test_a_role_that_one_user_took(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("SET ROLE reports"))
    assert request(audit, engine, "bob", execute("SELECT current_role() FROM orders")) == ["reports"]
    (finding,) = audit.found("IA505")
    assert "as the role of the database session" in finding.message


def test_a_role_that_is_given_back_or_taken_by_everyone(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("SET ROLE reports", "SET ROLE NONE"))
    assert request(audit, engine, "bob", execute("SELECT coalesce(current_role(), '') FROM orders")) == [""]
    for user in ("alice", "bob"):
        request(audit, engine, user, execute("SET ROLE reports", "SELECT owner FROM orders"))
    request(audit, engine, "carol", execute("SELECT owner FROM orders"))
    assert audit.found("IA505") == []


def test_another_users_database(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("USE alices"))
    assert request(audit, engine, "bob", execute("SELECT owner FROM shop.orders")) == ["bob"]
    assert audit.found("IA505") == []
    assert request(audit, engine, "bob", execute("SELECT owner FROM orders")) == ["alice"]
    (finding,) = audit.found("IA505")
    assert "as the database that the session uses" in finding.message
    assert "alices" not in finding.message


OWN_DATABASE: dict[str, tuple[Work, Work]] = {
    "given back": (execute("USE alices", "USE shop"), execute("SELECT 1")),
    "named anew": (execute("USE `alices`"), execute("USE `shop`")),
}


@pytest.mark.parametrize(("left", "first"), OWN_DATABASE.values(), ids=OWN_DATABASE.keys())
def test_a_database_that_is_not_met(audit: Audit, engine: Engine, left: Work, first: Work) -> None:
    def then(connection: Any) -> Any:
        first(connection)
        return execute("SELECT owner FROM orders")(connection)

    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", then) == ["bob"]
    assert audit.found("IA505") == []


def test_connections_that_are_made_to_no_database(audit: Audit, address: str) -> None:
    engine = create_engine(f"mysql+pymysql://root@{address}", pool_size=1, max_overflow=0)
    request(audit, engine, "alice", execute("USE shop"))
    assert request(audit, engine, "bob", execute("SELECT owner FROM orders")) == ["bob"]
    assert audit.found("IA505") == []
    engine.dispose()


TEMPORARY: dict[str, Work] = {
    "inserted": execute("CREATE TEMPORARY TABLE cart (item TEXT)", "INSERT INTO cart VALUES ('alice''s')"),
    "without INTO": execute("CREATE TEMPORARY TABLE cart (item TEXT)", "INSERT cart VALUES ('alice''s')"),
    "copied": execute("CREATE OR REPLACE TEMPORARY TABLE cart SELECT 'alice''s' AS item"),
}
READ = execute("SELECT item FROM cart")
OWN = execute("CREATE TEMPORARY TABLE IF NOT EXISTS cart (item TEXT)", "SELECT item FROM cart")


@pytest.mark.parametrize("left", TEMPORARY.values(), ids=TEMPORARY.keys())
@pytest.mark.parametrize("read", [READ, OWN], ids=["read", "made if not there, and read"])
def test_rows_in_a_temporary_table(audit: Audit, engine: Engine, left: Work, read: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", read) == ["alice's"]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")


NOT_MET: dict[str, tuple[Work, Work]] = {
    "dropped": (
        execute("CREATE TEMPORARY TABLE cart (item TEXT)", "INSERT cart VALUES ('a')", "DROP TEMPORARY TABLE cart"),
        OWN,
    ),
    "emptied": (execute("CREATE TEMPORARY TABLE cart (item TEXT)", "INSERT cart VALUES ('a')", "TRUNCATE cart"), OWN),
    "rows not committed": (
        execute("CREATE TEMPORARY TABLE cart (item TEXT) ENGINE = InnoDB", "INSERT cart VALUES ('a')", commit=False),
        OWN,
    ),
    "made anew by who comes": (
        TEMPORARY["inserted"],
        execute("CREATE OR REPLACE TEMPORARY TABLE cart (item TEXT)", "SELECT item FROM cart"),
    ),
}


@pytest.mark.parametrize(("left", "then"), NOT_MET.values(), ids=NOT_MET.keys())
def test_a_temporary_table_that_is_not_met(audit: Audit, engine: Engine, left: Work, then: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", then) == []
    assert audit.found("IA505") == []


HELD = execute("SELECT is_used_lock('job') = connection_id() FROM orders")


def test_a_lock_that_is_still_held(audit: Audit, engine: Engine) -> None:
    request(audit, engine, "alice", execute("SELECT GET_LOCK('job', 10)", commit=False))
    assert request(audit, engine, "bob", HELD) == [1]
    (finding,) = audit.found("IA505")
    assert "as a lock that the database session still holds" in finding.message
    assert "job" not in finding.message


@pytest.mark.parametrize(
    "released",
    [
        "SELECT RELEASE_LOCK('job')",
        "DO RELEASE_LOCK('job')",
        "SELECT RELEASE_ALL_LOCKS()",
        "DO RELEASE_LOCK(lower('JOB'))",
    ],
)
def test_a_lock_that_is_released(audit: Audit, engine: Engine, released: str) -> None:
    request(audit, engine, "alice", execute("SELECT GET_LOCK('job', 10)", released))
    assert request(audit, engine, "bob", execute("SELECT coalesce(is_used_lock('job'), 0) FROM orders")) == [0]
    assert audit.found("IA505") == []


def test_a_lock_that_somebody_else_has(audit: Audit, engine: Engine) -> None:
    other = create_engine(engine.url)
    with other.connect() as holder:
        execute("SELECT GET_LOCK('job', 0)")(holder)
        assert request(audit, engine, "alice", execute("SELECT GET_LOCK('job', 0)")) == [0]
        assert request(audit, engine, "bob", HELD) == [0]
    other.dispose()
    assert audit.found("IA505") == []


@pytest.mark.parametrize("leak", [True, False])
def test_the_asynchronous_engine(audit: Audit, address: str, leak: bool) -> None:
    async def work(engine: Any, user: str, *statements: str) -> Any:
        current_user.set(user)
        async with engine.connect() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
            return result.scalars().all() if result.returns_rows else None

    async def scenario() -> Any:
        engine = create_async_engine(f"mysql+aiomysql://root@{address}/shop", pool_size=1, max_overflow=0)
        lock = "SELECT GET_LOCK('job', 0)"
        first = (lock,) if leak else (lock, "SELECT RELEASE_LOCK('job')")
        await asyncio.create_task(work(engine, "alice", *first))
        rows = await asyncio.create_task(work(engine, "bob", "SELECT is_used_lock('job') IS NOT NULL FROM orders"))
        await engine.dispose()
        return rows

    assert asyncio.run(scenario()) == [int(leak)]
    assert audit.pairs("IA505") == (LEAK if leak else set())
