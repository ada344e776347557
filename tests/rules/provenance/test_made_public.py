"""What is said to all: by the request itself, by staff, or beside its author."""

from __future__ import annotations

import pytest
from asking import Client
from saying import ALICE, BOB, FOUND, WORDS, say

from isolation_audit.rules.provenance.made_public import says_public


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
def test_what_says_that_it_is_public(audit, site, more, found) -> None:
    say(site, ALICE, WORDS, **more)
    assert WORDS in site.ask(BOB, "/record")
    assert audit.found() == found


@pytest.mark.parametrize("path", ["/banner", "/notice"])
def test_what_only_the_staff_may_say_is_for_all(audit, site, path) -> None:
    say(site, ALICE, WORDS, path)
    assert WORDS in site.ask(BOB, "/record")
    assert audit.found() == []


def test_what_was_read_beside_its_author_may_be_told_without(audit, site) -> None:
    say(site, ALICE, WORDS)
    assert WORDS in site.ask("carol.kane", "/board")
    assert WORDS in site.ask(BOB, "/record")
    assert audit.found() == []
    say(site, ALICE, "and this is the next thing")
    site.ask(BOB, "/record")
    assert audit.found() == [], "the view has taken what others may read"
    say(site, ALICE, "this is for nobody else", to="carol.kane")
    site.ask(BOB, "/record")
    assert audit.found() == [FOUND]


STAFF = """
from typing import Annotated
from fastapi import Depends, FastAPI, Request

app, last = FastAPI(), {}

def require_admin(request: Request):
    return request.headers["x-user"]

def signed_in(request: Request):
    return request.headers["x-user"]

async def kept(request):
    last["text"] = (await request.json())["text"]
    return {}

@app.post("/by_default")
async def by_default(request: Request, user=Depends(require_admin)):
    return await kept(request)

@app.post("/annotated")
async def annotated(request: Request, user: Annotated[str, Depends(require_admin)]):
    return await kept(request)

@app.post("/moderators/news")
async def by_route(request: Request):
    return await kept(request)

@app.post("/articles/{number}")
async def article(request: Request, number: str, user: Annotated[str, Depends(require_admin)]):
    return await kept(request)

@app.post("/note")
async def note(request: Request, user: Annotated[str, Depends(signed_in)], other=Depends(signed_in)):
    return await kept(request)

@app.get("/record")
async def record():
    return {"note": last["text"]}
"""


@pytest.mark.parametrize("path", ["/by_default", "/annotated", "/moderators/news"])
def test_what_a_view_of_the_staff_has_taken_is_for_all(audit, staff, path) -> None:
    say(staff, ALICE, WORDS, path)
    assert WORDS in staff.ask(BOB, "/record")
    assert audit.found() == []


@pytest.mark.parametrize(
    ("path", "more"), [("/note", {}), ("/articles/seven", {}), ("/annotated", {"to": "carol.kane"})]
)
def test_what_its_owner_may_write_or_is_for_somebody_is_not(audit, staff, path, more) -> None:
    say(staff, ALICE, WORDS, path, **more)
    assert WORDS in staff.ask(BOB, "/record")
    assert audit.found() == [FOUND]


@pytest.fixture
def staff(audit, load_app):
    client = Client(load_app(STAFF).app)
    client.ask(BOB, "/openapi.json")
    yield client
    client.close()


@pytest.mark.parametrize(
    ("name", "value", "public"),
    [
        *(("is-public", True, True), ("PUBLISHED", "yes", True), ("Visibility", "Everyone", True)),
        *(("is_public", 1, False), ("published", "no", False), ("visibility", "friends", False)),
        *(("title", "public", False), ("audience", True, False)),
    ],
)
def test_fields_that_say_whether_all_may_read(name, value, public) -> None:
    assert says_public(name, value) is public
