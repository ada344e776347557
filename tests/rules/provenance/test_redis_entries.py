"""Redis as a cache: an entry that another's work has filled does not explain what was read for that user."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

from redis_server import redis_server

pytest.importorskip("redis")

APP = (
    STARLETTE
    + """
import json
import sqlite3
import redis.asyncio

store = redis.asyncio.Redis.from_url(URL, decode_responses=True)
db = sqlite3.connect(":memory:", check_same_thread=False)
db.execute("CREATE TABLE orders (who text, item text, total real)")
rows = [("alice.liddell", "a pregnancy test and folic acid", 4031.87), ("bob.builder", "blades for the saw", 5412.2)]
db.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)

def orders(who):
    return db.execute("SELECT item, total FROM orders WHERE who = ?", (who,)).fetchall()

async def kept(key, made):
    found = await store.get(key)
    if found is None:
        found = json.dumps(made())
        await store.set(key, found)
    return json.loads(found)

async def forgotten(request):
    return JSONResponse(await kept("orders", lambda: orders(request.headers["x-user"])))

async def totals(request):
    return JSONResponse(await kept("totals", lambda: [row[1] for row in orders(request.headers["x-user"])]))

async def by_user(request):
    user = request.headers["x-user"]
    return JSONResponse(await kept("orders:" + user, lambda: orders(user)))

async def all_items(request):
    return JSONResponse(await kept("items", lambda: db.execute("SELECT item FROM orders").fetchall()))

async def report(request):
    user = request.headers["x-user"]
    return JSONResponse(await kept("report", lambda: {"of": user, "totals": [row[1] for row in orders(user)]}))

async def latest(request):
    user = request.headers["x-user"]
    return JSONResponse(await kept("latest", lambda: {"posted_for": user, "kind": "a note for everybody"}))

async def publish(request):
    await store.set("offer", json.dumps(orders(request.headers["x-user"])))
    return JSONResponse({})

async def offer(request):
    return JSONResponse(json.loads(await store.get("offer")))

async def end():
    db.close()
    await store.connection_pool.disconnect()

VIEWS = [forgotten, totals, report, latest, by_user, all_items, publish, offer]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""
)
FOUND = [("IA203", "warning", BOB, ALICE)]

pytestmark = pytest.mark.server


@pytest.fixture
def app(audit, load_app, tmp_path):
    with redis_server(tmp_path) as server:
        module = load_app(f"URL = {server.url!r}\n" + APP)
        client = Client(module.app, module.end)
        yield client
        client.close()


@pytest.mark.parametrize(("view", "shown"), [("forgotten", "pregnancy"), ("totals", "4031.87"), ("report", ALICE)])
def test_an_entry_without_its_user_in_the_key(audit, app, view, shown) -> None:
    app.ask(ALICE, f"/{view}")
    assert shown in app.ask(BOB, f"/{view}")
    assert audit.found() == FOUND


@pytest.mark.parametrize("view", ["by_user", "all_items"])
def test_an_entry_by_user_and_one_of_all(audit, app, view) -> None:
    app.ask(ALICE, "/by_user")
    app.ask(ALICE, f"/{view}")
    app.ask(BOB, f"/{view}")
    app.ask(BOB, f"/{view}")
    assert audit.found() == []


def test_what_was_set_without_having_been_asked_for(audit, app) -> None:
    app.ask(ALICE, "/publish")
    assert "pregnancy" in app.ask(BOB, "/offer")
    assert audit.found() == []


def test_a_name_in_an_entry_without_what_was_read_for_its_user(audit, app) -> None:
    app.ask(ALICE, "/latest")
    assert ALICE in app.ask(BOB, "/latest")
    assert audit.alarms() == []
