"""Words that a user's request brought in: in whose answers they may be, and in whose they are a leak."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

WORDS = "my card ends in 4242"

APP = (
    STARLETTE
    + HEAD
    + """
import json
import httpx
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse

turns, last, by_user, rooms = [], {}, {}, {}
cache = SimpleCache()

async def say(request):
    user, told = request.headers["x-user"], await request.json()
    turns.append(told["text"])
    last["text"] = told["text"]
    by_user.setdefault(user, []).append(told["text"])
    add(1, told["text"])
    cache.set("last", told["text"])
    if "to" in told:
        by_user.setdefault(told["to"], []).append(told["text"])
    return JSONResponse({"said": told["text"]})

async def form(request):
    last["text"] = (await request.form())["text"]
    return JSONResponse({})

async def ask(request):
    last["text"] = request.query_params["text"]
    return JSONResponse({})

async def memory(request):
    return PlainTextResponse("So far I know: " + "; ".join(turns))

async def record(request):
    return JSONResponse({"user": request.headers["x-user"], "items": [{"note": last["text"]}]})

async def page(request):
    return HTMLResponse("<p>Hello, you said &quot;" + last["text"] + "&quot;</p>")

async def parts(request):
    async def stream():
        yield "So far: " + last["text"][:9]
        yield last["text"][9:] + "."
    return StreamingResponse(stream(), media_type="text/plain")

async def rows(request):
    return JSONResponse(select())

async def cached(request):
    return JSONResponse([cache.get("last")])

async def own(request):
    return JSONResponse(by_user.get(request.headers["x-user"], []))

async def room(request):
    name, said = request.path_params["name"], request.query_params.get("text")
    if said:
        rooms.setdefault(name, []).append(said)
    return JSONResponse(rooms.get(request.query_params.get("of", name), []))

async def board(request):
    return JSONResponse([{"author": "alice.liddell", "text": last["text"]}])

async def titled(request):
    return JSONResponse({"result": {"title": last["text"].partition("=")[2], "owner": "alice.liddell"}})

async def constant(request):
    return JSONResponse({"hint": "Which of your cards is it", "text": last["text"] and "please name your card"})

async def shouted(request):
    return JSONResponse({"answer": last["text"].title()})

async def banner(request):
    if request.headers["x-user"] != "alice.liddell":
        return JSONResponse({}, 403)
    return await say(request)

async def notice(request):
    if not is_admin(request.headers["x-user"]):
        return JSONResponse({}, 403)
    return await say(request)

def is_admin(user):
    return user.startswith("alice")

def answer(asked):
    said = json.loads(asked.content)["messages"]
    return httpx.Response(200, json={"content": "I read: " + said[-1]})

model = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://model.test")

async def complete(request):
    told = await request.json() if request.method == "POST" else {"text": last["text"]}
    given = await model.post("/chat", json={"messages": [told["text"]]})
    return JSONResponse(given.json())

async def end():
    engine.dispose()
    await model.aclose()

VIEWS = [
    *(say, ask, form, memory, record, page, parts, rows, cached, own, board, titled, constant),
    *(shouted, banner, notice, complete),
]
async def about(request):
    return PlainTextResponse(last["text"])

