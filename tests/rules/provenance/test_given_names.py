"""What the application has called what somebody has written: whoever asks by that name has asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

WORDS = "an oak desk with three drawers"
OTHER = "a lamp that is made of brass"
WARNING = ("IA203", "warning", BOB, ALICE)

APP = (
    STARLETTE
    + HEAD
    + """
from starlette.responses import RedirectResponse

lots, links, own, last = {}, {}, {}, {}

async def create(request):
    told = await request.json()
    number = len(lots) + 1
    lots[number] = last["lot"] = told["text"]
    return JSONResponse({"lot": number})

async def lot(request):
    return JSONResponse({"title": lots[int(request.path_params["number"])]})

async def moved(request):
    await create(request)
    return RedirectResponse(f"/lots/{len(lots)}", 303)

async def latest(request):
    return JSONResponse({"title": last["lot"]})

async def shorten(request):
    told = await request.json()
    code = f"{1000 + 7 * len(links):x}"
    links[code] = told["text"]
    return JSONResponse({"code": code})

async def follow(request):
    return JSONResponse({"to": links[request.path_params["code"]]})

async def second_link(request):
    return JSONResponse({"to": links["3ef"]})

async def note(request):
    told = await request.json()
    mine = last["notes"] = own.setdefault(request.headers["x-user"], [])
    mine.append(told["text"])
    return JSONResponse({"id": len(mine)})

async def a_note(request):
    return JSONResponse({"text": last["notes"][int(request.path_params["number"]) - 1]})

async def typing(request):
    await request.json()
    users = own.setdefault(request.path_params["room"], [])
    users.append(request.headers["x-user"])
    return JSONResponse({"others": users[:-1]})

async def last_typing(request):
    await request.json()
    before, last["user"] = last.get("user"), request.headers["x-user"]
    return JSONResponse({"before": before, "n": 1})

app = Starlette(routes=[
    Route("/lots", create, methods=["POST"]), Route("/lots/new", moved, methods=["POST"]), Route("/lots/{number}", lot),
    Route("/latest/{number}", latest), Route("/short", shorten, methods=["POST"]), Route("/r/{code}", follow),
    Route("/second/{code}", second_link), Route("/notes", note, methods=["POST"]), Route("/notes/{number}", a_note),
    Route("/typing/{room}", typing, methods=["POST"]), Route("/after/{room}", last_typing, methods=["POST"]),
])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    post(client, BOB, "/short", text="https://lamps.example/brass")
    yield client
    client.close()


def post(app: Client, user: str, path: str, **told: Any) -> str:
    return app.ask(user, path, json.dumps(told).encode(), content_type="application/json")


@pytest.mark.parametrize("path", ["/lots", "/lots/new"])
def test_the_number_that_an_answer_or_a_redirect_has_given(audit, app, path) -> None:
    post(app, ALICE, path, text=WORDS)
    assert WORDS in app.ask(BOB, "/lots/1")
    assert audit.alarms() == []


def test_another_ones_number_gives_the_latest(audit, app) -> None:
    post(app, BOB, "/lots", text=OTHER)
    post(app, ALICE, "/lots", text=WORDS)
    assert WORDS in app.ask(BOB, "/latest/1")
    assert audit.alarms() == [WARNING]


def test_the_same_number_of_something_else(audit, app) -> None:
    post(app, ALICE, "/lots", text=WORDS)
    assert WORDS in app.ask(BOB, "/latest/1")
    assert audit.alarms() == [WARNING]


def test_a_code_that_names_one_thing_wherever_it_stands(audit, app) -> None:
    post(app, ALICE, "/short", text=f"https://files.example/{ALICE}/report.pdf")
    assert ALICE in app.ask(BOB, "/r/3ef")
    assert audit.alarms() == []
    assert [one[1] for one in audit.found()] == ["note"]


def test_the_same_link_where_it_was_not_asked_for(audit, app) -> None:
    post(app, ALICE, "/short", text=f"https://files.example/{ALICE}/report.pdf")
    app.ask(ALICE, "/r/3ef")
    assert ALICE in app.ask(BOB, "/second/3e8")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_numbers_that_everybody_counts_alone_ask_for_ones_own(audit, app) -> None:
    post(app, BOB, "/notes", text=OTHER)
    post(app, ALICE, "/notes", text=WORDS)
    assert WORDS in app.ask(BOB, "/notes/1")
    assert audit.alarms() == [WARNING]


def test_who_is_in_the_same_room_is_told_by_names_alone(audit, app) -> None:
    post(app, ALICE, "/typing/tea")
    assert ALICE in post(app, BOB, "/typing/tea")
    assert audit.alarms() == []


def test_who_was_there_before_is_no_list(audit, app) -> None:
    post(app, ALICE, "/after/tea")
    assert ALICE in post(app, BOB, "/after/tea")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]
