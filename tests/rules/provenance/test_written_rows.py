"""Rows that are written under another user's id, by every way to write them, and what is written so on purpose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

from isolation_audit.content.naming import parsed

APP = (
    STARLETTE
    + """
import asyncio, sqlite3
from sqlalchemy import create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
plain = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

class Base(DeclarativeBase):
    pass

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    agent: Mapped[str]
    item: Mapped[str]

Base.metadata.create_all(engine)
plain.execute("create table orders (customer_id text, agent text, item text)")
last, FOLLOWERS, seen = {}, {"bob.builder": ["alice.liddell"]}, {}

def by_orm(owner, agent="nobody"):
    with Session(engine) as session:
        session.add(Order(customer_id=owner, agent=agent, item="lamp"))
        session.commit()

def by_text(owner, agent="nobody"):
    with engine.begin() as connection:
        given = {"who": owner, "agent": agent}
        connection.execute(text("INSERT INTO orders (customer_id, agent, item) VALUES (:who, :agent, 'lamp')"), given)

def by_hand(owner, agent="nobody"):
    plain.execute("insert into orders (customer_id, agent, item) values (?, ?, 'lamp')", (owner, agent))

def by_many(owner, agent="nobody"):
    statement = "insert into orders (customer_id, agent, item) values (?, ?, 'lamp')"
    plain.executemany(statement, [(owner, agent), (owner, agent)])

def by_update(owner, agent="nobody"):
    plain.execute("update orders set agent = ? where customer_id = ?", (agent, owner))

WAYS = {"orm": by_orm, "text": by_text, "hand": by_hand, "many": by_many, "update": by_update}

def of(request):
    return request.headers["x-user"], WAYS[request.query_params["way"]]

async def leak(request):
    user, write = of(request)
    last["user"] = user
    if "waits" in request.query_params:
        seen["waits"] = asyncio.Event()
        await seen["waits"].wait()
    elif "waits" in seen:
        seen["waits"].set()
    write(last["user"])
    return JSONResponse({})

async def own(request):
    user, write = of(request)
    write(user)
    return JSONResponse({})

async def named(request):
    user, write = of(request)
    write(request.query_params.get("to", user))
    return JSONResponse({})

async def followers(request):
    user, write = of(request)
    for one in FOLLOWERS.get(user, []):
        write(one)
    return JSONResponse({})

async def both(request):
    user, write = of(request)
    write(last.get("user", user))
    write(user)
    return JSONResponse({})

async def agent(request):
    user, write = of(request)
    write(last.get("user", user), user)
    return JSONResponse({})

VIEWS = [leak, own, named, followers, both, agent]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])

async def end():
    engine.dispose()
    plain.close()
"""
)
WAYS = ("orm", "text", "hand", "many", "update")


@pytest.fixture
def site(audit: Any, load_app: Any) -> Any:
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.module = module
    for user in (ALICE, BOB):
        client.ask(user, "/own?way=hand")
    yield client
    client.close()


@pytest.mark.parametrize("way", WAYS)
def test_whoever_came_last_owns_what_another_has_ordered(audit, site, way: str) -> None:
    assert [*map(parsed, site.together((BOB, f"/leak?way={way}&waits"), (ALICE, f"/leak?way={way}")))] == [{}, {}]
    audit.auditor.settle()
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]
    (entry,) = audit.auditor.recorder.entries()
    assert "written under the other user's id" in entry.finding.message
    assert entry.finding.route == "/leak"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("view", ["own", "followers", "both", "agent"])
def test_what_is_written_for_others_on_purpose(audit, site, way: str, view: str) -> None:
    site.module.last["user"] = ALICE
    for user in (ALICE, BOB, ALICE, BOB):
        site.ask(user, f"/{view}?way={way}")
    audit.auditor.settle()
    assert audit.alarms() == []


@pytest.mark.parametrize("way", WAYS)
def test_what_the_request_has_asked_for(audit, site, way: str) -> None:
    site.ask(ALICE, f"/named?way={way}")
    site.ask(BOB, f"/named?way={way}")
    assert json.loads(site.ask(BOB, f"/named?way={way}&to={ALICE}")) == {}
    audit.auditor.settle()
    assert audit.alarms() == []
