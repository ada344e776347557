"""What a unit was asked with and has read is its user's while it is at work, and when it has left work behind."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

APP = (
    STARLETTE
    + """
import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor

db = sqlite3.connect(":memory:", check_same_thread=False)
db.execute("CREATE TABLE reports (who text, finding text)")
rows = [("alice.liddell", "a small shadow on the left lung"), ("bob.builder", "told by alice.liddell that all is well")]
db.executemany("INSERT INTO reports VALUES (?, ?)", rows)
shared, reports, tasks, pool = {}, {}, set(), ThreadPoolExecutor(1)

def read(who):
    return [row[0] for row in db.execute("SELECT finding FROM reports WHERE who = ?", (who,)).fetchall()]

async def said(request):
    own = shared["said"] = request.query_params["text"]
    await asyncio.sleep(float(request.query_params["for"]))
    return JSONResponse({"you said": shared["said"] if "leak" in request.query_params else own})

async def reading(request):
    own = shared["read"] = read(request.headers["x-user"])
    await asyncio.sleep(float(request.query_params["for"]))
    return JSONResponse(shared["read"] if "leak" in request.query_params else own)

async def build(who):
    await asyncio.sleep(0.01)
    shared["report"] = reports[who] = read(who)

async def start(request):
    who = request.headers["x-user"]
    if "thread" in request.query_params:
        pool.submit(asyncio.run, build(who))
    else:
        task = asyncio.ensure_future(build(who))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    return JSONResponse({"started": True})

async def latest(request):
    await asyncio.sleep(0.05)
    return JSONResponse(shared["report"])

async def own(request):
    await asyncio.sleep(0.05)
    return JSONResponse(reports[request.headers["x-user"]])

async def end():
    db.close()
    pool.shutdown()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (said, reading, start, latest, own)])
"""
)
FOUND = ("IA203", "warning", BOB, ALICE)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask(ALICE, "/said?text=hello&for=0")
    client.ask(BOB, "/said?text=hello&for=0")
    yield client
    client.close()


@pytest.mark.parametrize(("leak", "found"), [("&leak=1", [FOUND]), ("", [])])
def test_words_of_a_request_that_is_still_at_work(audit, app, leak, found) -> None:
    bob = (BOB, f"/said?text=please+translate+good+morning&for=0.05{leak}")
    alice = (ALICE, f"/said?text=my+neighbour+is+hiding+stolen+bicycles&for=0.2{leak}")
    assert ("bicycles" in app.together(bob, alice)[0]) is bool(leak)
    assert audit.found() == found


@pytest.mark.parametrize(("leak", "found"), [("&leak=1", [FOUND]), ("", [("IA209", "note", BOB, ALICE)])])
def test_rows_of_a_request_that_is_still_at_work(audit, app, leak, found) -> None:
    answers = app.together((BOB, f"/reading?for=0.05{leak}"), (ALICE, f"/reading?for=0.2{leak}"))
    assert ("shadow" in answers[0]) is bool(leak)
    assert audit.found() == found


@pytest.mark.parametrize("where", ["", "?thread=1"])
def test_what_work_has_read_that_was_left_behind(audit, app, where) -> None:
    app.ask(ALICE, f"/start{where}")
    assert "shadow" in app.ask(BOB, "/latest")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("where", ["", "?thread=1"])
def test_what_work_has_read_that_was_left_behind_for_the_reader(audit, app, where) -> None:
    app.ask(ALICE, f"/start{where}")
    app.ask(ALICE, "/own")
    app.ask(BOB, f"/start{where}")
    assert "alice.liddell" in app.ask(BOB, "/own")
    assert audit.alarms() == []
