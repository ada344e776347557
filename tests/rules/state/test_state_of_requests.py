"""State between requests: of users, of sessions that nobody knows, and of what a request asks for by itself."""

import asyncio
import importlib
import itertools
import os
import sys
import textwrap

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

_numbers = itertools.count()

APP = """
from isolation_audit.integrations.building_blocks.http_request import tell
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Name
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import threading

last = {}
rooms = {}
board = []
local = threading.local()

async def note(request):
    text = request.query_params["text"]
    before = last.get("text")
    last["text"] = text
    return JSONResponse({"before": before})

async def look(request):
    return JSONResponse({"text": last.get("text")})

async def say(request):
    messages = rooms.setdefault(request.path_params["room"], [])
    messages.append({"text": request.query_params["text"]})
    return JSONResponse(messages)

backwards = {"8": "enak.lorac", "80": "nworb.nad"}

async def seen(request):
    number = request.query_params["number"]
    name = backwards[number][::-1]
    tell(LOGIN, Name(number, (name,)))
    before = last.get("reader")
    last["reader"] = name
    return JSONResponse({"before": before})

async def tenant(request):
    if "of" in request.query_params:
        local.tenant = request.query_params["of"]
    return JSONResponse({"tenant": getattr(local, "tenant", None)})

async def post(request):
    board.append({"by": request.headers["x-user"], "text": request.query_params["text"]})
    return JSONResponse({})

async def read(request):
    return JSONResponse(board)

more = [Route("/seen", seen), Route("/tenant", tenant), Route("/post", post), Route("/read", read)]
app = Starlette(routes=[*more, Route("/note", note), Route("/look", look), Route("/rooms/{room}", say)])
"""

ALICE = {"x-user": "alice-1"}
BOB = {"x-user": "bob-2"}
FIRST = {"cookie": "sessionid=k3jh4k5j6h7k8j9h0a1s2d3f4g5"}
SECOND = {"cookie": "sessionid=z9x8c7v6b5n4m3q2w1e0r9t8y7"}


async def ask(app, path, query, headers):
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("shop", 80),
        "client": ("127.0.0.1", 1),
        "query_string": query.encode(),
        "headers": [(b"host", b"shop"), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[-1]["body"].decode()


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Asks the application one thing after the other; gives what was found at error or warning."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(*questions):
        name = f"requests_app_{os.getpid()}_{next(_numbers)}"
        tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(APP))
        config = tmp_path / "isolation-audit.toml"
        config.write_text('[audit]\ndepth = "state"\n[identity]\nheaders = ["x-user"]\n')
        try:
            with Auditor(load_config(config)) as auditor:
                app = importlib.import_module(name).app
                for question in questions:
                    asyncio.run(ask(app, *question))
        finally:
            sys.modules.pop(name, None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        return [one for one in findings if one.severity is not Severity.NOTE and one.rule < "IA9"]

    return run


def note(text, headers):
    return ("/note", f"text={text}", headers)


def test_one_users_note_is_anothers(asked):
    findings = asked(note("the+pin+is+4711", ALICE), note("buy+milk", BOB))
    assert {one.rule for one in findings} == {"IA402", "IA203"}, "where it was read, and where it has left"
    assert {one.route for one in findings} == {"/note"}


def test_ones_own_note(asked):
    assert asked(note("the+pin+is+4711", ALICE), note("buy+milk", ALICE)) == []


def test_two_sessions_of_nobody_are_two(asked):
    assert [one.rule for one in asked(note("the+pin+is+4711", FIRST), note("buy+milk", SECOND))] == ["IA402"]


def test_one_session_of_nobody_is_one(asked):
    assert asked(note("the+pin+is+4711", FIRST), note("buy+milk", FIRST)) == []


def test_requests_without_any_sign_are_not_told_apart(asked):
    assert asked(note("the+pin+is+4711", {}), note("buy+milk", {})) == []


def test_a_visitor_finds_what_a_user_has_left(asked):
    assert [one.rule for one in asked(note("the+pin+is+4711", ALICE), ("/look", "", {}))] == ["IA402"]


def test_a_session_that_was_nobodys_becomes_its_users(asked):
    assert asked(note("the+pin+is+4711", FIRST), ("/look", "", {**FIRST, **ALICE})) == []


def test_what_has_come_in_with_the_reader_too_is_explained(asked):
    assert asked(note("tea+no+4711", ALICE), note("tea+no+4711", BOB)) == []


def test_what_a_third_user_has_sent_too_is_known_to_many(asked):
    carol = {"x-user": "carol-3"}
    assert asked(note("tea+no+4711", carol), note("tea+no+4711", ALICE), ("/look", "", BOB)) == []


def test_a_room_that_both_have_asked_for(asked):
    first, second = ("/rooms/tea", "text=call+me+at+555-4711", ALICE), ("/rooms/tea", "text=hello", BOB)
    assert asked(first, second) == []


def test_a_user_whose_id_is_a_number_is_looked_for_by_name(asked):
    """The number may stand anywhere in what comes in: here it is a part of the reader's own."""
    findings = asked(("/seen", "number=8", {}), ("/seen", "number=80", {}))
    assert [one.rule for one in findings if one.rule == "IA402"] == ["IA402"]


def test_the_same_user_again(asked):
    assert asked(("/seen", "number=8", {}), ("/seen", "number=8", {})) == []


def test_a_short_text_that_was_left_in_a_thread(asked):
    (finding,) = asked(("/tenant", "of=zorro", ALICE), ("/tenant", "", BOB))
    assert (finding.rule, finding.severity.value) == ("IA402", "error")
    assert "was left in this thread" in finding.message


def test_a_thread_whose_own_place_is_set_each_time(asked):
    assert asked(("/tenant", "of=zorro", ALICE), ("/tenant", "of=initech", BOB)) == []


def test_a_board_says_whose_its_messages_are(asked):
    assert asked(("/post", "text=the+pin+is+4711", ALICE), ("/read", "", BOB)) == []


def test_who_asks_for_somebody_by_name_is_told_of_them(asked):
    assert asked(note("the+pin+is+4711", ALICE), ("/look", "who=alice-1", BOB)) == []


def test_who_was_named_by_somebody_is_told_what_they_wrote(asked):
    assert asked(("/note", "text=the+pin+is+4711&to=bob-2", ALICE), ("/look", "", BOB)) == []