routes = [Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS]
app = Starlette(routes=[*routes, Route("/rooms/{name}", room), Route("/about/{rest:path}", about)])
"""
)
FOUND = ("IA203", "warning", BOB, ALICE)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask("carol.kane", "/own")
    client.ask(BOB, "/own")
    yield client
    client.close()


def say(app: Client, user: str, text: str, path: str = "/say", **more: Any) -> None:
    app.ask(user, path, json.dumps({"text": text, **more}).encode(), content_type="application/json")


@pytest.mark.parametrize("view", ["memory", "record", "page", "parts"])
def test_words_out_of_memory(audit, app, view) -> None:
    say(app, ALICE, WORDS)
    assert WORDS in app.ask(BOB, f"/{view}")
    assert audit.found() == [FOUND]
    (entry,) = audit.auditor.recorder.entries()
    assert entry.finding.route == f"/{view}"


def test_the_field_is_told(audit, app) -> None:
    say(app, ALICE, WORDS)
    app.ask(BOB, "/record")
    (entry,) = audit.auditor.recorder.entries()
    assert entry.finding.field == "$.items[0].note"


def test_words_of_a_query(audit, app) -> None:
    app.ask(ALICE, "/ask?text=my+card+ends+in%204242")
    assert WORDS in app.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_words_of_a_form(audit, app) -> None:
    kind = "application/x-www-form-urlencoded"
    app.ask(ALICE, "/form", b"text=my+card+ends+in+4242", content_type=kind)
    assert WORDS in app.ask(BOB, "/record")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("view", ["own", "board"])
def test_words_of_ones_own_and_with_their_author_beside(audit, app, view) -> None:
    say(app, ALICE, WORDS)
    app.ask(ALICE, "/memory")
    app.ask(BOB, f"/{view}")
    assert audit.alarms() == []


@pytest.mark.parametrize("view", ["rows", "cached"])
def test_words_that_a_query_or_a_cache_has_brought(audit, app, view) -> None:
    say(app, ALICE, WORDS)
    assert WORDS in app.ask(BOB, f"/{view}")
    assert audit.alarms() == []


def test_what_others_may_read_by_a_query_is_no_secret(audit, app) -> None:
    say(app, ALICE, WORDS)
    app.ask("carol.kane", "/rows")
    assert WORDS in app.ask(BOB, "/record")
    assert audit.alarms() == []


def test_words_that_two_users_have_said(audit, app) -> None:
    say(app, ALICE, WORDS)
    say(app, "carol.kane", WORDS)
    assert WORDS in app.ask(BOB, "/record")
    assert audit.alarms() == []


def test_words_that_were_meant_for_the_reader(audit, app) -> None:
    say(app, ALICE, WORDS, to=BOB)
    assert WORDS in app.ask(BOB, "/own")
    assert audit.alarms() == []


def test_words_that_were_said_in_the_room_that_is_asked_for(audit, app) -> None:
    app.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    assert WORDS in app.ask(BOB, "/rooms/tea")
    assert audit.alarms() == []


def test_words_that_were_said_in_another_room(audit, app) -> None:
    app.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    assert WORDS in app.ask(BOB, "/rooms/coffee?of=tea")
    assert audit.found() == [FOUND]


def test_words_of_the_code(audit, app) -> None:
    say(app, ALICE, "please name your card")
    assert "please name your card" in app.ask(BOB, "/constant")
    assert audit.alarms() == []


@pytest.mark.parametrize(
    "text", ["ok", "hello", "how are you", "2026-11-28", "https://example.com/a/b/c", "1 2 3 4 5 6"]
)
def test_what_is_too_little_to_be_anybodys(audit, app, text) -> None:
    say(app, ALICE, text)
    assert text in app.ask(BOB, "/record")
    assert audit.alarms() == []


def test_letters_of_other_alphabets_as_json_writes_them(audit, app, load_app) -> None:
    words = "geh\u00f6rt mir \u00fcberhaupt nichts"
    say(app, ALICE, words)
    assert words in app.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_words_that_begin_in_a_key_of_the_answer(audit, app) -> None:
    """``title=the blue one`` was said, and ``"title": "the blue one"`` is answered, beside whose it is."""
    say(app, ALICE, "title=the blue one of mine")
    assert "the blue one" in app.ask(BOB, "/titled")
    assert audit.found() == []


def test_whoever_is_named_in_the_path_is_asked_for(audit, app) -> None:
    say(app, ALICE, WORDS)
    assert WORDS in app.ask(BOB, f"/about/users/{ALICE}/card")
    assert WORDS in app.ask(BOB, f"/about/users?of={ALICE}")
    assert audit.found() == []
    assert WORDS in app.ask(BOB, "/about/users/me")
    assert audit.found() == [FOUND]


def test_words_in_capitals(audit, app) -> None:
    say(app, ALICE, WORDS)
    assert WORDS.title() in app.ask(BOB, "/shouted")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"public": True}, []),
        ({"visibility": "everyone"}, []),
        ({"post": {"is_public": "true"}}, []),
        ({"public": False}, [FOUND]),
        ({"visibility": "private"}, [FOUND]),
    ],
)
def test_what_says_that_it_is_public(audit, app, more, found) -> None:
    say(app, ALICE, WORDS, **more)
    assert WORDS in app.ask(BOB, "/record")
    assert audit.found() == found


@pytest.mark.parametrize("path", ["/banner", "/notice"])
def test_what_only_the_staff_may_say_is_for_all(audit, app, path) -> None:
    say(app, ALICE, WORDS, path)
    assert WORDS in app.ask(BOB, "/record")
    assert audit.found() == []


def test_what_was_read_beside_its_author_may_be_told_without(audit, app) -> None:
    say(app, ALICE, WORDS)
    assert WORDS in app.ask("carol.kane", "/board")
    assert WORDS in app.ask(BOB, "/record")
    assert audit.found() == []
    say(app, ALICE, "and this is the next thing")
    app.ask(BOB, "/record")
    assert audit.found() == [], "the view has taken what others may read"
    say(app, ALICE, "this is for nobody else", to="carol.kane")
    app.ask(BOB, "/record")
    assert audit.found() == [FOUND]


def test_what_was_read_in_a_room_may_be_told_elsewhere(audit, app) -> None:
    app.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    app.ask("carol.kane", "/rooms/tea")
    assert WORDS in app.ask(BOB, "/rooms/coffee?of=tea")
    assert audit.found() == []


def test_an_answer_to_what_memory_has_asked_explains_nothing(audit, app) -> None:
    """One client of a model that keeps its conversation: the model answers with what it was told."""
    say(app, ALICE, WORDS)
    assert WORDS in app.ask(BOB, "/complete")
    assert audit.found() == [FOUND]


def test_an_answer_to_what_the_reader_has_asked_does(audit, app) -> None:
    say(app, ALICE, WORDS)
    body = json.dumps({"text": f"{WORDS}, I think"}).encode()
    assert WORDS in app.ask(BOB, "/complete", body, content_type="application/json")
    assert audit.found() == []


LISTS = (
    STARLETTE
    + HEAD
    + """
