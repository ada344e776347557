"""What the drivers' own pools pass on from one user's work to the next, on a real PostgreSQL.

Each case runs on all four pools of one connection; what the second user sees is asserted, too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
import psycopg
import psycopg2.extensions
import psycopg2.pool
import pytest
from auditing import Audit, config, current_user
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from isolation_audit.auditor import Auditor
from isolation_audit.integrations import asyncpg as of_asyncpg
from isolation_audit.integrations import psycopg2_pool as of_psycopg2
from isolation_audit.integrations import psycopg_pool as of_psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.server

LEAK = {("alice", "bob")}
ROLE = "SELECT current_user::text FROM orders"
SETTING = "SELECT coalesce(current_setting('app.user_id', true), '') FROM orders"


class Pool(Protocol):
    """One kind of pool."""

    reset: bool
    """True where the pool cleans settings and locks by itself."""
    shows: bool
    """True where the driver shows what a statement has answered before the application reads it."""

    def run(self, audit: Audit, work: list[tuple[str | None, list[Any]]]) -> list[Any]:
        """Run each one's ``(user, statements)``; gives the first column of each one's last statement.

        A statement is text, or a list of text and parameters. A tuple is one transaction, and ``!`` in it an exception.
        """


class Stop(Exception):
    """Ends a transaction."""


class Psycopg:
    reset, shows = False, True

    def __init__(self, url: str, **options: Any) -> None:
        self.url, self.options = url, options

    def run(self, audit: Audit, work: list[tuple[str | None, list[Any]]]) -> list[Any]:
        with ConnectionPool(self.url, min_size=1, max_size=1, open=True, **self.options) as pool:
            return [audit.as_user(user, self._one, pool, steps) for user, steps in work]

    def _one(self, pool: ConnectionPool, steps: list[Any]) -> Any:
        rows = None
        with pool.connection() as connection:
            connection.autocommit = True
            for step in steps:
                with suppress(Stop, psycopg.Error):
                    if type(step) is tuple:
                        with connection.transaction():
                            for part in step:
                                self._execute(connection, part)
                    else:
                        rows = self._execute(connection, step)
            connection.autocommit = False
        return rows

    @staticmethod
    def _execute(connection: Any, step: Any) -> Any:
        if step == "!":
            raise Stop
        cursor = connection.execute(*(step if type(step) is list else [step]))
        return [row[0] for row in cursor.fetchall()] if cursor.description else None


class AsyncPsycopg(Psycopg):
    def run(self, audit: Audit, work: list[tuple[str | None, list[Any]]]) -> list[Any]:
        async def main() -> list[Any]:
            async with AsyncConnectionPool(self.url, min_size=1, max_size=1, open=False, **self.options) as pool:
                return [await asyncio.create_task(self._async_one(pool, user, steps)) for user, steps in work]

        return asyncio.run(main())

    async def _async_one(self, pool: AsyncConnectionPool, user: str | None, steps: list[Any]) -> Any:
        current_user.set(user)
        rows = None
        async with pool.connection() as connection:
            await connection.set_autocommit(True)
            for step in steps:
                with suppress(Stop, psycopg.Error):
                    if type(step) is tuple:
                        async with connection.transaction():
                            for part in step:
                                await self._async_execute(connection, part)
                    else:
                        rows = await self._async_execute(connection, step)
            await connection.set_autocommit(False)
        return rows

    @staticmethod
    async def _async_execute(connection: Any, step: Any) -> Any:
        if step == "!":
            raise Stop
        cursor = await connection.execute(*(step if type(step) is list else [step]))
        return [row[0] for row in await cursor.fetchall()] if cursor.description else None


class Asyncpg:
    reset = shows = True

    def __init__(self, url: str, **options: Any) -> None:
        self.url, self.options = url, options

    def run(self, audit: Audit, work: list[tuple[str | None, list[Any]]]) -> list[Any]:
        async def main() -> list[Any]:
            async with asyncpg.create_pool(self.url, min_size=1, max_size=1, **self.options) as pool:
                return [await asyncio.create_task(self._one(pool, user, steps)) for user, steps in work]

        return asyncio.run(main())

    async def _one(self, pool: Any, user: str | None, steps: list[Any]) -> Any:
        current_user.set(user)
        rows = None
        async with pool.acquire() as connection:
            for step in steps:
                with suppress(Stop, asyncpg.PostgresError):
                    if type(step) is tuple:
                        async with connection.transaction():
                            for part in step:
                                await self._execute(connection, part)
                    else:
                        rows = await self._execute(connection, step)
        return rows

    @staticmethod
    async def _execute(connection: Any, step: Any) -> Any:
        if step == "!":
            raise Stop
        query, parameters = step if type(step) is list else (step, ())
        for number in range(len(parameters)):
            query = query.replace("%s", f"${number + 1}", 1)
        if not query.startswith("SELECT"):
            return await connection.execute(query, *parameters)
        return [row[0] for row in await connection.fetch(query, *parameters)]


class Psycopg2:
    reset = shows = False

    def __init__(self, url: str, **options: Any) -> None:
        self.url, self.options = url, options

    def run(self, audit: Audit, work: list[tuple[str | None, list[Any]]]) -> list[Any]:
        pool = psycopg2.pool.ThreadedConnectionPool(1, 1, self.url, **self.options)
        try:
            return [audit.as_user(user, self._one, pool, steps) for user, steps in work]
        finally:
            pool.closeall()

    def _one(self, pool: Any, steps: list[Any]) -> Any:
        rows = None
        connection = pool.getconn()
        for step in steps:
            connection.autocommit = type(step) is not tuple
            with suppress(Stop, psycopg2.Error):
                if type(step) is tuple:
                    with connection:
                        for part in step:
                            self._execute(connection, part)
                else:
                    rows = self._execute(connection, step)
        connection.autocommit = False
        pool.putconn(connection)
        return rows

    @staticmethod
    def _execute(connection: Any, step: Any) -> Any:
        if step == "!":
            raise Stop
        with connection.cursor() as cursor:
            cursor.execute(*(step if type(step) is list else [step]))
            return [row[0] for row in cursor.fetchall()] if cursor.description else None


@pytest.fixture
def address(postgres_url: str) -> str:
    """The server's, as the drivers take it."""
    return postgres_url.replace("+psycopg", "")


