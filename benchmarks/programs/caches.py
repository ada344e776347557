"""Calls of caches and pools in alice's work; prints nanoseconds of each, as JSON: ``... caches bare|audited``."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

current_user: ContextVar[Any] = ContextVar("current_user", default=None)
CALLS = 20_000


def measured(variant: str) -> dict[str, float]:
    """Nanoseconds of each call in this process."""
    if variant == "bare":
        return everything()
    from isolation_audit.auditor import Auditor
    from isolation_audit.config import Config, model

    sys.modules.setdefault("benchmarked", sys.modules[__name__])
    ambient = model.Ambient(contextvar=model.Target("benchmarked", "current_user"))
    # Of the mechanisms only these two: others watch some of the same calls.
    watch = model.Watch(contexts=False, payloads=False, addressees=False)
    report = model.Report(terminal=False)
    with Auditor(Config(ambient=ambient, watch=watch, report=report)):
        return everything()


def everything() -> dict[str, float]:
    """All calls, one after the other, in alice's work."""
    current_user.set("alice")
    return {**of_lru(), **of_keyed(), **of_sessions(), **asyncio.run(of_streams())}


def timed(call: Callable[[], object], calls: int = CALLS) -> float:
    """Nanoseconds of one call and of the loop around it; the best of five."""
    loop = range(calls)
    best = float("inf")
    for _ in range(5):
        start = time.process_time_ns()
        for _ in loop:
            call()
        best = min(best, (time.process_time_ns() - start) / calls)
    return best


def of_lru() -> dict[str, float]:
    @functools.lru_cache
    def prices(page: int) -> list[int]:
        return [page]

    @functools.lru_cache(maxsize=0)
    def missed(page: int) -> list[int]:
        return [page]

    def one() -> object:
        return prices(1)

    def miss() -> object:
        return missed(1)

    found = {"lru_cache: hit, same user": timed(one), "lru_cache: miss": timed(miss)}
    current_user.set("bob")
    one()
    found["lru_cache: hit, shared value"] = timed(one)
    current_user.set("alice")
    return found


def of_keyed() -> dict[str, float]:
    if importlib.util.find_spec("cachetools") is None:
        return {}
    import cachetools

    cache = cachetools.LRUCache(100)

    def store() -> None:
        cache["row"] = 5

    store()
    return {"cachetools: get, same user": timed(lambda: cache["row"]), "cachetools: set": timed(store)}


def of_sessions() -> dict[str, float]:
    if importlib.util.find_spec("sqlalchemy") is None:
        return {}
    from sqlalchemy import create_engine, text
    from sqlalchemy.orm import Session

    engine, statement = create_engine("sqlite://"), text("select 1")
    with Session(engine) as session:
        found = {"sqlalchemy: Session.execute": timed(lambda: session.execute(statement), CALLS // 20)}
    with engine.connect() as connection:
        found["sqlalchemy: Connection.execute"] = timed(lambda: connection.execute(statement), CALLS // 20)
        connection.exec_driver_sql("create temp table cart (item text)")
        row = text("insert into cart values ('a')")
        found["sqlalchemy: temporary row"] = timed(lambda: connection.execute(row), CALLS // 20)
    return found


async def of_streams() -> dict[str, float]:
    async def answer(reader: Any, writer: Any) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    best = float("inf")
    for _ in range(5):
        start = time.process_time_ns()
        for _ in range(CALLS // 20):
            writer.write(b"question\n")
            await reader.readline()
        best = min(best, (time.process_time_ns() - start) / (CALLS // 20))
    writer.close()
    await writer.wait_closed()
    server.close()
    return {"stream: question and answer": best}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
