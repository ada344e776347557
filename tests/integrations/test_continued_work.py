"""What a queue lends, as pools of connections do, makes nobody work for whoever had it before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving

from isolation_audit.model.current_inputs import current_inputs, own_inputs


async def asked(app: Any, rounds: int = 3) -> list[str]:
    """What two users get who ask at the same time, some times over."""
    async with serving(app) as url:
        browsers = [Browser(url), Browser(url)]
        answers = []
        for _ in range(rounds):
            both = zip(browsers, ("alice", "bob"), strict=True)
            answers += await asyncio.gather(*[browser.get("/work", user) for browser, user in both])
        for browser in browsers:
            browser.close()
        return answers


def application(view: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def work(request: Any) -> Any:
        own = True
        for _ in range(5):  # by turns: what one has given back the other takes while both are at work
            whose = await view(request)
            own = own and current_inputs() is own_inputs()
            await asyncio.sleep(0)
        return PlainTextResponse(f"{request.headers['x-user']} {known()} {own} {whose}")

    return Starlette(routes=[Route("/work", work)])


EXPECTED = [f"{user} {user} True {user}" for user in ("alice", "bob")] * 3


def test_the_pool_of_sqlalchemy_s_asynchronous_engine(audited, tmp_path):
    pytest.importorskip("aiosqlite")
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import AsyncAdaptedQueuePool

    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/a.db", poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0
    )

    async def view(request: Any) -> str:
        async with engine.connect() as connection:
            return (await connection.execute(text("select :who"), {"who": request.headers["x-user"]})).scalar_one()

    async def scenario() -> list[str]:
        try:
            return await asked(application(view))
        finally:
            await engine.dispose()

    done = audited(scenario, NAMED)
    assert done.result == EXPECTED
    assert told(done.findings) == []


class Place:
    """What a pool of the application's own lends."""


def test_a_pool_of_the_application_s_own(audited):
    """What has come back once is lent."""
    places: asyncio.Queue[Place] = asyncio.Queue()

    async def view(request: Any) -> str:
        place = await places.get()
        await asyncio.sleep(0)
        places.put_nowait(place)
        return request.headers["x-user"]

    async def scenario() -> list[str]:
        places.put_nowait(Place())
        return await asked(application(view))

    done = audited(scenario, NAMED)
    assert done.result == EXPECTED
    assert told(done.findings) == []


def test_a_worker_goes_on_with_the_work_of_whoever_has_put_the_job(audited):
    jobs: asyncio.Queue[Any] = asyncio.Queue()

    async def worker() -> None:
        while True:
            inputs, done = await jobs.get()
            done.set_result(current_inputs() is inputs)

    async def view(request: Any) -> str:
        done = asyncio.get_running_loop().create_future()
        jobs.put_nowait((current_inputs(), done))
        return request.headers["x-user"] if await done else "somebody else's"

    async def scenario() -> list[str]:
        task = asyncio.create_task(worker())
        try:
            return await asked(application(view))
        finally:
            task.cancel()

    assert audited(scenario, NAMED).result == EXPECTED