kept = {}

async def offer(request):
    add(1, request.query_params["text"])
    kept.clear()
    return JSONResponse({})

async def offers(request):
    kept.setdefault("all", select())
    return JSONResponse(kept["all"])

async def own(request):
    kept.setdefault("own", select("who = :who", who=request.query_params["text"]))
    return JSONResponse(kept["own"])

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (offer, offers, own)])
"""
)


def test_a_list_of_what_several_have_said_is_for_all_who_get_it_from_memory(audit, load_app) -> None:
    module = load_app(LISTS)
    app = Client(module.app, module.end)
    app.ask(BOB, "/offer?text=a+lamp+of+old+bottles")
    app.ask(ALICE, "/offer?text=an+oak+desk+with+drawers")
    app.ask(ALICE, "/offers")
    assert "oak desk" in app.ask(BOB, "/offers")
    assert audit.found() == []
    app.close()


def test_what_was_asked_for_alone_is_not(audit, load_app) -> None:
    module = load_app(LISTS)
    app = Client(module.app, module.end)
    app.ask(BOB, "/offer?text=a+lamp+of+old+bottles")
    app.ask(ALICE, "/offer?text=an+oak+desk+with+drawers")
    app.ask(ALICE, "/own?text=an+oak+desk+with+drawers")
    assert "oak desk" in app.ask(BOB, "/own?text=nothing")
    assert audit.found() == [FOUND]
    app.close()