POOLS: dict[str, Callable[..., Pool]] = {
    "psycopg": Psycopg,
    "psycopg, asyncio": AsyncPsycopg,
    "psycopg2": Psycopg2,
    "asyncpg": Asyncpg,
}


@pytest.fixture(params=POOLS.values(), ids=POOLS.keys())
def pool(request: pytest.FixtureRequest, address: str) -> Pool:
    """A pool of one connection of each kind."""
    return request.param(address)


LEFT: dict[str, list[Any]] = {
    "alone": ["SET ROLE reports"],
    "committed": [("SET ROLE reports", "SELECT 1")],
    "committed by hand": ["BEGIN", "SET ROLE reports", "COMMIT"],
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT.keys())
def test_a_role_stays_on_every_pools_connections(audit: Audit, pool: Pool, left: list[Any]) -> None:
    work = [("alice", left), ("bob", ["SELECT DISTINCT current_user::text FROM pg_class"])]
    assert pool.run(audit, work)[1] == ["reports"]
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert "as the role of the database session" in finding.message


def test_rows_in_a_temporary_table(audit: Audit, pool: Pool) -> None:
    filled = ("CREATE TEMP TABLE cart (item text)", ["INSERT INTO cart VALUES (%s)", ("alice's",)])
    assert pool.run(audit, [("alice", [filled]), ("bob", ["SELECT item FROM cart"])])[1] == ["alice's"]
    assert audit.pairs("IA505") == LEAK


@pytest.mark.parametrize(
    "left", ["SET app.user_id = 'alice'", ["SELECT set_config('app.user_id', %s, false)", ("alice",)]]
)
def test_a_setting_that_names_its_user(audit: Audit, pool: Pool, left: Any) -> None:
    seen = pool.run(audit, [("alice", [left]), ("bob", [SETTING])])[1]
    assert seen == (["", ""] if pool.reset else ["alice", "alice"])
    assert audit.pairs("IA505") == (set() if pool.reset else LEAK)


@pytest.mark.parametrize("lock", ["SELECT pg_advisory_lock(7)", "SELECT pg_try_advisory_lock(7)"])
def test_a_lock_that_is_still_held(audit: Audit, pool: Pool, lock: str) -> None:
    held = "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert pool.run(audit, [("alice", [lock]), ("bob", [held])])[1] == [0 if pool.reset else 1]
    seen = not pool.reset and (pool.shows or "try" not in lock)
    assert audit.pairs("IA505") == (LEAK if seen else set())


CLEAN: dict[str, Any] = {
    "given back": ["SET ROLE reports", "RESET ROLE"],
    "taken back": [("SET ROLE reports", "!")],
    "taken back, a part of it": [("SELECT 1", "SAVEPOINT one", "SET ROLE reports", "ROLLBACK TO one")],
    "for the transaction": [("SET LOCAL ROLE reports", "SELECT owner FROM orders")],
    "failed": [("SET ROLE reports", "SELECT 1 / 0")],
    "failed at the very end": [
        (
            "CREATE TEMPORARY TABLE once (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO once VALUES (1), (1)",
            "SET ROLE reports",
        )
    ],
}


