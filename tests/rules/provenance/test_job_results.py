"""Jobs of queues: what one gives back is its publisher's, and what it has read for that user is that user's."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB

pytest.importorskip("huey")

APP = """
import asyncio
import sqlite3
from huey import MemoryHuey
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

queue = MemoryHuey(results=True)
db = sqlite3.connect(":memory:", check_same_thread=False)
db.executescript('''create table sales (owner text, customer text, cents int);
create table prices (name text, cents int);
insert into prices values ('the big one with a handle', 771902), ('the small one without a lid', 40177);
insert into sales values ('ALICE', 'Hotel zur alten Post', 1204477), ('ALICE', 'Fischer und Sohn und Enkel', 88310),
    ('BOB', 'Brasserie chez Leon', 40125)''')
rows = []

def sold_by(owner):
    return db.execute("select customer, cents from sales where owner = ?", (owner,)).fetchall()

@queue.task()
def shared(owner):
    rows.extend(sold_by(owner))
    return {"rows": list(rows), "total": sum(cents for _, cents in rows)}

@queue.task()
def own(owner):
    found = sold_by(owner)
    return {"rows": found, "total": sum(cents for _, cents in found)}

@queue.task()
def prices(owner):
    return [*db.execute("select name, cents from prices"), owner]

TASKS = {"shared": shared, "own": own, "prices": prices}

async def ask(request):
    result = TASKS[request.path_params["task"]](request.headers["x-user"])
    task = queue.dequeue()
    # A worker's thread, which nobody's work has started.
    await asyncio.get_running_loop().run_in_executor(worker, queue.execute, task)
    return JSONResponse({"given": result.get()} if "gives" in request.query_params else {})

async def last(request):
    return JSONResponse({"rows": rows})

app = Starlette(routes=[Route("/jobs/{task}", ask), Route("/last", last)])

from concurrent.futures import ThreadPoolExecutor
worker = ThreadPoolExecutor(1)
worker.submit(int).result()

async def end():
    worker.shutdown()
    db.close()
"""


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP.replace("ALICE", ALICE).replace("BOB", BOB))
    client = Client(module.app, module.end)
    yield client
    client.close()


def test_the_result_of_a_job_that_keeps_what_earlier_ones_have_read(audit, app) -> None:
    app.ask(ALICE, "/jobs/shared")
    app.ask(BOB, "/jobs/shared")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    assert "the result of a job" in next(iter(audit.auditor.recorder.entries())).finding.message


def test_what_a_job_has_read_is_its_publishers_in_other_views_too(audit, app) -> None:
    app.ask(ALICE, "/jobs/shared")
    assert "Hotel" in app.ask(BOB, "/last")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


@pytest.mark.parametrize("path", ["/jobs/own?gives", "/jobs/prices?gives", "/jobs/own"])
def test_what_a_job_has_read_for_its_publisher_or_for_all(audit, app, path: str) -> None:
    for user in (ALICE, BOB, ALICE):
        assert app.ask(user, path)
    assert audit.found() == []


def test_ones_own_report_in_another_view(audit, app) -> None:
    app.ask(ALICE, "/jobs/shared")
    assert "Hotel" in app.ask(ALICE, "/last")
    assert audit.found() == []
