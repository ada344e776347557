"""Reading rows, in all the ways in which libraries hand them on."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from uses import as_user, async_outcome, outcome, use


@use("sqlalchemy_rows")
def sqlalchemy_rows() -> Any:
    from sqlalchemy import column, create_engine, insert, text
    from sqlalchemy import table as table_of

    engine, table = create_engine("sqlite://"), table_of("t", column("n"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n int)"))
        connection.execute(text("INSERT INTO t VALUES (:n)"), [{"n": n} for n in range(5)])
    with engine.connect() as connection:
        read = [connection.execute(text("SELECT n FROM t ORDER BY n")) for _ in range(5)]
        plain = [read[0].fetchone(), read[1].fetchmany(2), read[2].fetchall(), list(read[3]), read[4].scalars().all()]
        ways, made = ("fetchone", "fetchmany", "fetchall"), insert(table).returning(table.c.n)
        parts = [getattr(connection.execute(text("SELECT n FROM t")).yield_per(2), fetch)() for fetch in ways]
        parts += [getattr(connection.execute(made, [{"n": 7}, {"n": 8}]), fetch)() for fetch in ways]
        closed = outcome(read[0].fetchall), outcome(connection.execute, text("nonsense"))
    engine.dispose()
    return repr((plain, parts, [str(one) for one in closed]))


@use("sqlite3_rows")
def sqlite3_rows() -> Any:
    import pickle
    import sqlite3

    db = sqlite3.connect(":memory:")
    cursor = db.cursor()
    cursor.execute("CREATE TABLE t (n int)")
    cursor.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(4)])
    plain = [
        db.execute("SELECT n FROM t WHERE n > ?", (1,)).fetchone(),
        db.execute("SELECT n FROM t").fetchmany(2),
        db.execute("SELECT n FROM t").fetchall(),
        list(db.execute("SELECT n FROM t")),
        db.execute("SELECT n FROM t WHERE n > 9").fetchone(),
        outcome(db.execute, "nonsense"),
        outcome(cursor.execute, "SELECT ?", ()),
    ]
    db.row_factory = sqlite3.Row
    named = [tuple(row) for row in db.execute("SELECT n FROM t").fetchmany()]
    kinds = [type(db).__name__, type(cursor).__name__, isinstance(db, sqlite3.Connection), repr(type(db))]
    closed = outcome(db.close), outcome(db.execute, "SELECT 1")

    class Cursor(sqlite3.Cursor):
        def fetchone(self) -> Any:
            row = super().fetchone()
            return None if row is None else {"n": row[0]}

    class Connection(sqlite3.Connection):
        def cursor(self, *, row_factory: Any = None) -> Any:
            cursor = super().cursor(Cursor)
            cursor.row_factory = row_factory
            return cursor

    class Slotted(sqlite3.Connection):
        __slots__ = ("kept",)

    own = sqlite3.connect(":memory:", factory=Connection)
    slotted = sqlite3.connect(":memory:", 5.0, 0, None, True, Slotted)
    by_function = sqlite3.connect(":memory:", factory=lambda *words, **named: Slotted(*words, **named))
    made = [
        own.execute("SELECT 7").fetchone(),
        own.cursor(row_factory=lambda _cursor, row: [*row]).execute("SELECT 8").fetchall(),
        outcome(own.cursor, Cursor),
        outcome(slotted.cursor, 7),
        outcome(slotted.cursor, lambda _db: 7),
        slotted.cursor(factory=Cursor).execute("SELECT 9").fetchone(),
        [
            isinstance(own, Connection),
            type(own).__name__,
            type(own.cursor()).__qualname__,
            isinstance(slotted, Slotted),
        ],
        by_function.execute("SELECT 10").fetchone(),
    ]
    for one in (own, slotted, by_function):
        one.close()
    return repr((plain, named, kinds, closed, made, pickle.loads(pickle.dumps(sqlite3.connect)) is sqlite3.connect))


@use("django_rows")
def django_rows() -> Any:
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, INSTALLED_APPS=[]
        )
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n int)")
        cursor.executemany("INSERT INTO t VALUES (%s)", [(n,) for n in range(4)])
        read = []
        for how in ("fetchone", "fetchmany", "fetchall"):
            cursor.execute("SELECT n FROM t WHERE n > %s", [0])
            read.append(getattr(cursor, how)())
        cursor.execute("SELECT n FROM t")
        read += [list(cursor), cursor.fetchone(), cursor.rowcount]
        wrong = outcome(cursor.execute, "nonsense"), outcome(lambda: cursor.nothing), cursor.fetchone.__name__
        cursor.execute("DROP TABLE t")
    connection.close()
    return repr((read, wrong))


@use("psycopg_rows")
def psycopg_rows() -> Any:
    import psycopg

    address, got = os.environ["USES_SERVER"], []

    async def main() -> Any:
        async with await psycopg.AsyncConnection.connect(address) as db:
            rows = [row async for row in await db.execute("SELECT generate_series(1, 3)")]
            async with db.cursor("named") as cursor:
                await cursor.execute("SELECT generate_series(1, 3)")
                rows += [row async for row in cursor]
            async with db.cursor() as cursor:
                await cursor.executemany("SELECT %s", [(1,), (2,)])
            return [rows, str(await async_outcome(db.execute("nonsense")))]

    with psycopg.connect(address) as db:
        got.append(db.execute("SELECT generate_series(1, %s)", (3,)).fetchall())
        got.append(list(db.execute("SELECT 1 AS one, NULL", binary=True)))
        got.append(db.execute("CREATE TEMPORARY TABLE numbers (n int)").rowcount)
        with db.cursor("named") as cursor:
            cursor.execute("SELECT generate_series(1, 5)")
            got.append([cursor.fetchone(), cursor.fetchmany(2), list(cursor)])
        with db.cursor() as cursor:
            cursor.executemany("SELECT %s", [(1,), (2,)])
        got.append(outcome(db.execute, "nonsense"))
    return repr([got, asyncio.run(main())])


@use("asyncpg_rows")
def asyncpg_rows() -> Any:
    import asyncpg

    async def main() -> Any:
        db = await asyncpg.connect(os.environ["USES_SERVER"])
        asked, got = "SELECT generate_series(1, $1::int) AS n", []
        got.append([dict(row) for row in await db.fetch(asked, 3)])
        got += [await db.fetchval(asked, 1), await db.fetchrow("SELECT 1 WHERE false"), await db.execute("SELECT 1")]
        await db.executemany("SELECT $1::int", [(1,), (2,)])
        prepared = await db.prepare(asked)
        got.append([tuple(row) for row in await prepared.fetch(3)])
        async with db.transaction():
            got.append([tuple(row) async for row in db.cursor(asked, 3, prefetch=10)])
            cursor = await db.cursor(asked, 5)
            got.append([tuple(row) for row in await cursor.fetch(2)])
        got += [await async_outcome(db.fetch(asked, "three")), await async_outcome(db.fetch("nonsense"))]
        await db.close()
        return got

    return repr(asyncio.run(main()))


def _mysql() -> dict[str, Any]:
    host, port = os.environ["USES_SERVER"].split(":")
    return {"host": host, "port": int(port), "user": "root", "db": "test"}


@use("pymysql_rows")
def pymysql_rows() -> Any:
    import pymysql
    from pymysql.cursors import DictCursor, SSCursor

    got: list[Any] = []
    db = pymysql.connect(**_mysql())
    for kind in (None, DictCursor, SSCursor):
        with db.cursor(kind) as cursor:
            cursor.execute("SELECT %s UNION SELECT 2", (1,))
            got += [cursor.fetchone(), cursor.fetchall(), cursor.fetchone(), outcome(cursor.execute, "nonsense")]
            got.append(outcome(cursor.nextset))
    db.close()
    got.append(outcome(cursor.nextset))
    return repr(got)


@use("mysqlclient_rows")
def mysqlclient_rows() -> Any:
    import MySQLdb
    from MySQLdb.cursors import DictCursor, SSCursor

    got: list[Any] = []
    db = MySQLdb.connect(**_mysql())
    for kind in (None, DictCursor, SSCursor):
        cursor = db.cursor(kind)
        cursor.execute("SELECT %s UNION SELECT 2", (1,))
        got += [cursor.fetchone(), cursor.fetchall(), cursor.fetchone(), outcome(cursor.execute, "nonsense")]
        got += [outcome(cursor.nextset), cursor.execute("SELECT 3"), outcome(cursor.nextset)]
        cursor.close()
        got += [outcome(cursor.fetchall), outcome(cursor.nextset)]
    db.close()
    return repr(got)


@use("aiomysql_rows")
def aiomysql_rows() -> Any:
    import aiomysql

    async def main() -> Any:
        got: list[Any] = []
        db = await aiomysql.connect(**_mysql())
        for kind in (aiomysql.Cursor, aiomysql.DictCursor, aiomysql.SSCursor):
            async with db.cursor(kind) as cursor:
                await cursor.execute("SELECT %s UNION SELECT 2", (1,))
                got += [await cursor.fetchone(), await cursor.fetchall()]
                got.append(await async_outcome(cursor.execute("nonsense")))
        db.close()
        return got

    return repr(asyncio.run(main()))


@use("aiosqlite_rows")
def aiosqlite_rows() -> Any:
    import aiosqlite

    async def main() -> Any:
        async with aiosqlite.connect(":memory:") as db:
            got = [list(await db.execute_fetchall("SELECT ? UNION SELECT 2", (1,)))]
            cursor = await db.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
            got += [await cursor.fetchone(), list(await cursor.fetchmany(1)), list(await cursor.fetchall())]
            await cursor.execute("SELECT ?", (5,))
            got += [[row async for row in cursor], await async_outcome(db.execute("nonsense"))]
            got += [await async_outcome(cursor.execute("nonsense"))]
            return got

    return repr(asyncio.run(main()))


@use("redis_replies")
def redis_replies() -> Any:
    import redis
    import redis.asyncio

    address, got = os.environ["USES_SERVER"], []

    async def main() -> Any:
        async with redis.asyncio.Redis.from_url(address) as server:
            told = [await server.set("n", 3), await server.get("n"), await server.get("nothing")]
            async with server.pipeline() as several:
                told.append(await several.set("m", 4).get("m").execute())
            async with server.pubsub() as told_of:
                await told_of.subscribe("news")
                await server.publish("news", "hello")
                heard = [await told_of.get_message(timeout=5), await told_of.get_message(timeout=5)]
            told += [heard, await async_outcome(server.execute_command("NONSENSE"))]
            async with server.pipeline() as several:
                told.append(await async_outcome(several.incr("list").execute()))
            return told

    with redis.Redis.from_url(address) as server:
        got += [server.set("n", 3), server.get("n"), server.delete("list"), server.rpush("list", "a", "b")]
        got += [server.lrange("list", 0, -1), outcome(server.execute_command, "NONSENSE")]
        with server.pipeline() as several:
            got.append(several.set("m", 4).get("m").execute())
            got.append(outcome(several.incr("list").execute))
        with server.pubsub() as told_of:
            told_of.subscribe("news")
            server.publish("news", "hello")
            got.append([told_of.get_message(timeout=5), told_of.get_message(timeout=5)])
    return repr([got, asyncio.run(main())])


@use("psycopg2_rows")
def psycopg2_rows() -> Any:
    import psycopg2
    from psycopg2.extras import DictCursor

    def work(user: str) -> Any:
        with psycopg2.connect(os.environ["USES_SERVER"]) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT %s || 1, generate_series(1, 5)", (user,))
            got = [cursor.fetchone(), cursor.fetchmany(2), next(cursor), cursor.fetchall(), cursor.fetchall()]
            got.append(outcome(cursor.execute, "SELECT nothing FROM nowhere"))
            connection.rollback()
            with connection.cursor(cursor_factory=DictCursor) as named:
                named.execute("SELECT %(user)s AS who", {"user": user})
                got.append([dict(row) for row in named])
        connection.close()
        return [got, outcome(cursor.fetchone)]

    return [as_user(user, work, user) for user in ("alice", "bob")]
