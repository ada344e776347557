"""Listings of what anybody may ask for one by one, kept in memory; and what only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

WORDS = "an oak desk with three drawers"
WARNING = ("IA203", "warning", BOB, ALICE)

APP = (
    STARLETTE
    + HEAD
    + """
last, lots, ads, kept, mine, items = {}, {}, [], {}, {}, {}

class Board:
    def __init__(self):
        self._jobs = {}
    def add(self, text):
        self._jobs[len(self._jobs) + 1] = {"text": text}
        return len(self._jobs)
    def every(self):
        return [{"id": number, **job} for number, job in self._jobs.items()]

class Session:
    profile = None

board, session = Board(), Session()

async def text(request):
    return (await request.json())["text"]

async def put(request):
    last["user"] = user = request.headers["x-user"]
    told, place = await text(request), request.url.path
    if place == "/jobs":
        return JSONResponse({"id": board.add(told)})
    if place == "/polls":
        kept[(await request.json())["slug"]] = {"question": told}
        return JSONResponse({"ok": True})
    if place == "/profile":
        session.profile = await request.json()
        return JSONResponse({"ok": True})
    number = len(lots) + 1
    lots[number] = {"title": told}
    ads.append({"id": number, "title": told})
    items[number] = {"title": told, "owner": user}
    mine["latest"] = {"id": number, "title": told}
    return JSONResponse({"id": number})

async def of_lots(request):
    return JSONResponse([{"lot": number, "title": lot["title"]} for number, lot in lots.items()])

async def of_ads(request):
    return JSONResponse({"ads": ads})

async def of_jobs(request):
    return JSONResponse(board.every())

async def of_polls(request):
    return JSONResponse([{"slug": slug, "question": one["question"]} for slug, one in sorted(kept.items())])

async def of_latest(request):
    return JSONResponse([mine["latest"]])

async def of_items(request):
    found = [{"id": number, "title": one["title"]} for number, one in items.items() if one["owner"] == last["user"]]
    return JSONResponse(found)

async def of_titles(request):
    return JSONResponse([lot["title"] for lot in lots.values()])

async def profile(request):
    return JSONResponse(session.profile)

def both(path, get):
    return [Route(path, put, methods=["POST"]), Route(path, get, methods=["GET"])]

app = Starlette(routes=[
    *both("/lots", of_lots), *both("/ads", of_ads), *both("/jobs", of_jobs), *both("/polls", of_polls),
    *both("/latest", of_latest), *both("/items", of_items), *both("/titles", of_titles), *both("/profile", profile),
    Route("/history", of_lots),
])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    module.__file__ = module.put.__code__.co_filename
    client = Client(module.app, module.end)
    client.ask(BOB, "/lots")
    yield client
    client.close()


def post(app: Client, user: str, path: str, **told: Any) -> str:
    return app.ask(user, path, json.dumps({"text": WORDS, **told}).encode(), content_type="application/json")


@pytest.mark.parametrize("path", ["/lots", "/ads", "/jobs"])
def test_a_view_that_goes_through_all_that_has_a_number(audit, app, path) -> None:
    post(app, ALICE, path)
    assert WORDS in app.ask(BOB, path)
    assert audit.found() == []


def test_the_same_of_what_its_writer_has_named(audit, app) -> None:
    post(app, ALICE, "/polls", slug="lunch-22")
    assert WORDS in app.ask(BOB, "/polls")
    assert audit.found() == []


@pytest.mark.parametrize("path", ["/latest", "/titles", "/items"])
def test_one_record_texts_without_names_and_what_is_picked_by_its_owner(audit, app, path) -> None:
    """The last one picks by whoever has written last, instead of by who asks."""
    post(app, ALICE, path)
    assert WORDS in app.ask(BOB, path)
    assert audit.alarms() == [WARNING]


def test_the_fields_of_one_record_are_no_listing(audit, app) -> None:
    post(app, ALICE, "/profile", phone="0171-5550123")
    assert WORDS in app.ask(BOB, "/profile")
    assert audit.alarms() == [WARNING]


def test_what_was_written_to_another_collection(audit, app) -> None:
    post(app, ALICE, "/lots")
    assert WORDS in app.ask(BOB, "/history")
    assert audit.alarms() == [WARNING]
