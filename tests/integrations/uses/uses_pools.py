"""Uses of drivers' own pools of connections to a PostgreSQL or MariaDB, whose address is in ``USES_SERVER``."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use

__all__: list[str] = []

USERS = ("alice", "bob")
STATEMENTS = (
    "SET app.user_id = 'somebody'",
    "CREATE TEMPORARY TABLE IF NOT EXISTS mine (owner text)",
    "SELECT pg_advisory_lock(7)",
    "SELECT nothing FROM nowhere",
    "SELECT pg_advisory_unlock(7)",
)


def address() -> str:
    """As drivers take it."""
    return os.environ["USES_SERVER"]


@use("asyncpg")
def asyncpg() -> Any:
    import asyncpg

    async def work(pool: Any, user: str) -> Any:
        current_user.set(user)
        got = []
        async with pool.acquire() as connection:
            got += [await async_outcome(connection.execute(statement)) for statement in STATEMENTS]
            got.append(await async_outcome(connection.execute("INSERT INTO mine VALUES ($1)", user)))
            got.append(await async_outcome(connection.executemany("INSERT INTO mine VALUES ($1)", [(user,), (user,)])))
            got.append(await async_outcome(connection.fetchval("SELECT set_config('app.user_id', $1, false)", user)))
            got.append(await async_outcome(connection.fetchval("SELECT 1 / $1::int", 0)))
            async with connection.transaction():
                got.append(await connection.fetchval("SELECT count(*) FROM mine"))
                await connection.execute("SET LOCAL app.user_id = 'somebody'")
            got.append(await async_outcome(connection.executemany("INSERT INTO mine VALUES ($1)", [(1,)])))
        return got

    async def main() -> Any:
        async with asyncpg.create_pool(address(), min_size=1, max_size=1) as pool:
            return [await asyncio.create_task(work(pool, user)) for user in USERS]

    return as_user(None, asyncio.run, main())


@use("psycopg_pool")
def psycopg_pool() -> Any:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    insert = "INSERT INTO mine VALUES (%s)"
    be = "SELECT set_config('app.user_id', %s, false)"

    def work(pool: Any, user: str) -> Any:
        got: list[Any] = []
        with pool.connection() as connection:
            connection.autocommit = True
            got += [str(outcome(connection.execute, statement))[:7] for statement in STATEMENTS]
            with connection.cursor() as cursor:
                got += [outcome(cursor.executemany, insert, rows) for rows in ([(user,), (user,)], [5])]
                got.append(cursor.execute(be, [user]).fetchone())
            connection.autocommit = False
            connection.execute(insert, [user])
            connection.execute(be, [f"{user}'s"])
            connection.commit()
            with connection.transaction():
                got.append(connection.execute(be, [user]).fetchone())
            connection.execute("SET app.user_id = 'nobody'")
            connection.rollback()
            got.append(str(outcome(connection.execute, "SELECT nothing FROM nowhere"))[:7])
            connection.rollback()
            got.append(connection.execute("SELECT count(*) FROM mine").fetchone())
        return got

    def ends_badly(pool: Any) -> Any:
        with pool.connection() as connection:
            connection.execute(be, ["alice"])
            connection.pgconn.finish()  # behind psycopg's back
            return outcome(connection.commit)

    async def async_work(pool: Any, user: str) -> Any:
        current_user.set(user)
        async with pool.connection() as connection:
            got = [str(await async_outcome(connection.execute(statement)))[:7] for statement in STATEMENTS[:2]]
            await connection.execute(be, [user])
            await connection.commit()
            async with connection.transaction():
                await connection.execute(be, [f"{user}'s"])
            async with connection.cursor() as cursor:
                got += [await async_outcome(cursor.executemany(insert, rows)) for rows in ([(user,), (user,)], [5])]
        return got

    async def main() -> Any:
        async with AsyncConnectionPool(address(), min_size=1, max_size=1, open=False) as pool:
            return [await asyncio.create_task(async_work(pool, user)) for user in USERS]

    with ConnectionPool(address(), min_size=1, max_size=1, open=True) as pool:
        got = [as_user(user, work, pool, user) for user in USERS]
        got.append(as_user("alice", outcome, ends_badly, pool))
    return [got, as_user(None, asyncio.run, main())]


@use("aiomysql")
def aiomysql() -> Any:
    import aiomysql

    async def work(pool: Any, user: str) -> Any:
        current_user.set(user)
        got: list[Any] = []
        async with pool.acquire() as connection, connection.cursor() as cursor:
            for statement in ("SET @user_id = 'somebody'", "SELECT @user_id", "SET @user_id = nothing()", "nonsense"):
                got.append(await async_outcome(cursor.execute(statement)))
                got.append(await async_outcome(cursor.fetchall()))
            for end in (connection.commit, connection.rollback):
                got.append(await async_outcome(cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS mine (owner INT)")))
                await connection.begin()
                got.append(await async_outcome(cursor.execute("INSERT INTO mine VALUES (%s)", (len(user),))))
                await end()
            got += [await async_outcome(connection.select_db(name)) for name in ("test", "nothing")]
        return got

    async def main() -> Any:
        host, _, port = address().partition(":")
        options = {"host": host, "port": int(port), "user": "root", "db": "test"}
        async with aiomysql.create_pool(minsize=1, maxsize=1, **options) as pool:
            return [await asyncio.create_task(work(pool, user)) for user in USERS]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is there already is worth a warning to the server
        return as_user(None, asyncio.run, main())


@use("django_connections")
def django_connections() -> Any:
    from django.db.utils import ConnectionHandler
    from uses_wsgi import django_settings

    django_settings()
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "CONN_MAX_AGE": None}
    connection = ConnectionHandler({"default": database})["default"]

    def work(user: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size = 77")
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS mine (owner TEXT)")
            cursor.executemany("INSERT INTO mine VALUES (%s)", [(user,), (user,)])
            wrong = outcome(cursor.execute, "CREATE TEMP TABLE mine (owner TEXT)")
        connection.set_autocommit(False)
        for end in (connection.commit, connection.rollback):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO mine VALUES ('more')")
            end()
        connection._savepoint("part")
        connection._savepoint_rollback("part")
        connection.rollback()
        connection.set_autocommit(True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM mine")
            return [wrong, cursor.fetchone()]

    got = [as_user(user, work, user) for user in ("alice", "bob", "alice")]
    connection.set_autocommit(False)
    connection.connection.close()
    got += [as_user("bob", outcome, end) for end in (connection.commit, connection.rollback)]
    connection.connection = None
    return got


@use("psycopg2_pool")
def psycopg2_pool() -> Any:
    from psycopg2.pool import SimpleConnectionPool

    def work(pool: Any, user: str) -> Any:
        got: list[Any] = []
        connection = pool.getconn()
        connection.autocommit = True
        with connection.cursor() as cursor:
            got += [str(outcome(cursor.execute, statement)) for statement in STATEMENTS]
            for rows in ([(user,), (user,)], [()]):
                got.append(outcome(cursor.executemany, "INSERT INTO mine VALUES (%s)", rows))
            cursor.execute("SELECT set_config('app.user_id', %s, false)", (user,))
            got.append(cursor.fetchone())
            connection.autocommit = False
            cursor.execute(b"SET app.user_id = 'nobody'")
            got += [connection.rollback(), cursor.execute("SELECT count(*) FROM mine"), cursor.fetchall()]
            got.append(connection.commit())
        got.append(connection.reset())
        pool.putconn(connection)
        return got

    pool = SimpleConnectionPool(1, 1, address())
    got = [as_user(user, work, pool, user) for user in USERS]
    connection = pool.getconn()
    with connection.cursor() as cursor:
        as_user("alice", cursor.execute, "SET app.user_id = 'alice'")
    connection.close()
    got.append(as_user("alice", outcome, connection.commit))
    pool.closeall()
    return got
