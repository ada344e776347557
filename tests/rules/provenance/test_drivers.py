"""The same by hand, through each driver and each client, on real servers."""

from __future__ import annotations

import pytest
from asking import Client
from test_rows import STARLETTE

from postgres_server import postgres_server

ASYNCPG = (
    STARLETTE
    + """
import asyncpg

async def connect():
    return await asyncpg.connect(URL)

async def end():
    pass

async def keep(field, user):
    db = await connect()
    await db.execute("CREATE TABLE IF NOT EXISTS by_hand (field text, who text)")
    await db.execute("INSERT INTO by_hand VALUES ($1, $2)", field, user)
    await db.close()

async def read(field):
    db = await connect()
    how = READ[field]
    asked = "SELECT who FROM by_hand WHERE field = $1"
    if how == "fetch":
        found = [row["who"] for row in await db.fetch(asked, field)]
    elif how == "fetchval":
        found = [await db.fetchval(asked, field)]
    elif how == "prepared":
        found = [row["who"] for row in await (await db.prepare(asked)).fetch(field)]
    else:
        async with db.transaction():
            found = [row["who"] async for row in db.cursor(asked, field)]
    await db.close()
    return found

READ = {"a": "fetch", "b": "fetchval", "c": "prepared", "d": "cursor"}
app = routes(read, keep)
"""
)

PSYCOPG = (
    STARLETTE
    + """
import psycopg

async def end():
    pass

async def keep(field, user):
    with psycopg.connect(URL) as db:
        db.execute("CREATE TABLE IF NOT EXISTS by_hand (field text, who text)")
        db.execute("INSERT INTO by_hand VALUES (%s, %s)", (field, user))

async def read(field):
    asked = "SELECT who FROM by_hand WHERE field = %s"
    if field == "a":
        async with await psycopg.AsyncConnection.connect(URL) as db:
            return [row[0] async for row in await db.execute(asked, (field,))]
    with psycopg.connect(URL) as db:
        if field == "b":
            return [db.execute(asked, (field,)).fetchone()[0]]
        if field == "c":
            return [row[0] for row in db.execute(asked, (field,), binary=True)]
        with db.cursor("named") as cursor:
            cursor.execute(asked, (field,))
            return [row[0] for row in cursor]

app = routes(read, keep)
"""
)

PSYCOPG2 = (
    STARLETTE
    + """
import psycopg2
from psycopg2.extras import RealDictCursor

async def end():
    pass

async def keep(field, user):
    with psycopg2.connect(URL) as db, db.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS by_hand (field text, who text)")
        cursor.execute("INSERT INTO by_hand VALUES (%s, %s)", (field, user))
    db.close()

async def read(field):
    db = psycopg2.connect(URL, cursor_factory=RealDictCursor if field == "c" else None)
    with db.cursor("named") if field == "d" else db.cursor() as cursor:
        cursor.execute("SELECT who FROM by_hand WHERE field = %s", (field,))
        if field == "a":
            found = list(cursor.fetchone())
        elif field == "b":
            found = [row[0] for row in cursor.fetchmany(10)]
        else:
            found = [dict(row) if field == "c" else row[0] for row in cursor]
    db.close()
    return found

app = routes(read, keep)
"""
)

AIOSQLITE = (
    STARLETTE
    + """
import os
import tempfile

import aiosqlite

file = tempfile.mkstemp(suffix=".db")[1]

async def end():
    os.remove(file)

async def keep(field, user):
    async with aiosqlite.connect(file) as db:
        await db.execute("CREATE TABLE IF NOT EXISTS by_hand (field text, who text)")
        await db.execute("INSERT INTO by_hand VALUES (?, ?)", (field, user))
        await db.commit()

async def read(field):
    asked = "SELECT who FROM by_hand WHERE field = ?"
    async with aiosqlite.connect(file) as db:
        if field == "a":
            async with db.execute(asked, (field,)) as cursor:
                return [row[0] async for row in cursor]
        if field == "b":
            return [row[0] for row in await db.execute_fetchall(asked, (field,))]
        db.row_factory = aiosqlite.Row
        cursor = await db.execute(asked, (field,))
        return [dict(await cursor.fetchone())] if field == "c" else [dict(row) for row in await cursor.fetchall()]

app = routes(read, keep)
"""
)

WAYS = {"asyncpg": ASYNCPG, "psycopg": PSYCOPG, "psycopg2": PSYCOPG2, "aiosqlite": AIOSQLITE}


@pytest.fixture(scope="module")
def url():
    with postgres_server() as running:
        yield running.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture(params=[pytest.param(one, marks=pytest.mark.server) for one in WAYS])
def client(request, audit, load_app, url):
    module = load_app(f"URL = {url!r}\n" + WAYS[request.param])
    asking = Client(module.app, module.end)
    yield asking
    asking.close()


def test_what_was_read_is_no_leak_and_memory_is(audit, client) -> None:
    client.ask("bob.builder", "/put/own", body=b"")
    for field in "abcd":
        client.ask("alice.liddell", f"/put/{field}", body=b"")
        assert "alice.liddell" in client.ask("bob.builder", f"/get/{field}")
    assert audit.found() == [("IA209", "note", "bob.builder", "alice.liddell")]
    client.ask("bob.builder", "/leak/a")
    assert audit.found()[1:] == [("IA203", "error", "bob.builder", "alice.liddell")]
