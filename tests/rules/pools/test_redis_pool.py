"""redis-py's pooled connections on a real Redis: many users, and work that is cancelled at any moment."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

import pytest
from auditing import Audit, current_user
from redis.asyncio import BlockingConnectionPool, Redis

from redis_server import redis_server, skip_before_redis_py_5_3

pytestmark = [
    pytest.mark.server,
    # Where work is cancelled while it connects, redis-py leaves the connection to the garbage collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def url(tmp_path):
    """Where a Redis of this test listens."""
    skip_before_redis_py_5_3("written for redis-py 5.3 and later")
    with redis_server(tmp_path) as server:
        yield server.url


async def one_of_all(client: Any, user: str, draw: random.Random) -> Any:
    """One of the ways in which connections are used."""
    kind = draw.randrange(5)
    if kind == 0:
        return await client.get(f"of:{user}")
    if kind == 1:
        async with client.pipeline() as pipe:
            return (await pipe.get(f"of:{user}").incr("count").execute())[0]
    if kind == 2:
        await client.blpop([f"nothing:{user}"], timeout=0.1)
    elif kind == 3:
        async with client.pubsub() as subscription:
            await subscription.subscribe(f"news:{user}")
            for _ in range(3):
                await subscription.get_message(timeout=0.002)
    return await client.eval("return redis.call('get', KEYS[1])", 1, f"of:{user}")


@pytest.mark.parametrize("single", [False, True])
def test_cancelled_work_leaves_nothing(audit: Audit, url: str, single: bool) -> None:
    async def work(client: Any, user: str, draw: random.Random) -> Any:
        current_user.set(user)
        return await one_of_all(client, user, draw)

    async def scenario() -> list[tuple[str, Any]]:
        draw, got = random.Random(1), []
        if single:
            client = Redis.from_url(url, single_connection_client=True, decode_responses=True)
        else:
            client = Redis(
                connection_pool=BlockingConnectionPool.from_url(url, max_connections=2, decode_responses=True)
            )
        users = ("alice", "bob", "carol")
        for user in users:
            await client.set(f"of:{user}", user)
        for number in range(150):
            user = users[number % 3]
            task = asyncio.create_task(work(client, user, draw))
            await asyncio.sleep(draw.choice([0, 0, 0.0005, 0.002, 0.01]))
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                got.append((user, task.result()))
        await client.aclose()
        return got

    got = asyncio.run(asyncio.wait_for(scenario(), 30))
    gc.collect()
    assert got, "some of it was not cancelled in time"
    assert all(value == user for user, value in got)
    assert audit.found("IA505") == []


def test_connections_are_watched(audit: Audit, url: str) -> None:
    async def scenario() -> Any:
        client = Redis.from_url(url)
        current_user.set("alice")
        await client.set("x", 1)
        connection = await client.connection_pool.get_connection()
        record = audit.auditor.runtime.objects.get(connection._reader)
        await client.connection_pool.release(connection)
        await client.aclose()
        return record.connection

    exchange = asyncio.run(scenario())
    assert (exchange.paired, exchange.shared, exchange.answered) == (True, False, True)
