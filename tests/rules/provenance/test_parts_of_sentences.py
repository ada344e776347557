"""Long sentences that are cut: titles, previews, and streams that go on in the middle of what another has said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

SAID = "Tomorrow our lawyer tells the insurance company that my brother drove the car into the canal on Sunday"
OTHER = "please write a friendly invitation to the summer party of our small gardening club in the village"
FOUND = ("IA203", "warning", BOB, ALICE)

APP = (
    STARLETTE
    + """
from starlette.responses import PlainTextResponse, StreamingResponse

titles, by_user, kept = [], {}, {"words": []}

async def say(request):
    user, told = request.headers["x-user"], (await request.json())["text"]
    titles.append(told[:50])
    by_user.setdefault(user, []).append(told[:50])
    kept["words"] = told.split()
    return JSONResponse({"title": told[:50]})

async def all_of_them(request):
    return JSONResponse({"titles": titles})

async def own(request):
    return JSONResponse({"titles": by_user.get(request.headers["x-user"], [])})

async def going_on(request):
    async def stream():
        for word in kept["words"][6:]:
            yield word + " "
    return StreamingResponse(stream(), media_type="text/plain")

async def shortened(request):
    return PlainTextResponse(" ".join(kept["words"][2:7]))

VIEWS = [say, all_of_them, own, going_on, shortened]
app = Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    client = Client(load_app(APP).app)
    client.ask("carol.kane", "/own")
    client.ask(BOB, "/own")
    yield client
    client.close()


def say(app: Client, user: str, text: str) -> None:
    app.ask(user, "/say", json.dumps({"text": text}).encode(), content_type="application/json")


@pytest.mark.parametrize("view", ["all_of_them", "going_on"])
def test_a_part_out_of_memory(audit, app, view: str) -> None:
    say(app, ALICE, SAID)
    assert SAID not in app.ask(BOB, f"/{view}")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("view", ["all_of_them", "going_on"])
def test_a_part_of_ones_own(audit, app, view: str) -> None:
    say(app, BOB, SAID)
    app.ask(BOB, f"/{view}")
    assert audit.alarms() == []


def test_titles_that_are_kept_by_user(audit, app) -> None:
    say(app, ALICE, SAID)
    say(app, BOB, OTHER)
    assert OTHER[:50] in app.ask(BOB, "/own")
    assert audit.alarms() == []


def test_less_than_a_part(audit, app) -> None:
    """Five words may be anybody's."""
    say(app, ALICE, SAID)
    assert app.ask(BOB, "/shortened") == "lawyer tells the insurance company"
    assert audit.alarms() == []


def test_what_two_have_begun_alike(audit, app) -> None:
    """As where a client puts the same words before each question."""
    before = "answer as a helpful assistant of the municipal library and be brief"
    say(app, ALICE, f"{before} when is story time for the little ones")
    say(app, "carol.kane", f"{before} where are the detective novels kept")
    app.ask(BOB, "/all_of_them")
    assert audit.alarms() == []


@pytest.mark.parametrize("words", ["all together we can see that it is so as we had it then and so on", "so on " * 9])
def test_a_turn_of_speech_is_no_part(audit, app, words: str) -> None:
    say(app, ALICE, f"{words} {SAID}")
    cut: Any = json.loads(app.ask(BOB, "/all_of_them"))
    assert cut["titles"][0].startswith(words[:20])
    assert audit.alarms() == []
