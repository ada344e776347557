"""Queues at which the work of several users waits: whose item an answer has, though nobody is named in it."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

jobs, answers, places, batch = asyncio.Queue(), asyncio.Queue(), asyncio.Queue(), asyncio.Queue()
workers, started = [], asyncio.Event()
for place in ("engine-1", "engine-2"):
    places.put_nowait(place)

async def work():
    while True:
        name, future = await jobs.get()
        if name.startswith("bob"):
            await started.wait()
        answer = {"figure": sum(map(ord, name)) * 7919}
        if future is None:
            await answers.put(answer)
        else:
            future.set_result(answer)
        if not name.startswith("bob"):
            started.set()

async def ask(request, future):
    while len(workers) < 2:
        workers.append(asyncio.get_running_loop().create_task(work()))
    await jobs.put((request.headers["x-user"], future))

async def shared(request):
    await ask(request, None)
    return JSONResponse(await answers.get())

async def events(request):
    async def stream():
        await ask(request, None)
        yield f"data: {(await answers.get())['figure']}\\n\\n"
    return StreamingResponse(stream(), media_type="text/event-stream")

async def own(request):
    future = asyncio.get_running_loop().create_future()
    await ask(request, future)
    return JSONResponse(await future)

async def pooled(request):
    place = await places.get()
    await asyncio.sleep(0)
    places.put_nowait(place)
    return JSONResponse({"computed by": place})

async def batched(request):
    future = asyncio.get_running_loop().create_future()
    await batch.put(({"text": "from " + request.headers["x-user"][:3] + "1234567"}, future))
    await asyncio.sleep(0.01)
    taken = []
    while not batch.empty():
        taken.append(await batch.get())
    for item, waiting in taken:
        waiting.set_result(item["text"].upper())
    return JSONResponse({"text": await future})

async def told(request, waiting, asked):
    user = request.headers["x-user"]
    async def later():
        if user.startswith("bob"):
            await asked.wait()
        await waiting.put({"summary": "In short: " + request.query_params["text"]})
        asked.set()
    workers.append(asyncio.get_running_loop().create_task(later()))
    return JSONResponse(await waiting.get())

said, asked = asyncio.Queue(), asyncio.Event()
async def summary(request):
    return await told(request, said, asked)

async def own_summary(request):
    return await told(request, asyncio.Queue(), asked)

async def end():
    for worker in workers:
        worker.cancel()

VIEWS = [shared, events, own, pooled, batched, summary, own_summary]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    yield client
    client.close()


@pytest.mark.parametrize("view", ["shared", "events"])
def test_whoever_is_first_has_got_the_other_ones(audit, app, view) -> None:
    bobs, alices = app.together((BOB, f"/{view}"), (ALICE, f"/{view}"))
    assert str(sum(map(ord, ALICE)) * 7919) in bobs, alices
    found = audit.found()
    assert ("IA203", "warning", BOB, ALICE) in found
    assert {one[:2] for one in found} == {("IA203", "warning")}
    assert all("put it into a queue" in words for words in audit.words())


@pytest.mark.parametrize(("view", "leaks"), [("summary", True), ("own_summary", False)])
def test_what_has_come_in_with_its_owner_explains_it_to_nobody_else(audit, app, view, leaks) -> None:
    bobs, _alices = app.together(
        (BOB, f"/{view}?text=how+long+does+bread+take"), (ALICE, f"/{view}?text=the+lump+under+my+arm+has+grown")
    )
    assert ("lump" in bobs) is leaks
    assert audit.found() == ([("IA203", "error", BOB, ALICE)] if leaks else [])


@pytest.mark.parametrize("view", ["own", "pooled", "batched"])
def test_what_is_nobodys_or_ones_own(audit, app, view) -> None:
    for _ in range(3):
        assert len(app.together((BOB, f"/{view}"), (ALICE, f"/{view}"))) == 2
    assert audit.found() == []
