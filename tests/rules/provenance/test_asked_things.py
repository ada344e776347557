"""What somebody has written under a name, asked for by that name: no leak, as it was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

WORDS = "the boiler was mended on tuesday"

APP = (
    STARLETTE
    + HEAD
    + """
from starlette.responses import HTMLResponse

states, last, answers = {}, {}, {}

async def write(request):
    told = await request.json()
    last.update(text=told["value"], user=request.headers["x-user"])
    states[told["entity"]] = dict(last)
    return JSONResponse({})

async def put(request):
    last.update(text=(await request.json())["value"], user=request.headers["x-user"])
    states[request.path_params["name"]] = dict(last)
    return JSONResponse({})

async def words(request):
    return JSONResponse({"state": states[request.path_params["name"]]["text"]})

async def record(request):
    held = states[request.path_params["name"]]
    return JSONResponse({"state": held["text"], "context": {"user_id": held["user"]}})

async def template(request):
    text = (await request.json())["template"]
    return JSONResponse({"made": [held["text"] for name, held in states.items() if name in text]})

async def comments(request):
    held = states[request.path_params["name"]]
    return JSONResponse([{"author": held["user"], "text": held["text"]}])

async def latest_words(request):
    return JSONResponse([last["text"]])

async def latest(request):
    return JSONResponse({"state": last["text"], "context": {"user_id": last["user"]}})

async def called(request):
    await request.json()
    return await latest(request)

async def complete(request):
    # Kept by the name of the model alone.
    told = await request.json()
    return JSONResponse({"answer": answers.setdefault(told["model"], told["value"])})

async def form(request):
    return HTMLResponse(f"<title>{request.headers['x-user']}</title><p>a new one, after {last['user']}</p><form>")

async def every(request):
    told = {name: held for name, held in states.items() if name != request.query_params.get("but")}
    return JSONResponse([{"entity": name, "context": {"user_id": held["user"]}} for name, held in told.items()])

async def every_latest(request):
    records = [{"entity": name, "by": None} for name in states]
    return JSONResponse([*records, {"entity": "lamp.hall", "context": {"user_id": last["user"]}}])

def called_by_one(view):
    async def handle(request):
        return await view(request)
    return handle

app = Starlette(routes=[
    Route("/states", every), Route("/states-and-latest", every_latest),
    Route("/services/write", called_by_one(write), methods=["POST"]),
    Route("/services/template", called_by_one(template), methods=["POST"]),
    Route("/rooms/{room}/notes/{name}", put, methods=["POST"]), Route("/rooms/{room}/state/{name}", record),
    Route("/rooms/{room}/notes/{name}/state", record), Route("/kinds/{name}/new", put, methods=["POST"]),
    Route("/kinds/{name}/new", form, methods=["GET"]),
    Route("/write", write, methods=["POST"]), Route("/notes/{name}", put, methods=["PUT", "POST"]),
    Route("/words/{name}", words), Route("/states/{name}", record), Route("/notes/{name}/state", record),
    Route("/notes/{name}/comments", comments), Route("/latest/words", latest_words),
    Route("/template", template, methods=["POST"]), Route("/latest", latest), Route("/latest/{name}", latest),
    Route("/complete", complete, methods=["POST"]), Route("/call/whoami", called, methods=["POST"]),
])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    post(client, BOB, "/write", entity="lamp.hall", value="on")
    yield client
    client.close()


def post(app: Client, user: str, path: str, **told: Any) -> str:
    return app.ask(user, path, json.dumps(told).encode(), content_type="application/json")


@pytest.mark.parametrize("path", ["/words/note.kitchen", "/states/note.kitchen"])
def test_what_was_written_to_the_thing_that_is_asked_for(audit, app, path) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS)
    assert WORDS in app.ask(BOB, path)
    assert audit.alarms() == []


def test_the_same_by_a_name_inside_of_a_longer_text(audit, app) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS)
    assert WORDS in post(app, BOB, "/template", template="{{ states('note.kitchen') }}")
    assert audit.alarms() == []


@pytest.mark.parametrize("name", ["note.kitchen", "7"])
def test_the_same_where_both_paths_have_it(audit, app, name) -> None:
    post(app, ALICE, f"/notes/{name}", value=WORDS)
    assert WORDS in app.ask(BOB, f"/notes/{name}/state")
    assert audit.alarms() == []
    assert audit.found() != [], "it is noted: authorised, or a missing check"


