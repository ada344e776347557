"""Redirects, cookies and headers of the application's own: what they tell has to have come in as well."""

from __future__ import annotations

import json

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

from isolation_audit.rules.content.response_heads import readable

APP = (
    STARLETTE
    + """
from http.cookies import SimpleCookie
from urllib.parse import urlencode
from starlette.responses import RedirectResponse

last, own, jar = {}, {}, SimpleCookie()

def keep(request):
    last.update(request.query_params)
    own[request.headers["x-user"]] = dict(request.query_params)

def told(request):
    return last if request.path_params["whose"] == "leak" else own[request.headers["x-user"]]

async def saved(request):
    keep(request)
    return JSONResponse({})

async def header(request):
    return JSONResponse({}, headers={"X-Billed-To": told(request)["text"]})

async def redirect(request):
    return RedirectResponse("/thanks?" + urlencode({"text": told(request)["text"]}))

async def cookie(request):
    jar["note"] = told(request)["text"]
    return JSONResponse({}, headers={"Set-Cookie": jar["note"].OutputString()})

async def name(request):
    return JSONResponse({}, headers={"X-Account": told(request)["user"]})

async def editors(request):
    return JSONResponse({}, headers={"X-Updated-By": last["user"]})

async def link(request):
    return JSONResponse({}, headers={"Link": "</users/" + request.query_params["of"] + ">; rel=next"})

VIEWS = [header, redirect, cookie, name, editors, link]
app = Starlette(routes=[Route("/saved", saved), *(Route(f"/{one.__name__}/{{whose}}", one) for one in VIEWS)])
"""
)
WORDS = [("IA203", "warning", BOB, ALICE)]


@pytest.fixture
def app(audit, load_app):
    client = Client(load_app(APP).app)
    client.ask(BOB, "/saved?text=dark+green+door,+third+floor&user=bob.builder")
    client.ask(ALICE, "/saved?text=the+key+is+under+the+mat,+dear&user=alice.liddell")
    yield client
    client.close()


@pytest.mark.parametrize("view", ["header", "redirect", "cookie"])
@pytest.mark.parametrize(("whose", "found"), [("leak", WORDS), ("own", [])])
def test_words_in_the_head_of_a_response(audit, app, view, whose, found) -> None:
    app.ask(BOB, f"/{view}/{whose}")
    assert audit.found() == found


def test_the_header_is_told(audit, app) -> None:
    app.ask(BOB, "/header/leak")
    (entry,) = audit.auditor.recorder.entries()
    assert "the head of a response for bob.builder" in entry.finding.message
    assert entry.finding.field == "$.head.billed_to"


@pytest.mark.parametrize(("whose", "found"), [("leak", [("IA203", "error", BOB, ALICE)]), ("own", [])])
def test_a_name_in_a_header(audit, app, whose, found) -> None:
    app.ask(BOB, f"/name/{whose}")
    assert audit.found() == found


@pytest.mark.parametrize("path", ["/editors/own", "/link/own?of=alice.liddell"])
def test_who_has_made_something_and_who_was_asked_for_is_told_on_purpose(audit, app, path) -> None:
    app.ask(BOB, path)
    assert audit.found() == []


def test_headers_as_they_were_before_they_were_written_down() -> None:
    headers = [
        (b"Set-Cookie", b'note="a\\054 b"; Path=/; HttpOnly'),
        (b"Location", b"/thanks?to=Rua+das+Flores%2012"),
        (b"X-Billed-To", "Caf\u00e9".encode("latin-1")),
    ]
    assert json.loads(readable(headers))["head"] == {
        "cookie note": "a, b",
        "location": "/thanks?to=Rua das Flores 12",
        "billed_to": "Caf\u00e9",
    }
