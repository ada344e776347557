"""uvloop under an application: requests, tasks, threads and queues are their users', as on asyncio's own loops."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from clients import NAMED, known, told
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

uvloop = pytest.importorskip("uvloop")


def application(*, leaking: bool) -> Any:
    """``/mine`` asks a worker for a note, who asks a task and a thread; with ``leaking`` everybody gets the first."""
    kept: list[Any] = []

    async def who(request: Any) -> Any:
        return JSONResponse("somebody")

    async def mine(request: Any) -> Any:
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        user = request.headers["x-user"]
        seen = [known(), await asyncio.create_task(later()), await asyncio.to_thread(known)]
        assert seen == [user] * 3, seen
        kept.append({"owner": user, "word": "tea"})
        return JSONResponse(json.loads(json.dumps(kept[0 if leaking else -1])))

    async def later() -> Any:
        await asyncio.sleep(0)
        return known()

    return Starlette(routes=[Route("/mine", mine), Route("/who", who)])


@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, leaking):
    async def on_uvloop() -> Any:
        return await asyncio.to_thread(uvloop.run, visits(application(leaking=leaking)))

    done = audited(on_uvloop, NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking, True]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
