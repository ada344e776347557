"""Rows that name nobody, asked for with the id that another's work has left in memory."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

CAROL = "carol.kane"
FOUND = ("IA203", "warning", BOB, ALICE)

APP = (
    STARLETTE
    + """
import sqlite3
connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE pills (who text, pill text)")
connection.execute("CREATE TABLE doctors (doctor text, patient text)")
pills = {"alice.liddell": "Sertraline", "bob.builder": "Metformin", "carol.kane": "Ibuprofen"}
connection.executemany("INSERT INTO pills VALUES (?, ?)", [*pills.items()])
connection.execute("INSERT INTO doctors VALUES ('bob.builder', 'alice.liddell')")
last, team = [], []

def of(who):
    return [row[0] for row in connection.execute("SELECT pill FROM pills WHERE who = ?", (who,)).fetchall()]

async def come(request):
    last.append(request.headers["x-user"])
    return JSONResponse(of(last[-1]))

async def leak(request):
    return JSONResponse(of(last[-1]))

async def own(request):
    return JSONResponse(of(request.headers["x-user"]))

async def asked(request):
    return JSONResponse(of(request.query_params["patient"]))

async def patients(request):
    found = connection.execute("SELECT patient FROM doctors WHERE doctor = ?", (request.headers["x-user"],))
    return JSONResponse([of(patient) for (patient,) in found.fetchall()])

async def everybody(request):
    return JSONResponse([of(who) for who in last])

async def counted(request):
    return JSONResponse({"pills": len(of(last[-1]))})

async def joined(request):
    team.append(request.headers["x-user"])
    return JSONResponse(len(team))

async def of_the_house(request):
    # Who owns the house stands in the code: "alice.liddell".
    return JSONResponse(of("alice.liddell"))

VIEWS = [come, leak, own, asked, patients, everybody, counted, joined, of_the_house]

async def end():
    connection.close()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    for user in (CAROL, BOB):
        client.ask(user, "/own")
    yield client
    client.close()


def test_an_id_that_another_request_has_left(audit, app) -> None:
    app.ask(ALICE, "/come")
    assert app.ask(BOB, "/leak") == '["Sertraline"]'
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("path", ["/own", "/asked?patient=alice.liddell", "/patients", "/counted", "/of_the_house"])
def test_ones_own_and_what_was_asked_for(audit, app, path) -> None:
    app.ask(ALICE, "/come")
    app.ask(BOB, path)
    assert audit.found() == []


def test_a_list_of_all(audit, app) -> None:
    for user in (ALICE, CAROL, BOB):
        app.ask(user, "/come")
    assert "Sertraline" in app.ask(BOB, "/everybody")
    assert audit.found() == []
