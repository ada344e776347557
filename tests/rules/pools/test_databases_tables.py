"""Temporary tables (PostgreSQL, SQLite) and locks that a pooled connection keeps from one user's work to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import Work, execute, request
from sqlalchemy import create_engine, insert, select
from sqlalchemy.schema import Column, MetaData, Table
from sqlalchemy.types import Integer, String

if TYPE_CHECKING:
    from auditing import Audit
    from sqlalchemy import Connection, Engine

LEAK = {("alice", "bob")}

TEMPORARY: dict[str, Work] = {
    "inserted": execute("CREATE TEMP TABLE cart (item text)", "INSERT INTO cart VALUES ('alice''s')"),
    "copied": execute("CREATE TEMPORARY TABLE IF NOT EXISTS cart AS SELECT 'alice''s' AS item"),
}
READ = execute("SELECT item FROM cart")
OWN = execute("CREATE TEMP TABLE IF NOT EXISTS cart (item text)", "SELECT item FROM cart")


@pytest.fixture(params=["postgresql", "sqlite"])
def either(request: pytest.FixtureRequest) -> Engine:
    """One connection, to the one and to the other."""
    return request.getfixturevalue("engine" if request.param == "postgresql" else "file")


@pytest.mark.server
@pytest.mark.parametrize("left", TEMPORARY.values(), ids=TEMPORARY.keys())
@pytest.mark.parametrize("read", [READ, OWN], ids=["read", "made if not there, and read"])
def test_rows_in_a_temporary_table(audit: Audit, either: Engine, left: Work, read: Work) -> None:
    request(audit, either, "alice", left)
    assert request(audit, either, "bob", read) == ["alice's"]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert "cart" not in finding.message


NOT_MET: dict[str, tuple[Work, Work]] = {
    "dropped": (execute("CREATE TEMP TABLE cart (item text)", "INSERT INTO cart VALUES ('a')", "DROP TABLE cart"), OWN),
    "emptied": (
        execute("CREATE TEMP TABLE cart (item text)", "INSERT INTO cart VALUES ('a')", "DELETE FROM cart"),
        OWN,
    ),
    "dropped by who comes": (
        TEMPORARY["inserted"],
        execute("DROP TABLE IF EXISTS cart", "CREATE TEMP TABLE cart (item text)", "SELECT item FROM cart"),
    ),
    "emptied by who comes": (TEMPORARY["inserted"], execute("DELETE FROM cart", "SELECT item FROM cart")),
    "without rows": (execute("CREATE TEMP TABLE cart (item text)"), OWN),
    "rows not committed": (
        execute("CREATE TEMP TABLE cart (item text)", "INSERT INTO cart VALUES ('a')", commit=False),
        OWN,
    ),
    "rows taken back": (
        lambda connection: (
            execute("CREATE TEMP TABLE cart (item text)")(connection),
            execute("INSERT INTO cart VALUES ('a')", commit=False)(connection),
            connection.rollback(),
        ),
        OWN,
    ),
    "never named": (TEMPORARY["inserted"], execute("SELECT 1 AS carts WHERE 1 = 2")),
}


@pytest.mark.server
@pytest.mark.parametrize(("left", "then"), NOT_MET.values(), ids=NOT_MET.keys())
def test_a_temporary_table_that_is_not_met(audit: Audit, either: Engine, left: Work, then: Work) -> None:
    request(audit, either, "alice", left)
    assert request(audit, either, "bob", then) == []
    assert audit.found("IA505") == []


@pytest.mark.server
@pytest.mark.parametrize("end", ["ON COMMIT DROP", "ON COMMIT DELETE ROWS"])
def test_a_temporary_table_for_one_transaction(audit: Audit, engine: Engine, end: str) -> None:
    work = execute(
        f"CREATE TEMP TABLE IF NOT EXISTS cart (item text) {end}",
        "INSERT INTO cart VALUES ('a')",
        "SELECT item FROM cart",
    )
    for user in ("alice", "bob"):
        assert request(audit, engine, user, work) == ["a"]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_table_of_everybodys_with_the_name_of_a_temporary_one(audit: Audit, engine: Engine) -> None:
    request(audit, engine, None, execute("CREATE TABLE IF NOT EXISTS carts (item text)"))
    request(
        audit,
        engine,
        "alice",
        execute("CREATE TEMP TABLE carts (item text)", "ROLLBACK", "INSERT INTO carts VALUES ('a')"),
    )
    assert request(audit, engine, "bob", execute("SELECT item FROM carts")) == ["a"]
    request(audit, engine, "alice", execute("CREATE TEMP TABLE carts (item text)", "INSERT INTO carts VALUES ('b')"))
    assert request(audit, engine, "bob", execute("SELECT item FROM public.carts")) == ["a"]
    request(audit, engine, None, execute("DROP TABLE public.carts"))
    assert audit.found("IA505") == []


def test_tables_that_sqlalchemy_makes(audit: Audit, file: Engine) -> None:
    cart = Table("cart", MetaData(), Column("id", Integer), Column("item", String), prefixes=["TEMPORARY"])

    def fill(connection: Connection) -> None:
        cart.create(connection)
        connection.execute(insert(cart), [{"id": number, "item": f"alice's {number}"} for number in range(3)])
        connection.commit()

    request(audit, file, "alice", fill)
    assert len(request(audit, file, "bob", lambda connection: connection.execute(select(cart.c.item)).all())) == 3
    assert audit.pairs("IA505") == LEAK


def test_tables_stay_small(audit: Audit, file: Engine) -> None:
    for number in range(110):
        work = execute(f"CREATE TEMP TABLE t{number} (x)", f"INSERT INTO t{number} VALUES (1)")
        request(audit, file, "alice", work)
    assert audit.auditor.runtime.tally.entries_evicted == 10
    assert request(audit, file, "bob", execute("SELECT x FROM t5")) == [1]
    assert audit.found("IA505") == []
    request(audit, file, "bob", execute("SELECT x FROM t15"))
    assert audit.pairs("IA505") == LEAK


LOCKED: dict[str, Work] = {
    "pg_advisory_lock": execute("SELECT pg_advisory_lock(7)"),
    "shared, two keys": execute("SELECT pg_advisory_lock_shared(7, 8)"),
    "rolled back": execute("SELECT pg_advisory_lock(:key)", key=7, commit=False),
    "tried for, and obtained": execute("SELECT pg_try_advisory_lock(7)"),
}
HELD = execute("SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


@pytest.mark.server
@pytest.mark.parametrize("left", LOCKED.values(), ids=LOCKED.keys())
@pytest.mark.parametrize("then", [HELD, execute("SELECT pg_advisory_lock(9)")], ids=["works", "locks"])
def test_an_advisory_lock_that_is_still_held(audit: Audit, engine: Engine, left: Work, then: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", execute("SELECT 1")) == [1]
    assert audit.found("IA505") == []
    assert request(audit, engine, "bob", then) in ([1], [""])
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert "as a lock that the database session still holds" in finding.message


UNLOCKED: dict[str, Work] = {
    "for the transaction": execute("SELECT pg_advisory_xact_lock(7)", "SELECT 1"),
    "tried for the transaction": execute("SELECT pg_try_advisory_xact_lock(7)"),
    "released": execute("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
    "released, parameters": execute("SELECT pg_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)", key=7),
    "released under another name": execute("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(3 + 4)"),
    "all released": execute("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock_all()"),
}


@pytest.mark.server
@pytest.mark.parametrize("done", UNLOCKED.values(), ids=UNLOCKED.keys())
def test_an_advisory_lock_that_is_released(audit: Audit, engine: Engine, done: Work) -> None:
    request(audit, engine, "alice", done)
    assert request(audit, engine, "bob", HELD) == [0]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_an_advisory_lock_that_somebody_else_has(audit: Audit, postgres_url: str, engine: Engine) -> None:
    other = create_engine(postgres_url)
    with other.connect() as holder:
        execute("SELECT pg_advisory_lock(7)")(holder)
        assert request(audit, engine, "alice", execute("SELECT pg_try_advisory_lock(7)")) == [False]
        assert request(audit, engine, "bob", HELD) == [0]
    other.dispose()
    assert audit.found("IA505") == []
