"""Rows that are written under another user's id through the drivers of PostgreSQL, used by hand on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

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
import asyncio

kept, last, seen, FOLLOWERS = {}, {}, {}, {"bob.builder": ["alice.liddell"]}

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

def of(request):
    return request.headers["x-user"], globals()[request.query_params["way"]]

async def leak(request):
    user, write = of(request)
    last["user"] = user
    if "waits" in request.query_params:
        seen["waits"] = asyncio.Event()
        await seen["waits"].wait()
    await write(last["user"])
    seen["waits"].set()
    return JSONResponse({})

async def own(request):
    user, write = of(request)
    await write(user)
    return JSONResponse({})

async def followers(request):
    user, write = of(request)
    for one in FOLLOWERS.get(user, []):
        await write(one)
    return JSONResponse({})

async def end():
    await kept["close"]()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (leak, own, followers)])
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
    module = load_app(f"URL = {url!r}\n{STARLETTE}\n{driver}\n{APP}")
    client = Client(module.app, module.end)
    for user in (ALICE, BOB):
        client.ask(user, f"/own?way={way}")
    yield client, way
    client.close()


def test_whoever_came_last_owns_it(audit: Any, site: Any) -> None:
    client, way = site
    client.together((BOB, f"/leak?way={way}&waits"), (ALICE, f"/leak?way={way}"))
    audit.auditor.settle()
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


def test_what_is_written_for_others_on_purpose(audit: Any, site: Any) -> None:
    client, way = site
    for user in (ALICE, BOB, ALICE, BOB):
        client.ask(user, f"/followers?way={way}")
        client.ask(user, f"/own?way={way}")
    audit.auditor.settle()
    assert audit.alarms() == []
