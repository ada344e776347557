"""Rows that are written under another user's id through the drivers of PostgreSQL, used by hand on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from test_rows import STARLETTE
from writing_for_others import (
    VIEWS,
    visited,
    what_is_written_for_others_on_purpose,
    whoever_came_last_owns_it,
)

ASYNC_PSYCOPG = """
import psycopg

async def opened():
    connection = await psycopg.AsyncConnection.connect(URL, autocommit=True)
    kept["close"] = connection.close
    return connection

async def run(statement, *given):
    await (await connection()).execute(statement.replace("$1", "%s").replace("$2", "%s"), given)

async def many(statement, rows):
    async with (await connection()).cursor() as cursor:
        await cursor.executemany(statement.replace("$1", "%s").replace("$2", "%s"), rows)
"""
PSYCOPG = """
import psycopg

async def opened():
    connection = psycopg.connect(URL, autocommit=True)
    async def close():
        connection.close()
    kept["close"] = close
    return connection

async def run(statement, *given):
    (await connection()).execute(statement.replace("$1", "%s").replace("$2", "%s"), given)

async def many(statement, rows):
    with (await connection()).cursor() as cursor:
        cursor.executemany(statement.replace("$1", "%s").replace("$2", "%s"), rows)
"""
PSYCOPG2 = """
import psycopg2

async def opened():
    connection = psycopg2.connect(URL)
    connection.autocommit = True
    async def close():
        connection.close()
    kept["close"] = close
    return connection

async def run(statement, *given):
    with (await connection()).cursor() as cursor:
        cursor.execute(statement.replace("$1", "%s").replace("$2", "%s"), given)
"""
ASYNCPG = """
import asyncpg

async def opened():
    connection = await asyncpg.connect(URL)
    kept["close"] = connection.close
    return connection

async def run(statement, *given):
    await (await connection()).execute(statement, *given)

async def many(statement, rows):
    await (await connection()).executemany(statement, rows)
"""
APP = """
kept = {}

async def connection():
    if "connection" not in kept:
        kept["connection"] = await opened()
        await run("create table if not exists charts (created_by text, title text)")
    return kept["connection"]

async def inserted(owner):
    await run("insert into charts (created_by, title) values ($1, $2)", owner, "costs")

async def changed(owner):
    await run("update charts set title = $1 where created_by = $2", "costs", owner)

async def several(owner):
    await many("insert into charts (created_by, title) values ($1, $2)", [(owner, "costs"), (owner, "gains")])

async def end():
    await kept["close"]()
"""
WAYS = [
    *((PSYCOPG, way) for way in ("inserted", "changed", "several")),
    *((ASYNC_PSYCOPG, way) for way in ("inserted", "several")),
    *((PSYCOPG2, way) for way in ("inserted", "changed")),
    *((ASYNCPG, way) for way in ("inserted", "changed", "several")),
]
NAMES = {PSYCOPG: "psycopg", ASYNC_PSYCOPG: "psycopg-async", PSYCOPG2: "psycopg2", ASYNCPG: "asyncpg"}

pytestmark = pytest.mark.server


@pytest.fixture(params=WAYS, ids=[f"{NAMES[driver]}-{way}" for driver, way in WAYS])
def site(request: Any, audit: Any, load_app: Any, postgres_url: str) -> Any:
    driver, way = request.param
    pytest.importorskip(NAMES[driver].partition("-")[0])
    url = postgres_url.replace("+psycopg", "")
    yield from visited(load_app(f"URL = {url!r}\n{STARLETTE}\n{driver}\n{APP}\n{VIEWS}"), way)


def test_whoever_came_last_owns_it(audit: Any, site: Any) -> None:
    whoever_came_last_owns_it(audit, *site)


def test_what_is_written_for_others_on_purpose(audit: Any, site: Any) -> None:
    what_is_written_for_others_on_purpose(audit, *site)