@pytest.mark.parametrize("left", CLEAN.values(), ids=CLEAN.keys())
def test_a_role_that_is_not_met(audit: Audit, pool: Pool, left: list[Any]) -> None:
    look = "SELECT DISTINCT current_user::text FROM pg_class"
    assert pool.run(audit, [("alice", left), ("bob", [look])])[1] == ["postgres"]
    assert audit.found("IA505") == []


def test_who_sets_anew_and_who_comes_back(audit: Audit, pool: Pool) -> None:
    set_own = [("SELECT set_config('app.user_id', %s, false)")]
    work = [(user, [[*set_own, (user,)], SETTING]) for user in ("alice", "bob", "alice")]
    assert pool.run(audit, work) == [[user, user] for user in ("alice", "bob", "alice")]
    assert audit.found("IA505") == []


@pytest.mark.parametrize("fails", [False, True])
def test_what_psycopg_commits_when_a_connection_comes_home(audit: Audit, address: str, fails: bool) -> None:
    def work(pool: ConnectionPool, *statements: str) -> Any:
        with suppress(psycopg.Error), pool.connection() as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchone()

    with ConnectionPool(address, min_size=1, max_size=1, open=True) as pool:
        audit.as_user("alice", work, pool, "SET ROLE reports", *(["SELECT 1 / 0"] if fails else ["SELECT 1"]))
        seen = audit.as_user("bob", work, pool, "SELECT DISTINCT current_user::text FROM pg_class")
    assert seen == ("postgres" if fails else "reports",)
    assert audit.pairs("IA505") == (set() if fails else LEAK)


def test_one_lending_out_for_several_users(audit: Audit, address: str) -> None:
    with ConnectionPool(address, min_size=1, max_size=1, open=True) as pool, pool.connection() as connection:
        audit.as_user("alice", connection.execute, "SET app.user_id = 'alice'")
        audit.as_user("bob", connection.execute, SETTING)
    assert audit.found("IA505") == []


def test_a_reset_of_the_applications_own(audit: Audit, address: str) -> None:
    def clean(connection: Any) -> None:
        connection.autocommit = True
        connection.execute("DISCARD ALL")
        connection.autocommit = False

    work = [("alice", ["SET app.user_id = 'alice'", "SET ROLE reports"]), ("bob", [SETTING])]
    assert Psycopg(address, reset=clean).run(audit, work)[1] == ["", ""]
    assert audit.found("IA505") == []


def test_a_statement_that_is_put_together(audit: Audit, address: str) -> None:
    anew = psycopg.sql.SQL("SET app.user_id = {}").format("bob")
    work = [("alice", ["SET app.user_id = 'alice'"]), ("bob", [anew, SETTING])]
    assert Psycopg(address).run(audit, work)[1] == ["bob", "bob"]
    assert audit.found("IA505") == []


def test_a_pipeline_has_no_answers_yet(audit: Audit, address: str) -> None:
    def work(pool: ConnectionPool, *statements: str) -> Any:
        with pool.connection() as connection, connection.pipeline():
            cursors = [connection.execute(statement) for statement in statements]
            return cursors[-1].fetchone()

    with ConnectionPool(address, min_size=1, max_size=1, open=True) as pool:
        audit.as_user("alice", work, pool, "SELECT pg_try_advisory_lock(7)", "SET ROLE reports", "SELECT 1")
        look = "SELECT DISTINCT current_user::text FROM pg_class"
        assert audit.as_user("bob", work, pool, "SELECT 2", look) == ("reports",)
    assert audit.pairs("IA505") == LEAK


def test_a_pool_of_asyncpg_that_does_not_reset(audit: Audit, address: str) -> None:
    class Careless(asyncpg.Connection):
        def get_reset_query(self) -> str:
            return ""

    pool = Asyncpg(address, connection_class=Careless)
    assert pool.run(audit, [("alice", ["SET app.user_id = 'alice'"]), ("bob", [SETTING])])[1] == ["alice", "alice"]
    assert audit.pairs("IA505") == LEAK


