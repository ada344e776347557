"""Users whom their session calls by a number: the name in their own row of the table of users is theirs, too."""

from __future__ import annotations

import pytest
from asking import Client
from test_rows import STARLETTE

ALICE = "alice.liddell"

APP = (
    STARLETTE
    + """
import sqlite3
from types import SimpleNamespace
from sqlalchemy import Column, Integer, String, create_engine, select
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.pool import StaticPool

NAMES = {1: "alice.liddell", 2: "bob.builder", 3: "carol.kane"}
Base = declarative_base()

class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    username = Column(String)

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
Base.metadata.create_all(engine)
by_hand = sqlite3.connect(":memory:", check_same_thread=False)
by_hand.execute("CREATE TABLE users (id integer, username text)")
by_hand.executemany("INSERT INTO users VALUES (?, ?)", NAMES.items())
with Session(engine) as session:
    session.add_all([User(id=number, username=name) for number, name in NAMES.items()])
    session.commit()
kept = {}

def by_orm(number):
    with Session(engine) as session:
        return session.get(User, number).username

def by_driver(number):
    return by_hand.execute("SELECT id, username FROM users WHERE id = ?", (number,)).fetchone()[1]

READ = {"orm": by_orm, "driver": by_driver}

def me(name, leaking):
    async def shown(request):
        mine = READ[name](int(request.headers["x-user"]))
        if leaking:
            mine = kept.setdefault(name, mine)
        return JSONResponse({"hello": mine})

    return Route(f"/{name}/{'leaking' if leaking else 'clean'}", shown)

def someone(name):
    async def shown(request):
        return JSONResponse({"about": READ[name](int(request.path_params["number"]))})

    return Route("/" + name + "/about/{number}", shown)

async def end():
    engine.dispose()
    by_hand.close()

routes = [me(name, leaking) for name in READ for leaking in (True, False)] + [someone(name) for name in READ]
routed = Starlette(routes=routes)

async def app(scope, receive, send):
    number = int(dict(scope["headers"])[b"x-user"])
    scope["user"] = SimpleNamespace(id=number)
    await routed(scope, receive, send)
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    yield client
    client.close()


@pytest.mark.parametrize("reading", ["orm", "driver"])
def test_a_name_that_is_kept_for_the_next(audit, app, reading) -> None:
    for number in ("1", "2"):
        app.ask(number, f"/{reading}/clean")
    assert ALICE in app.ask("1", f"/{reading}/leaking")
    assert ALICE in app.ask("2", f"/{reading}/leaking")
    assert audit.found() == [("IA203", "error", "2", "1")]


@pytest.mark.parametrize("reading", ["orm", "driver"])
def test_ones_own_name_and_whom_one_asks_for(audit, app, reading) -> None:
    for number in ("1", "2", "1"):
        app.ask(number, f"/{reading}/clean")
        assert ALICE in app.ask(number, f"/{reading}/about/1")
    assert {severity for _rule, severity, *_ in audit.found()} <= {"note"}
