"""Words that a user's request brought in: in whose answers they may be, and in whose they are a leak."""

from __future__ import annotations

import json

import pytest
from asking import Client
from saying import ALICE, BOB, FOUND, WORDS, say
from test_inputs import HEAD
from test_rows import STARLETTE


@pytest.mark.parametrize("view", ["memory", "record", "page", "parts"])
def test_words_out_of_memory(audit, site, view) -> None:
    say(site, ALICE, WORDS)
    assert WORDS in site.ask(BOB, f"/{view}")
    assert audit.found() == [FOUND]
    (entry,) = audit.auditor.recorder.entries()
    assert entry.finding.route == f"/{view}"


def test_the_field_is_told(audit, site) -> None:
    say(site, ALICE, WORDS)
    site.ask(BOB, "/record")
    (entry,) = audit.auditor.recorder.entries()
    assert entry.finding.field == "$.items[0].note"


@pytest.mark.parametrize("view", ["own", "board"])
def test_words_of_ones_own_and_with_their_author_beside(audit, site, view) -> None:
    say(site, ALICE, WORDS)
    site.ask(ALICE, "/memory")
    site.ask(BOB, f"/{view}")
    assert audit.alarms() == []


@pytest.mark.parametrize("view", ["rows", "cached"])
def test_words_that_a_query_or_a_cache_has_brought(audit, site, view) -> None:
    say(site, ALICE, WORDS)
    assert WORDS in site.ask(BOB, f"/{view}")
    assert audit.alarms() == []


def test_what_others_may_read_by_a_query_is_no_secret(audit, site) -> None:
    say(site, ALICE, WORDS)
    site.ask("carol.kane", "/rows")
    assert WORDS in site.ask(BOB, "/record")
    assert audit.alarms() == []


def test_words_of_the_code(audit, site) -> None:
    say(site, ALICE, "please name your card")
    assert "please name your card" in site.ask(BOB, "/constant")
    assert audit.alarms() == []


def test_words_that_begin_in_a_key_of_the_answer(audit, site) -> None:
    """``title=the blue one`` was said, and ``"title": "the blue one"`` is answered, beside whose it is."""
    say(site, ALICE, "title=the blue one of mine")
    assert "the blue one" in site.ask(BOB, "/titled")
    assert audit.found() == []


def test_whoever_is_named_in_the_path_is_asked_for(audit, site) -> None:
    say(site, ALICE, WORDS)
    assert WORDS in site.ask(BOB, f"/about/users/{ALICE}/card")
    assert WORDS in site.ask(BOB, f"/about/users?of={ALICE}")
    assert audit.found() == []
    assert WORDS in site.ask(BOB, "/about/users/me")
    assert audit.found() == [FOUND]


def test_what_was_read_in_a_room_may_be_told_elsewhere(audit, site) -> None:
    site.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    site.ask("carol.kane", "/rooms/tea")
    assert WORDS in site.ask(BOB, "/rooms/coffee?of=tea")
    assert audit.found() == []


def test_an_answer_to_what_memory_has_asked_explains_nothing(audit, site) -> None:
    """One client of a model that keeps its conversation: the model answers with what it was told."""
    say(site, ALICE, WORDS)
    assert WORDS in site.ask(BOB, "/complete")
    assert audit.found() == [FOUND]


def test_an_answer_to_what_the_reader_has_asked_does(audit, site) -> None:
    say(site, ALICE, WORDS)
    body = json.dumps({"text": f"{WORDS}, I think"}).encode()
    assert WORDS in site.ask(BOB, "/complete", body, content_type="application/json")
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