def test_where_psycopg2s_pool_is_told_of(audit: Audit, address: str) -> None:
    """The place is the application's own, not that of the class which tells."""
    Psycopg2(address).run(audit, [("alice", ["SET ROLE reports"]), ("bob", ["SELECT count(*) FROM pg_class"])])
    (finding,) = audit.found("IA505")
    assert finding.site is not None
    assert (finding.site.top.function, finding.target) == ("Psycopg2._execute", "psycopg2.extensions:cursor.execute")


def test_a_key_that_is_lent_out_already(audit: Audit, address: str) -> None:
    """It gives the same connection, in the same transaction: what alice has not committed stays hers."""
    pool = psycopg2.pool.SimpleConnectionPool(1, 1, address)
    for user, statement in (("alice", "SET ROLE reports"), ("bob", "SELECT count(*) FROM pg_class")):
        with pool.getconn("job").cursor() as cursor:
            audit.as_user(user, cursor.execute, statement)
    pool.closeall()
    assert audit.found("IA505") == []


@pytest.mark.parametrize("clean", ["RESET ALL; RESET ROLE", b"DISCARD ALL", "reset()"])
def test_who_cleans_a_connection_of_psycopg2s_pool(audit: Audit, address: str, clean: Any) -> None:
    pool = psycopg2.pool.SimpleConnectionPool(1, 1, address)

    def work(*statements: Any) -> Any:
        connection = pool.getconn()
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                connection.reset() if statement == "reset()" else cursor.execute(statement)
        pool.putconn(connection)

    audit.as_user("alice", work, "SET ROLE reports", "SET app.user_id = 'alice'", clean)
    audit.as_user("bob", work, SETTING)
    pool.closeall()
    assert audit.found("IA505") == []


def test_a_class_of_connections_of_the_applications_own_is_told_of(audit: Audit, address: str) -> None:
    class Own(psycopg2.extensions.connection):
        pass

    assert Psycopg2(address, connection_factory=Own).run(audit, [("alice", ["SELECT 1"])]) == [[1]]
    unwatched = audit.auditor.snapshot()["coverage"]["unwatched"]
    (name,) = unwatched
    assert "psycopg2's pool" in name
    assert (unwatched[name]["seen"], unwatched[name]["known"]) == (1, 0)


POINTS = [
    (of_psycopg2.LendPoint, "before", Psycopg2),
    (of_psycopg2.LendPoint, "after", Psycopg2),
    (of_psycopg2.StatementPoint, "before", Psycopg2),
    (of_psycopg2.StatementPoint, "after", Psycopg2),
    (of_asyncpg.LendPoint, "before", Asyncpg),
    (of_asyncpg.StatementPoint, "before", Asyncpg),
    (of_asyncpg.StatementPoint, "after", Asyncpg),
    (of_psycopg.LendPoint, "after", Psycopg),
    (of_psycopg.StatementPoint, "before", Psycopg),
    (of_psycopg.StatementPoint, "after", AsyncPsycopg),
    (of_psycopg.CommandPoint, "before", AsyncPsycopg),
    (of_psycopg.EndPoint, "before", AsyncPsycopg),
    (of_psycopg.EndPoint, "after", Psycopg),
]


@pytest.mark.parametrize(("point", "hook", "pool"), POINTS)
def test_faults_change_nothing(
    monkeypatch: pytest.MonkeyPatch, address: str, point: type, hook: str, pool: Callable[..., Pool]
) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, hook, broken)
    with Auditor(config()) as auditor:
        work = [
            ("alice", [("SET ROLE reports", "SELECT 1")]),
            ("bob", ["SELECT DISTINCT current_user::text FROM pg_class"]),
        ]
        assert pool(address).run(Audit(auditor), work)[1] == ["reports"]
    assert auditor.runtime.barrier.counts


def test_all_comes_back() -> None:
    watched = [
        *(getattr(asyncpg.Connection, name) for name in ("_set_proxy", "execute", "_execute", "_executemany")),
        *(getattr(kind, name) for kind in (psycopg.Cursor, psycopg.AsyncCursor) for name in ("execute", "executemany")),
        *(kind.getconn for kind in (ConnectionPool, AsyncConnectionPool)),
        *(kind.commit for kind in (psycopg.Connection, psycopg.AsyncConnection)),
        *(psycopg.Transaction.__exit__, psycopg.AsyncTransaction.__aexit__),
        psycopg.Connection._exec_command,
        psycopg2.pool.AbstractConnectionPool._getconn,
    ]
    codes, connect = [one.__code__ for one in watched], psycopg2.connect
    with Auditor(config()):
        assert psycopg2.connect is not connect
        assert all(one.__code__ is not code for one, code in zip(watched, codes, strict=True))
    assert [one.__code__ for one in watched] == codes
    assert psycopg2.connect is connect
