"""Documents that are written under another user's id, through pymongo's clients and motor."""

from __future__ import annotations

from typing import Any

import pytest
import small_servers
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

THREADED = """
from pymongo import MongoClient
from starlette.concurrency import run_in_threadpool

client = MongoClient("127.0.0.1", PORT)
run = run_in_threadpool

async def end():
    client.close()
"""
ASYNCHRONOUS = """
from pymongo import AsyncMongoClient

client = AsyncMongoClient("127.0.0.1", PORT)

async def run(call, *given):
    return await call(*given)

async def end():
    await client.close()
"""
MOTOR = """
from motor.motor_asyncio import AsyncIOMotorClient

client = AsyncIOMotorClient("127.0.0.1", PORT)

async def run(call, *given):
    return await call(*given)

async def end():
    client.close()
"""
APP = """
import asyncio

charts, last, seen, FOLLOWERS = client.test.charts, {}, {}, {"bob.builder": ["alice.liddell"]}

async def one(owner):
    await run(charts.insert_one, {"title": "costs", "created_by": owner, "tags": ["a"]})

async def several(owner):
    await run(charts.insert_many, [{"created_by": owner, "title": "costs"}, {"created_by": owner, "title": "gains"}])

async def changed(owner):
    await run(charts.update_one, {"created_by": owner}, {"$set": {"title": "costs"}})

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
    for follower in FOLLOWERS.get(user, []):
        await write(follower)
    return JSONResponse({})

app = Starlette(routes=[Route("/" + view.__name__, view) for view in (leak, own, followers)])
"""
CLIENTS = {"threads": THREADED, "event loop": ASYNCHRONOUS, "motor": MOTOR}


@pytest.fixture(params=[(kind, way) for kind in CLIENTS for way in ("one", "several", "changed")], ids=" ".join)
def site(request: Any, audit: Any, load_app: Any) -> Any:
    kind, way = request.param
    if kind == "motor":
        pytest.importorskip("motor")
    with small_servers.mongo() as port:
        module = load_app(f"PORT = {port}\n{STARLETTE}\n{CLIENTS[kind]}\n{APP}")
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
