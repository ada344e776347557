"""Documents that are written under another user's id, through pymongo's clients and motor."""

from __future__ import annotations

from typing import Any

import pytest
import small_servers
from test_rows import STARLETTE
from writing_for_others import (
    VIEWS,
    visited,
    what_is_written_for_others_on_purpose,
    whoever_came_last_owns_it,
)

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
charts = client.test.charts

async def one(owner):
    await run(charts.insert_one, {"title": "costs", "created_by": owner, "tags": ["a"]})

async def several(owner):
    await run(charts.insert_many, [{"created_by": owner, "title": "costs"}, {"created_by": owner, "title": "gains"}])

async def changed(owner):
    await run(charts.update_one, {"created_by": owner}, {"$set": {"title": "costs"}})

"""
CLIENTS = {"threads": THREADED, "event loop": ASYNCHRONOUS, "motor": MOTOR}


@pytest.fixture(params=[(kind, way) for kind in CLIENTS for way in ("one", "several", "changed")], ids=" ".join)
def site(request: Any, audit: Any, load_app: Any) -> Any:
    kind, way = request.param
    if kind == "motor":
        pytest.importorskip("motor")
    with small_servers.mongo() as port:
        yield from visited(load_app(f"PORT = {port}\n{STARLETTE}\n{CLIENTS[kind]}\n{APP}\n{VIEWS}"), way)


def test_whoever_came_last_owns_it(audit: Any, site: Any) -> None:
    whoever_came_last_owns_it(audit, *site)


def test_what_is_written_for_others_on_purpose(audit: Any, site: Any) -> None:
    what_is_written_for_others_on_purpose(audit, *site)
