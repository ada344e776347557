"""Users whose rows are read by a number: what was read so is theirs, too."""

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
from types import SimpleNamespace
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

NUMBERS = {"alice.liddell": 1, "bob.builder": 2, "carol.kane": 3}
SCRIPT = [
    "CREATE TABLE policies (holder_id integer, group_id integer, number text)",
    "INSERT INTO policies VALUES (1, 7, 'HOME-44170-A'), (2, 7, 'CAR-77341-B')",
]
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
by_hand = sqlite3.connect(":memory:", check_same_thread=False)
with engine.begin() as connection:
    for statement in SCRIPT:
        connection.execute(text(statement))
        by_hand.execute(statement)
kept = {}

def with_sqlalchemy(column, value):
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT number FROM policies WHERE {column} = :given"), {"given": value})
        return [row[0] for row in found]

def with_sqlite3(column, value):
    found = by_hand.execute(f"SELECT number FROM policies WHERE {column} = ?", (value,))
    return [row[0] for row in found.fetchall()]

def view(name, read, column, number):
    async def shown(request):
        user = request.headers["x-user"]
        if name not in kept:
            kept[name] = read(column, number or NUMBERS[user])
        return JSONResponse(kept[name])

    return Route("/" + name, shown)

last = []

def asks(name, number_of):
    async def shown(request):
        user = request.headers["x-user"]
        last.append(NUMBERS[user])
        return JSONResponse(with_sqlite3("holder_id", number_of(request)))

    return Route("/" + name, shown)

def of_the_group(_request):
    rows = by_hand.execute("SELECT holder_id FROM policies WHERE group_id = ? ORDER BY 1", (7,)).fetchall()
    return rows[0][0]

async def end():
    engine.dispose()
    by_hand.close()

routed = Starlette(routes=[
    view("sqlalchemy", with_sqlalchemy, "holder_id", None),
    view("sqlite3", with_sqlite3, "holder_id", None),
    asks("own", lambda request: last[-1]),
    asks("before", lambda request: last[-2]),
    asks("asked", lambda request: int(request.query_params["holder"])),
    asks("of_the_group", of_the_group),
    view("group", with_sqlite3, "group_id", 7),
    view("group_with_her_number", with_sqlite3, "group_id - 6", 1),
])

async def app(scope, receive, send):
    user = dict(scope["headers"])[b"x-user"].decode()
    scope["user"] = SimpleNamespace(username=user, id=NUMBERS[user])
    await routed(scope, receive, send)
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    yield client
    client.close()


@pytest.mark.parametrize("driver", ["sqlalchemy", "sqlite3"])
def test_what_was_read_by_anothers_number(audit, app, driver) -> None:
    app.ask(ALICE, f"/{driver}")
    assert "HOME-44170-A" in app.ask(BOB, f"/{driver}")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("path", ["/group", "/group_with_her_number"])
def test_a_number_of_something_else(audit, app, path) -> None:
    app.ask(ALICE, path)
    assert "HOME-44170-A" in app.ask(BOB, path)
    assert audit.found() == []


def test_a_question_with_anothers_number_out_of_memory(audit, app) -> None:
    app.ask(ALICE, "/own")
    assert "HOME-44170-A" in app.ask(BOB, "/before")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("path", ["/own", "/asked?holder=1", "/of_the_group"])
def test_ones_own_number_and_one_that_came_in(audit, app, path) -> None:
    app.ask(ALICE, "/own")
    app.ask(BOB, path)
    assert audit.found() == []
