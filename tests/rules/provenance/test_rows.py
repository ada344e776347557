"""A record that names its owner, read by somebody else: through every way to read it, and out of memory for a twin."""

from __future__ import annotations

import pytest
from asking import Client

FIELDS = (
    *("owner", "owner_id", "user", "username", "login", "assigned_to", "reporter", "requested_by", "created_by"),
    *("modified_by", "uploaded_by", "approved_by", "author", "manager", "seller", "contact", "handle", "email", "to"),
)

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

MEMORY = {}

def routes(read, keep):
    async def put(request):
        field, user = request.path_params["field"], request.headers["x-user"]
        MEMORY[field] = {"title": "plan", field: user}
        return JSONResponse(await keep(field, user))
    async def get(request):
        return JSONResponse(await read(request.path_params["field"]))
    async def leak(request):
        return JSONResponse(MEMORY[request.path_params["field"]])
    return Starlette(routes=[
        Route("/put/{field}", put, methods=["POST"]), Route("/get/{field}", get), Route("/leak/{field}", leak),
    ])
"""

THREADED = (
    STARLETTE
    + """
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from starlette.concurrency import run_in_threadpool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE notes (field text, who text)"))

def _keep(field, user):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO notes VALUES (:field, :user)"), {"field": field, "user": user})

def _read(field):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT who FROM notes WHERE field = :field"), {"field": field})
        return [{"title": "plan", field: row.who} for row in rows]

async def end():
    engine.dispose()

async def keep(field, user):
    await run_in_threadpool(_keep, field, user)

async def read(field):
    return await run_in_threadpool(_read, field)

app = routes(read, keep)
"""
)

ORM_ASYNC = (
    STARLETTE
    + """
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

class Base(DeclarativeBase):
    pass

class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    field: Mapped[str]
    who: Mapped[str]

engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)

async def end():
    await engine.dispose()

async def keep(field, user):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add(Note(field=field, who=user))
        await session.commit()

async def read(field):
    async with AsyncSession(engine) as session:
        notes = await session.scalars(select(Note).where(Note.field == field))
        return [{"title": "plan", field: note.who} for note in notes]

app = routes(read, keep)
"""
)

BY_HAND = (
    STARLETTE
    + """
import os
import sqlite3
import tempfile

file = tempfile.mkstemp(suffix=".db")[1]

def connect():
    db = sqlite3.connect(file)
    db.row_factory = sqlite3.Row
    return db

db = connect()
db.execute("CREATE TABLE notes (field text, who text)")
db.close()

async def end():
    os.remove(file)

async def keep(field, user):
    db = connect()
    db.execute("INSERT INTO notes VALUES (?, ?)", (field, user))
    db.commit()
    db.close()

async def read(field):
    db = connect()
    rows = db.execute("SELECT who FROM notes WHERE field = ?", (field,))
    found = [{"title": "plan", field: row["who"]} for row in rows]
    db.close()
    return found

app = routes(read, keep)
"""
)

OWN_CLASSES = BY_HAND.replace(
    "def connect():\n    db = sqlite3.connect(file)\n",
    """
class Cursor(sqlite3.Cursor):
    pass

class Connection(sqlite3.Connection):
    def cursor(self):
        return super().cursor(Cursor)

    def execute(self, *words):
        return self.cursor().execute(*words)

def connect():
    db = sqlite3.connect(file, factory=Connection)
""",
)

WAYS = {"threads": THREADED, "greenlets": ORM_ASYNC, "by hand": BY_HAND, "own classes": OWN_CLASSES}


@pytest.fixture(params=WAYS)
def app(request, audit, load_app):
    module = load_app(WAYS[request.param])
    client = Client(module.app, module.end)
    yield client
    client.close()


def test_what_was_read_is_no_leak_whatever_the_field_is_called(audit, app) -> None:
    for field in FIELDS:
        app.ask("alice.liddell", f"/put/{field}", body=b"")
        got = app.ask("bob.builder", f"/get/{field}")
        assert "alice.liddell" in got
    assert audit.alarms() == []
    assert set(audit.found()) == {("IA209", "note", "bob.builder", "alice.liddell")}, "authorised, or a missing check"


def test_the_same_out_of_memory_is(audit, app) -> None:
    app.ask("bob.builder", "/put/own", body=b"")
    app.ask("alice.liddell", "/put/owner", body=b"")
    app.ask("bob.builder", "/get/own")
    assert "alice.liddell" in app.ask("bob.builder", "/leak/owner")
    assert audit.found() == [("IA203", "error", "bob.builder", "alice.liddell")]
    assert "came from this process's memory" in audit.words()[0]


def test_her_name_in_somebody_elses_reading_explains_nothing(audit, app) -> None:
    """What bob's unit has read is an input of bob's unit, and of that one only."""
    app.ask("alice.liddell", "/put/owner", body=b"")
    app.ask("bob.builder", "/get/owner")
    app.ask("bob.builder", "/leak/owner")
    assert ("IA203", "error", "bob.builder", "alice.liddell") in audit.found()
