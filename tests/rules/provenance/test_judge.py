"""Names that are in no input of the unit, and still no error: loaded for all, handed over, or not to be seen."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

from isolation_audit.model.inputs import LATEST, REQUEST, ROWS, Input, Inputs
from isolation_audit.rules.provenance import judge

CAROL, DAVE, ERIN = "carol.kane", "dave.null", "erin.gray"

APP = (
    STARLETTE
    + HEAD
    + """
add(1, "erin" + ".gray")
DIRECTORY = select()
last, used, told = {}, set(), {}

async def note(request):
    add(7, request.headers["x-user"])
    last["user"] = request.headers["x-user"]
    return JSONResponse({})

async def directory(request):
    return JSONResponse({"owner": DIRECTORY[0]})

async def rows(request):
    return JSONResponse({"owners": select("n = 7")})

async def use(request):
    used.add(request.headers["x-user"])
    told["text"] = request.query_params.get("n", "none") + " from " + request.headers["x-user"]
    return JSONResponse({})

async def received(request):
    return JSONResponse(told)

async def sent(request):
    return JSONResponse("sent " + request.query_params["n"] + " to " + last["user"])

heard = {}

async def statement(request):
    return JSONResponse({"lines": [request.query_params["n"] + " to " + last["user"]]})

async def said(request):
    heard["text"] = request.query_params["n"]
    return JSONResponse({})

async def hears(request):
    return JSONResponse({"lines": [heard["text"] + " with " + last["user"]]})

async def partners(request):
    return JSONResponse({"with": [last["user"]]})

async def usage(request):
    return JSONResponse({"usage": {user: {"tokens": 7} for user in used}})

async def kept(request):
    return JSONResponse({"owner": last["user"]})

async def board(request):
    return JSONResponse({"owners": select("n = 7") if "fresh" in request.query_params else [last["user"]]})

async def meanwhile(request):
    # Nobody's unit of work reads it: a context without any.
    import contextvars
    contextvars.Context().run(select, "n = 7")
    return JSONResponse({"owner": last["user"]})

async def many(request):
    with engine.connect() as connection:
        many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 11000) SELECT n FROM c"
        connection.execute(text(many)).fetchall()
    return JSONResponse({"owner": last["user"]})

VIEWS = [note, sent, statement, said, hears]
VIEWS += [partners, use, usage, received, directory, rows, kept, board, meanwhile, many]
app = Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask(BOB, "/note")
    client.ask(ALICE, "/note")
    yield client
    client.close()


def test_what_was_read_before_the_first_request_is_for_all(audit, app) -> None:
    app.ask(ERIN, "/note")
    assert ERIN in app.ask(BOB, "/directory")
    assert audit.found() == [("IA209", "note", BOB, ERIN)]
    assert "at start-up" in audit.words()[0]


def test_entries_of_several_users_are_a_list_of_all(audit, app) -> None:
    app.ask(ALICE, "/use")
    app.ask(CAROL, "/use")
    assert ALICE in app.ask(BOB, "/usage")
    assert audit.found() == []


def test_what_somebody_has_addressed_to_the_reader(audit, app) -> None:
    app.ask(ALICE, f"/use?to={BOB}&n=48213")
    assert ALICE in app.ask(BOB, "/received")
    assert audit.found() == []


def test_somebody_who_has_addressed_the_reader_once(audit, app) -> None:
    app.ask(ALICE, f"/use?to={BOB}&n=48213")
    app.ask(ALICE, "/use")
    assert ALICE in app.ask(BOB, "/received")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_what_the_reader_has_addressed_to_somebody_is_the_reader_s_own(audit, app) -> None:
    app.ask(BOB, f"/use?to={ALICE}&n=48213")
    assert ALICE in app.ask(BOB, "/sent?n=48213")
    assert audit.found() == []
    app.ask(BOB, "/sent?n=59324")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_a_statement_has_what_its_reader_has_sent_to_somebody(audit, app) -> None:
    """The sign of an amount is no part of the number."""
    app.ask(BOB, f"/use?to={ALICE}&n=48213")
    assert ALICE in app.ask(BOB, "/statement?n=-48213")
    assert audit.found() == []
    app.ask(BOB, "/statement?n=-59324")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_words_that_the_reader_has_addressed_to_somebody_stand_beside_the_name(audit, app) -> None:
    app.ask(BOB, f"/said?to={ALICE}&n=dinner+at+the+old+harbour+inn")
    assert ALICE in app.ask(BOB, "/hears")
    assert audit.found() == []
    app.ask(BOB, "/said?n=breakfast+at+the+new+airport+hotel")
    app.ask(BOB, "/hears")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_whoever_shares_something_with_the_reader_may_be_listed(audit, app) -> None:
    app.ask(ALICE, f"/use?with={BOB}")
    assert ALICE in app.ask(BOB, "/partners")
    assert audit.found() == []
    assert ALICE in app.ask(BOB, "/kept")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_whoever_shares_nothing_may_not(audit, app) -> None:
    assert ALICE in app.ask(BOB, "/partners")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_the_entry_of_one_is_not(audit, app) -> None:
    app.ask(ALICE, "/use")
    assert ALICE in app.ask(BOB, "/usage")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]


def test_whom_a_view_has_read_for_several_others_is_known_to_all_there(audit, app) -> None:
    app.ask(CAROL, "/board?fresh=1")
    app.ask(BOB, "/board")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)], "one other is not enough"
    app.ask(DAVE, "/board?fresh=1")
    before = audit.auditor.recorder.counts["IA203"]
    app.ask(BOB, "/board")
    assert audit.auditor.recorder.counts["IA203"] == before


def test_whom_other_views_read_for_everybody_is_still_told_of(audit, app) -> None:
    for reader in (CAROL, DAVE, ERIN):
        app.ask(reader, "/rows")
    app.ask(BOB, "/kept")
    assert audit.alarms() == [("IA203", "warning", BOB, ALICE)]
    assert "elsewhere it was read for several other users, too" in audit.words()[-1]


def test_what_nobodys_work_has_read_meanwhile_may_have_been_handed_over(audit, app) -> None:
    app.ask(BOB, "/meanwhile")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    assert "background work" in audit.words()[0]


def test_more_than_is_kept_is_said(audit, app) -> None:
    app.ask(BOB, "/many")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    assert "more than is kept" in audit.words()[0]


def test_what_is_too_large_to_be_searched_is_said(audit, app, monkeypatch) -> None:
    monkeypatch.setattr(judge, "_SEARCHED", 10)
    app.ask(BOB, "/kept")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    assert "too large to be searched" in audit.words()[0]


def test_a_driver_that_is_not_watched_is_named(audit, app, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pymssql", ModuleType("pymssql"))
    app.ask(BOB, "/kept")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    assert "not seen: pymssql" in audit.words()[0]


def test_a_connection_keeps_what_opened_it_and_the_latest() -> None:
    inputs = Inputs(lasting=True)
    inputs.receive(Input(REQUEST, "opened"))
    for number in range(20_000):
        inputs.receive(Input(ROWS, number))
    assert len(inputs.kept) <= LATEST
    assert [inputs.kept[0].value, inputs.kept[-1].value] == ["opened", 19_999]
    assert inputs.dropped + len(inputs.kept) == 20_001