def test_what_is_told_with_its_author_is_no_note(audit, app) -> None:
    post(app, ALICE, "/notes/7", value=WORDS)
    assert ALICE in app.ask(BOB, "/notes/7/comments")
    assert WORDS in app.ask("carol.kane", "/latest/words")
    assert audit.found() == [], "it was shown beside its author, and may be told without"


@pytest.mark.parametrize("path", ["/latest", "/latest/lamp.hall", "/latest/note"])
def test_what_was_written_to_something_else(audit, app, path) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS)
    assert WORDS in app.ask(BOB, path)
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_a_number_is_the_name_of_one_thing_only_where_the_same_stands_before_it(audit, app) -> None:
    post(app, ALICE, "/notes/7", value=WORDS)
    assert WORDS in app.ask(BOB, "/latest/7")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_what_all_requests_to_a_view_have_in_common_is_no_thing(audit, app) -> None:
    post(app, ALICE, "/complete", model="large-2", value=WORDS)
    assert WORDS in post(app, BOB, "/complete", model="large-2", value="hello")
    assert audit.alarms() == [("IA203", "warning", BOB, ALICE)]


@pytest.mark.parametrize("called", [{"method": "records/note"}, {"name": "whoami"}])
def test_what_is_called_is_no_thing_that_its_callers_have_written(audit, app, called) -> None:
    """As with calls in JSON: the method, or the tool whose name the route has."""
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS, **called)
    assert WORDS in post(app, BOB, "/call/whoami", **called)
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


@pytest.mark.parametrize("name", ["template", "@template", "sort"])
def test_how_something_is_shown_is_no_thing(audit, app, name) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS, **{name: "note.item"})
    assert WORDS in app.ask(BOB, f"/latest?{name}=note.item")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_another_name_beside_it_is_one(audit, app) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value=WORDS)
    assert WORDS in post(app, BOB, "/call/whoami", name="note.kitchen")
    assert audit.alarms() == []


@pytest.mark.parametrize(("room", "alarms"), [("tea", []), ("hall", [("IA203", "error", BOB, ALICE)])])
def test_what_is_in_something_else_is_that_of_the_same(audit, app, room, alarms) -> None:
    """Each room has a first note of its own; that they are mixed up here is the leak."""
    post(app, ALICE, "/rooms/tea/notes/first", value="boiler")
    assert ALICE in app.ask(BOB, f"/rooms/{room}/notes/first/state")
    assert audit.alarms() == alarms
    assert audit.found() != []


@pytest.mark.parametrize(("writers", "severity"), [((ALICE,), "note"), ((BOB, "carol.kane", ALICE), "warning")])
def test_the_form_for_a_new_entry_is_nobodys_though_all_have_sent_it(audit, app, writers, severity) -> None:
    for user in writers:
        post(app, user, "/kinds/plan/new", value="boiler")
    assert ALICE in app.ask(BOB, "/kinds/plan/new")
    assert [found[1:] for found in audit.found()] == [(severity, BOB, ALICE)]


def test_the_same_where_one_function_of_a_framework_calls_all_views(audit, app) -> None:
    post(app, ALICE, "/services/write", entity="note.kitchen", value=WORDS)
    assert WORDS in post(app, BOB, "/services/template", template="{{ states('note.kitchen') }}")
    assert audit.alarms() == []


def test_a_list_of_things_tells_who_has_written_to_which(audit, app) -> None:
    post(app, ALICE, "/write", entity="note.kitchen", value="on")
    assert ALICE in app.ask(BOB, "/states")
    assert audit.alarms() == []


@pytest.mark.parametrize("path", ["/states?but=lamp.hall", "/states-and-latest"])
def test_of_nothing_but_her_own_things_and_of_what_she_has_not_written_it_tells_too_much(audit, app, path) -> None:
    post(app, "carol.kane", "/write", entity="lamp.door", value="on")
    post(app, ALICE, "/write", entity="note.kitchen", value="on")
    post(app, ALICE, "/write", entity="lamp.door", value="on")
    assert ALICE in app.ask(BOB, path)
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]
