"""What an application keeps for a group, for both, or behind a link: who may read it, and what of it is a leak."""

from __future__ import annotations

import json

import pytest
from asking import Client

from isolation_audit.rules.provenance import own_records, shared_with

ALICE, BOB = "alice.liddell", "bob.builder"
FOUND = ("IA203", "warning", BOB, ALICE)
WORDS = "our launch is on the third of October"

APP = f"""
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

TEAM = {{"{ALICE}": "red", "{BOB}": "red", "carol.kane": "blue"}}
FACTS = {{"red": [], "blue": []}}
STAFF = {{"{ALICE}": {{"role": "user", "tenant": "acme"}}, "{BOB}": {{"role": "user", "tenant": "acme"}}}}
SCORES = {{"{ALICE}": 81230, "{BOB}": 41177}}
DIARY, GUESTS, LINKS, NOTES, CASES, TURNS, PAPERS, LAST = {{}}, {{}}, {{}}, {{}}, [], [], [], {{}}

class Case:
    def __init__(self, text, by):
        self.text, self.by, self.agent = text, by, None

def to_link(text):
    NOTES[1], LINKS["9fk3-Zq81-x77b"] = text, 1

async def write(request):
    user, told = request.headers["x-user"], await request.json()
    text, into = told["text"], told["into"]
    GUESTS.setdefault(user, set()).update(told.get("guests", []))
    places = {{
        "team": lambda: FACTS[TEAM[user]].append(text),
        "diaries": lambda: DIARY.setdefault(user, []).append(text),
        "link": lambda: to_link(text),
        "case": lambda: CASES.append(Case(text, user)),
        "tenant": lambda: PAPERS.append({{"tenant": "acme", "text": text}}),
        "turns": lambda: TURNS.append({{"role": "user", "text": text}}),
        "last": lambda: LAST.update(text=text),
    }}
    places[into]()
    return JSONResponse({{}})

def answer(make):
    async def view(request):
        return JSONResponse(make(request.headers["x-user"], request))
    return view

def case(user, request):
    CASES[0].agent = user
    return CASES[0].text

VIEWS = {{
    "team": lambda user, request: FACTS[TEAM[user]],
    "diaries": lambda user, request: [text for of in DIARY if user in GUESTS[of] for text in DIARY[of]],
    "link": lambda user, request: NOTES[LINKS[request.query_params["key"]]],
    "case": case,
    "tenant": lambda user, request: [one["text"] for one in PAPERS if one["tenant"] == STAFF[user]["tenant"]],
    "facts": lambda user, request: FACTS,
    "last": lambda user, request: LAST["text"],
    "turns": lambda user, request: TURNS,
}}
routes = [Route("/" + name, answer(make)) for name, make in VIEWS.items()]
app = Starlette(routes=[Route("/write", write, methods=["POST"]), *routes])
"""


@pytest.fixture
def client(audit, load_app, tmp_path, monkeypatch):
    """The application with its users: a module with a file of its own."""
    module = load_app(APP)
    module.__file__ = str(tmp_path / "shop.py")
    monkeypatch.setattr(own_records, "application_modules", lambda: [module])
    monkeypatch.setattr(shared_with, "application_modules", lambda: [module])
    asking = Client(module.app)
    asking.module = module  # type: ignore[attr-defined]
    yield asking
    asking.close()


def write(client: Client, into: str, **more: object) -> None:
    client.ask(ALICE, "/write", json.dumps({"text": WORDS, "into": into, **more}).encode())


@pytest.mark.parametrize("into", ["team", "link", "case", "tenant"])
def test_what_both_share_is_for_both(client, audit, into: str) -> None:
    write(client, into)
    assert WORDS in client.ask(BOB, f"/{into}?key=9fk3-Zq81-x77b")
    assert audit.found() == []


def test_a_diary_is_for_its_guests(client, audit) -> None:
    write(client, "diaries", guests=[BOB])
    assert WORDS in client.ask(BOB, "/diaries")
    assert audit.found() == []


@pytest.mark.parametrize("into", ["last", "turns"])
def test_what_lies_in_a_place_of_its_own_is_not(client, audit, into: str) -> None:
    write(client, into)
    assert WORDS in client.ask(BOB, f"/{into}")
    assert audit.alarms() == [FOUND]


def test_the_facts_of_a_team_that_the_reader_is_not_in(client, audit) -> None:
    client.module.TEAM[BOB] = "blue"
    write(client, "team")
    assert WORDS in client.ask(BOB, "/facts")
    assert audit.alarms() == [FOUND]


def test_who_is_named_beside_words_before_anybody_knows_them(client, audit) -> None:
    write(client, "last", to=BOB)
    assert WORDS in client.ask(BOB, "/last")
    assert audit.found() == []
