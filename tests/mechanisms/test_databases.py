"""What a pooled connection keeps from one user's work to the next, on a real PostgreSQL and on SQLite.

Each case is two users' requests over a pool of one connection; what the second one sees is asserted, too: a leak that
did not happen would prove nothing.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from auditing import Audit, config, current_user
from sqlalchemy import create_engine, event, func, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import Column, MetaData, Table
from sqlalchemy.types import Integer, String

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.sqlalchemy_connections import EndPoint, StatementPoint
from postgres_server import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

HERE = Path(__file__).name
LEAK = {("alice", "bob")}
Work = "Callable[[Connection], Any]"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a PostgreSQL of these tests listens; alice and bob have roles of their own, and share a table."""
    with postgres_server() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (owner text)"))
            connection.execute(text("INSERT INTO orders VALUES ('alice'), ('bob')"))
            connection.execute(text("ALTER TABLE orders ENABLE ROW LEVEL SECURITY"))
            connection.execute(text("CREATE POLICY own ON orders USING (owner = current_setting('app.user_id', true))"))
            for role in ("web", "reports", "alice"):
                connection.execute(text(f"CREATE ROLE {role}"))
                connection.execute(text(f"GRANT SELECT ON orders TO {role}"))
        engine.dispose()
        yield url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """One connection for all."""
    made = create_engine(url, pool_size=1, max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """The same on SQLite."""
    made = create_engine(f"sqlite:///{tmp_path / 'db'}", poolclass=QueuePool, pool_size=1, max_overflow=0)
    yield made
    made.dispose()


def execute(*statements: str, commit: bool = True, **parameters: Any) -> Work:
    """Work that runs these, and gives the rows of the last one."""

    def work(connection: Connection) -> Any:
        for statement in statements:
            result = connection.execute(text(statement), parameters)
        rows = sorted(result.scalars()) if result.returns_rows else None
        if commit:
            connection.commit()
        return rows

    return work


def request(audit: Audit, engine: Engine, user: str | None, work: Work) -> Any:
    """What one request gives, which borrows a connection and returns it."""

    def run() -> Any:
        with engine.connect() as connection:
            return work(connection)

    return audit.as_user(user, run)


SETTINGS: dict[str, Work] = {
    "SET": execute("SET app.user_id = 'alice'"),
    "SET SESSION": execute("set session app.user_id to 'alice'"),
    "set_config": execute("SELECT set_config('app.user_id', 'alice', false)"),
    "set_config, parameters": execute("SELECT set_config('app.user_id', :user, false)", user="alice"),
    "set_config, function": lambda connection: (
        connection.execute(select(func.set_config("app.user_id", "alice", False))),
        connection.commit(),
    ),
    "driver's SQL": lambda connection: (
        connection.exec_driver_sql("SELECT set_config(%s, %s, %s)", ("app.user_id", "alice", False)),
        connection.commit(),
    ),
    "a comment before it": execute("/* of the web */ -- now\n SET app.user_id = 'alice'"),
    "one of several": execute("SET search_path TO public; SET app.user_id = 'alice'"),
}


@pytest.mark.server
@pytest.mark.parametrize("left", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_that_names_its_user(audit: Audit, engine: Engine, left: Work) -> None:
    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id', true) FROM orders")) == 2 * [
        "alice"
    ]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert [Path(site.top.file).name for site in (finding.site, finding.origin)] == [HERE, HERE]
    assert "app.user_id" not in finding.message


@pytest.mark.server
def test_a_policy_lets_the_other_users_rows_through(audit: Audit, engine: Engine) -> None:
    # The superuser of these tests stands above policies, and the role of a transaction does not.
    look = execute("SET LOCAL ROLE web", "SELECT owner FROM orders")
    assert request(audit, engine, "bob", look) == []
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(audit, engine, "bob", look) == ["alice"]
    assert audit.pairs("IA505") == LEAK


CLEAN: dict[str, tuple[Work, Work]] = {
    "set anew": (execute("SET app.user_id = 'alice'"), execute("SET app.user_id = 'bob'")),
    "set anew by the other form": (
        execute("SET app.user_id = 'alice'"),
        execute("SELECT set_config('app.user_id', :user, false)", user="bob"),
    ),
    "set anew for the transaction": (
        execute("SET app.user_id = 'alice'"),
        execute("SET LOCAL app.user_id = 'bob'", commit=False),
    ),
    "SET LOCAL": (execute("SET LOCAL app.user_id = 'alice'"), execute("SELECT 1")),
    "set_config for the transaction": (
        execute("SELECT set_config('app.user_id', 'alice', true)"),
        execute("SELECT 1"),
    ),
    "never committed": (execute("SET app.user_id = 'alice'", commit=False), execute("SELECT 1")),
    "rolled back": (
        lambda connection: (
            execute("SET app.user_id = 'alice'", commit=False)(connection),
            connection.rollback(),
            connection.commit(),
        ),
        execute("SELECT 1"),
    ),
    "rolled back by a statement": (execute("SET app.user_id = 'alice'", "ROLLBACK", "SELECT 1"), execute("SELECT 1")),
    "RESET": (execute("SET app.user_id = 'alice'", "RESET app.user_id"), execute("SELECT 1")),
    "RESET ALL": (execute("SET app.user_id = 'alice'", "RESET ALL"), execute("SELECT 1")),
    "TO DEFAULT": (execute("SET app.user_id = 'alice'", "SET app.user_id TO DEFAULT"), execute("SELECT 1")),
    "emptied": (execute("SET app.user_id = 'alice'", "SET app.user_id = ''"), execute("SELECT 1")),
    "reset by who comes": (execute("SET app.user_id = 'alice'"), execute("RESET ALL")),
    "set anew from rows": (
        execute("SET app.user_id = 'alice'"),
        execute("SELECT set_config('app.user_id', name, false) FROM (VALUES ('bob')) AS one (name)"),
    ),
    "of nobody's name": (execute("SET statement_timeout = '60s'", "SET app.tenant = 'acme'"), execute("SELECT 1")),
}


@pytest.mark.server
@pytest.mark.parametrize(("left", "first"), CLEAN.values(), ids=CLEAN.keys())
def test_a_setting_that_is_not_met(audit: Audit, engine: Engine, left: Work, first: Work) -> None:
    def then(connection: Connection) -> Any:
        first(connection)
        return execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")(connection)

    request(audit, engine, "alice", left)
    assert "alice" not in request(audit, engine, "bob", then)
    assert audit.found("IA505") == []


@pytest.mark.server
def test_ids_that_are_short(audit: Audit, engine: Engine) -> None:
    look = execute("SELECT current_setting('app.user_id', true) FROM orders")
    request(audit, engine, "7", execute("SET statement_timeout = 7000", "SET deadlock_timeout = 7"))
    request(audit, engine, "bob", execute("RESET statement_timeout", "SELECT owner FROM orders"))
    assert audit.found("IA505") == []
    request(audit, engine, "7", execute("SET app.user_id = 7"))
    assert request(audit, engine, "8", look) == ["7", "7"]
    assert audit.pairs("IA505") == {("7", "8")}


@pytest.mark.server
def test_a_job_for_several_users_on_one_connection(audit: Audit, engine: Engine) -> None:
    with engine.connect() as connection:
        audit.as_user("alice", execute("SET app.user_id = 'alice'"), connection)
        audit.as_user("bob", execute("SELECT owner FROM orders"), connection)
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_connection_that_was_forgotten(audit: Audit, engine: Engine) -> None:
    def forget() -> None:
        execute("SET app.user_id = 'alice'", commit=False)(engine.connect())

    audit.as_user("alice", forget)
    gc.collect()
    look = execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    assert request(audit, engine, "bob", look) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_savepoint_that_is_taken_back(audit: Audit, engine: Engine) -> None:
    def left(connection: Connection) -> None:
        with connection.begin():
            part = connection.begin_nested()
            execute("SET app.user_id = 'alice'", commit=False)(connection)
            part.rollback()

    request(audit, engine, "alice", left)
    assert request(audit, engine, "bob", execute("SELECT current_setting('app.user_id', true) FROM orders")) in (
        2 * [""],
        [None, None],
    )
    assert audit.found("IA505") == []


@pytest.mark.server
def test_discard_all_outside_of_transactions(audit: Audit, url: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT")
    look = execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'", "SET ROLE web", "DISCARD ALL", commit=False))
    assert request(audit, engine, "bob", look) == ["", ""]
    assert audit.found("IA505") == []
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'", commit=False))
    assert request(audit, engine, "bob", look) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK
    engine.dispose()


@pytest.mark.server
def test_each_leak_once_and_to_whom_it_came(audit: Audit, engine: Engine) -> None:
    look = execute("SELECT owner FROM orders")
    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    request(audit, engine, "alice", look)
    request(audit, engine, None, look)
    request(audit, engine, "bob", execute("SELECT 1"))
    request(audit, engine, "bob", execute("SHOW search_path"))
    assert audit.found("IA505") == []
    for user in ("carol", "bob"):
        request(audit, engine, user, look)
    assert audit.pairs("IA505") == {("alice", "carol")}


@pytest.mark.server
@pytest.mark.parametrize("setup", ["connect", "nobody", "system"])
def test_what_no_user_has_set(url: str, setup: str) -> None:
    with Auditor(config(identity=model.Identity(system=("service:*",)))) as auditor:
        audit, engine = Audit(auditor), create_engine(url, pool_size=1, max_overflow=0)
        if setup == "connect":

            @event.listens_for(engine, "connect")
            def prepare(connection: Any, _record: Any) -> None:
                connection.execute("SET ROLE reports")
                connection.commit()

        else:
            request(audit, engine, None if setup == "nobody" else "service:jobs", execute("SET ROLE reports"))
        for user in ("alice", "bob"):
            assert request(audit, engine, user, execute("SELECT current_user::text FROM orders")) == []
        assert audit.found("IA505") == []
        engine.dispose()


@pytest.mark.server
def test_a_role_that_one_user_took(audit: Audit, engine: Engine) -> None:
    # RESET ALL leaves the role as it is.
    request(audit, engine, "alice", execute("SET ROLE reports", "RESET ALL"))
    assert request(audit, engine, "bob", execute("SELECT DISTINCT current_user::text FROM pg_class")) == ["reports"]
    (finding,) = audit.found("IA505")
    assert "as the role of the database session" in finding.message


@pytest.mark.server
@pytest.mark.parametrize(
    "back", ["RESET ROLE", "SET ROLE NONE", "SET SESSION AUTHORIZATION DEFAULT", "RESET SESSION AUTHORIZATION"]
)
def test_a_role_that_is_given_back(audit: Audit, engine: Engine, back: str) -> None:
    taken = "SET ROLE reports" if "ROLE" in back else "SET SESSION AUTHORIZATION reports"
    request(audit, engine, "alice", execute(taken, back))
    assert request(audit, engine, "bob", execute("SELECT DISTINCT current_user::text FROM pg_class")) == ["postgres"]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_a_role_that_every_request_takes(audit: Audit, engine: Engine) -> None:
    for user in ("alice", "bob", "carol"):
        assert request(audit, engine, user, execute("SET ROLE web", "SELECT owner FROM orders")) == []
    request(audit, engine, "dave", execute("SELECT owner FROM orders"))
    assert audit.found("IA505") == []


@pytest.mark.server
@pytest.mark.parametrize("moment", ["checkout", "checkin", "reset"])
def test_a_pool_that_is_cleaned_below_sqlalchemy(audit: Audit, engine: Engine, moment: str) -> None:
    @event.listens_for(engine, moment)
    def clean(connection: Any, *_rest: Any) -> None:
        connection.rollback()
        connection.execute("RESET ALL")
        connection.commit()

    request(audit, engine, "alice", execute("SET app.user_id = 'alice'"))
    assert request(
        audit, engine, "bob", execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    ) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
@pytest.mark.parametrize("how", ["dispose", "invalidate", "detach", "NullPool"])
def test_a_connection_that_is_no_longer_the_same(audit: Audit, url: str, engine: Engine, how: str) -> None:
    def left(connection: Connection) -> None:
        execute("SET app.user_id = 'alice'")(connection)
        if how in ("invalidate", "detach"):
            getattr(connection, how)()

    if how == "NullPool":
        from sqlalchemy.pool import NullPool

        engine = create_engine(url, poolclass=NullPool)
    request(audit, engine, "alice", left)
    if how == "dispose":
        engine.dispose()
    assert request(
        audit, engine, "bob", execute("SELECT coalesce(current_setting('app.user_id', true), '') FROM orders")
    ) == ["", ""]
    assert audit.found("IA505") == []


@pytest.mark.server
def test_sessions_and_their_after_begin(audit: Audit, engine: Engine) -> None:
    def orders(user: str, *, tell: bool) -> list[str]:
        with Session(engine) as session:
            if tell:
                session.execute(text("SELECT set_config('app.user_id', :user, false)"), {"user": user})
            rows = list(session.scalars(text("SELECT current_setting('app.user_id', true) FROM orders")))
            session.commit()
            return rows

    for user in ("alice", "bob", "alice"):
        assert audit.as_user(user, orders, user, tell=True) == [user, user]
    assert audit.found("IA505") == []
    assert audit.as_user("bob", orders, "bob", tell=False) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK


@pytest.mark.server
def test_the_asynchronous_engine(audit: Audit, url: str) -> None:
    async def work(engine: Any, user: str, statement: str) -> Any:
        current_user.set(user)
        async with engine.connect() as connection:
            rows = (await connection.execute(text(statement))).scalars().all()
            await connection.commit()
            return rows

    async def scenario() -> Any:
        engine = create_async_engine(url, pool_size=1, max_overflow=0)
        await asyncio.create_task(work(engine, "alice", "SELECT set_config('app.user_id', 'alice', false)"))
        rows = await asyncio.create_task(work(engine, "bob", "SELECT current_setting('app.user_id') FROM orders"))
        await engine.dispose()
        return rows

    assert asyncio.run(scenario()) == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK


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


@pytest.mark.parametrize("point", [StatementPoint, EndPoint])
@pytest.mark.parametrize("hook", ["before", "after"])
def test_faults_change_nothing(monkeypatch: pytest.MonkeyPatch, file: Engine, point: type, hook: str) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, hook, broken)
    with Auditor(config()) as auditor:
        request(Audit(auditor), file, "alice", TEMPORARY["inserted"])
        assert request(Audit(auditor), file, "bob", READ) == ["alice's"]
    assert auditor.runtime.barrier.counts


def test_all_comes_back(file: Engine) -> None:
    from sqlalchemy.engine import Connection, Engine

    names = ("_exec_single_context", "_exec_insertmany_context", "_commit_impl", "_rollback_impl")
    codes = [getattr(Connection, name).__code__ for name in names]
    with Auditor(config()):
        assert all(getattr(Connection, name).__code__ is not code for name, code in zip(names, codes, strict=True))
        with file.connect() as connection:
            execute("SELECT 1")(connection)
    assert [getattr(Connection, name).__code__ for name in names] == codes
    assert Engine._has_events is False
