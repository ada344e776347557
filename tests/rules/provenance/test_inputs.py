"""What explains a name, besides rows: the request in all its parts, caches, jobs and items; and what does not."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import jwt
import pytest
from asking import Client
from itsdangerous import URLSafeTimedSerializer
from test_rows import STARLETTE

ALICE, BOB, CAROL = "alice.liddell", "bob.builder", "carol.kane"
LEAK = ("IA203", "error", BOB, ALICE)

HEAD = """
import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from cachelib import SimpleCache
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE notes (n int, who text)"))

def add(n, user):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO notes VALUES (:n, :who)"), {"n": n, "who": user})

def select(where="1 = 1", **given):
    with engine.connect() as connection:
        return [row.who for row in connection.execute(text("SELECT who FROM notes WHERE " + where), given)]

async def end():
    engine.dispose()
"""

APP = (
    STARLETTE
    + HEAD
    + """
from starlette.responses import HTMLResponse, StreamingResponse

cache, jobs, pool, last = SimpleCache(), queue.Queue(), ThreadPoolExecutor(1), {}

def worker():
    while True:
        job = jobs.get()
        if job is None:
            return
        asked, loop, future = job
        loop.call_soon_threadsafe(future.set_result, select(asked))

thread = threading.Thread(target=worker, daemon=True)
thread.start()

async def end():
    jobs.put(None)
    thread.join()
    pool.shutdown()
    engine.dispose()

def user_of(request):
    return request.headers["x-user"]

async def note(request):
    add(1, user_of(request))
    last["user"] = user_of(request)
    return JSONResponse({})

async def echo(request):
    return JSONResponse(await request.json())

async def form(request):
    async with request.form() as got:
        return JSONResponse(dict(got))

async def says(request):
    # What the application makes of what came in: a token's name is not in the text of the request.
    return JSONResponse({"shown": SHOWN["name"]})

async def mine(request):
    # Every user has an entry of his own.
    key = "notes of " + user_of(request)
    found = cache.get(key)
    if found is None:
        found = select()
        cache.set(key, found)
    return JSONResponse(found)

async def everybodys(request):
    found = cache.get("notes")
    if found is None:
        found = [user_of(request), "hello"]
        cache.set("notes", found)
    return JSONResponse(found)

async def laundered(request):
    return JSONResponse(select("who = :who", who=last["user"]))

async def everybody(request):
    # One after the other, by a list of members that is there for all.
    return JSONResponse({who: select("who = :who", who=who) for who in MEMBERS})

async def the_last_and_me(request):
    who = user_of(request)
    return JSONResponse([select("who = :who", who=one) for one in (who, last["user"])])

async def asked_for(request):
    return JSONResponse(select("who = :who", who=request.query_params["who"]))

async def in_a_pool(request):
    return JSONResponse(await asyncio.get_running_loop().run_in_executor(pool, select))

async def in_a_thread(request):
    found = []
    job = threading.Thread(target=lambda: found.extend(select()))
    job.start()
    job.join()
    return JSONResponse(found)

async def at_a_queue(request):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    jobs.put(("1 = 1", loop, future))
    return JSONResponse(await future)

async def page(request):
    return HTMLResponse(f"<nav>{user_of(request)}</nav><p>Signed in as {last['user']}</p>")

async def parts(request):
    def rows():
        yield "n,who\\n"
        for place, who in enumerate(select()):
            yield f"{place},{who}\\n"
    return StreamingResponse(rows(), media_type="text/csv")

async def leaking_parts(request):
    def rows():
        for row in ["n,who\\n", "1,", last["user"][:5], last["user"][5:], "\\n"]:
            yield row
    return StreamingResponse(rows(), media_type="text/csv")

SHOWN, MEMBERS = {}, []
VIEWS = [note, echo, form, says, mine, everybodys, laundered, asked_for, in_a_pool, in_a_thread, at_a_queue, page]
VIEWS += [parts, leaking_parts, everybody, the_last_and_me]
app = Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.module = module
    for user in (BOB, ALICE):
        client.ask(user, "/note")
    yield client
    client.close()


