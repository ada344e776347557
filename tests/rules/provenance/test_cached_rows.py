"""Rows, records and other objects that lie in a cache: they are inputs of whoever is given them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

if TYPE_CHECKING:
    from collections.abc import Iterator

CAROL = "carol.kane"

APP = (
    STARLETTE
    + HEAD
    + """
from sqlalchemy.orm import Session, declarative_base, mapped_column
from sqlalchemy import Integer, String, select as choose

class Note(declarative_base()):
    __tablename__ = "records"
    n = mapped_column(Integer, primary_key=True)
    who = mapped_column(String)

class Plain:
    def __init__(self, who):
        self.who = who

Note.metadata.create_all(engine)
cache = SimpleCache()

def rows():
    with engine.connect() as connection:
        return connection.execute(text("SELECT n, who FROM records")).all()

def records():
    with Session(engine) as session:
        return list(session.scalars(choose(Note)))

def objects():
    return [Plain(row.who) for row in rows()]

async def write(request):
    with Session(engine) as session:
        session.add(Note(who=request.headers["x-user"]))
        session.commit()
    return JSONResponse({})

async def board(request):
    kind = request.query_params["kind"]
    held = cache.get(kind)
    if held is None:
        held = {"rows": rows, "records": records, "objects": objects}[kind]()
        cache.set(kind, held)
    return JSONResponse([{"who": one.who} for one in held])

app = Starlette(routes=[Route("/write", write, methods=["POST"]), Route("/board", board)])
"""
)


@pytest.fixture
def app(audit: Any, load_app: Any) -> Iterator[Client]:
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask(ALICE, "/write", b"{}")
    client.ask(BOB, "/write")  # who is there is known, though nothing is
    yield client
    client.close()


@pytest.mark.parametrize("kind", ["rows", "records", "objects"])
def test_what_somebody_else_has_put_there_explains_whom_it_names(audit: Any, app: Client, kind: str) -> None:
    app.ask(CAROL, f"/board?kind={kind}")
    assert ALICE in app.ask(BOB, f"/board?kind={kind}")
    assert audit.alarms() == []


@pytest.mark.parametrize("kind", ["rows", "records", "objects"])
def test_what_she_has_put_there_herself_does_not(audit: Any, app: Client, kind: str) -> None:
    app.ask(ALICE, f"/board?kind={kind}")
    assert ALICE in app.ask(BOB, f"/board?kind={kind}")
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]