def test_what_the_request_names_is_explained(audit, app) -> None:
    body = json.dumps({"to": ALICE}).encode()
    assert ALICE in app.ask(BOB, "/echo", body)
    typed = {"content_type": "application/x-www-form-urlencoded"}
    assert ALICE in app.ask(BOB, "/form", f"to={ALICE}&text=hello".encode(), **typed)
    assert ALICE in app.ask(BOB, f"/asked_for?who={ALICE}")
    assert audit.found() == []


TOKENS = {
    "a signed cookie": ("cookie", "session=" + URLSafeTimedSerializer("key").dumps({"friend": ALICE, "x": "y" * 90})),
    "a signed cookie, compressed": ("cookie", "s=" + URLSafeTimedSerializer("key").dumps({"friends": [ALICE] * 40})),
    "a token": ("authorization", "Bearer " + jwt.encode({"aud": ALICE}, "key" * 12)),
    "credentials": ("proxy_authorization", "Basic " + urlsafe_b64encode(f"{ALICE}:word".encode()).decode()),
}


@pytest.mark.parametrize("token", TOKENS)
def test_what_is_signed_or_encoded_in_it_as_well(audit, app, token) -> None:
    app.module.SHOWN["name"] = ALICE
    header, value = TOKENS[token]
    assert ALICE not in value
    app.ask(BOB, "/says", **{header: value})
    assert audit.found() == []
    app.ask(BOB, "/says", cookie="session=nothing")
    assert audit.found() == [LEAK]


def test_an_entry_of_a_cache_is_its_readers_own_or_somebody_elses(audit, app) -> None:
    for _ in range(2):
        assert ALICE in app.ask(BOB, "/mine")
    assert audit.alarms() == []
    app.ask(ALICE, "/everybodys")
    assert ALICE in app.ask(BOB, "/everybodys")
    assert LEAK in audit.alarms()


def test_an_id_that_never_came_in(audit, app) -> None:
    """Alice was the last to write; bob's query asks for her notes, and finds them."""
    assert ALICE in app.ask(BOB, "/laundered")
    assert audit.found() == [LEAK]
    assert "an id that came in nowhere" in audit.words()[0]


def test_a_list_that_is_asked_for_one_by_one(audit, app) -> None:
    """Whose ids are kept in memory: with the reader's own and several others it is a list, as of members."""
    app.ask(CAROL, "/note")
    app.module.MEMBERS[:] = [ALICE, BOB, CAROL]
    for user in (BOB, CAROL, BOB):
        assert ALICE in app.ask(user, "/everybody")
    assert audit.alarms() == []
    app.ask(ALICE, "/note")
    assert ALICE in app.ask(BOB, "/the_last_and_me")
    assert audit.alarms() == [LEAK]


@pytest.mark.parametrize("where", ["in_a_pool", "in_a_thread", "at_a_queue"])
def test_what_others_read_for_a_unit_is_its_input(audit, app, where) -> None:
    assert ALICE in app.ask(BOB, f"/{where}")
    assert audit.alarms() == []
    assert [one[0] for one in audit.found()] == ["IA209"]


def test_ones_own_name_in_the_frame_of_a_page_settles_nothing(audit, app) -> None:
    assert app.ask(BOB, "/page") == f"<nav>{BOB}</nav><p>Signed in as {ALICE}</p>"
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


def test_a_response_in_parts_is_judged_as_a_whole(audit, app) -> None:
    assert ALICE in app.ask(BOB, "/parts")
    assert [one[0] for one in audit.found()] == ["IA209"]
    assert ALICE in app.ask(BOB, "/leaking_parts")
    assert audit.alarms() == [LEAK]


def test_requests_at_the_same_time_have_inputs_of_their_own(audit, app) -> None:
    app.together((BOB, "/parts"), (BOB, "/leaking_parts"), (ALICE, "/parts"))
    assert audit.alarms() == [LEAK]


def test_nothing_of_an_input_outlives_its_unit(audit, app) -> None:
    import gc

    from isolation_audit.instrument.inputs.background import background_of
    from isolation_audit.model.inputs import Input, Inputs

    app.ask(BOB, "/in_a_thread")
    app.ask(BOB, "/at_a_queue")
    gc.collect()
    at_start = audit.auditor.runtime.part(background_of).at_start  # files, as those of this test run
    assert [one for one in gc.get_objects() if type(one) is Input and one not in at_start] == []
    assert [one.kept for one in gc.get_objects() if type(one) is Inputs and one.kept] == []
