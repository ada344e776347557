"""Rows that an installed package reads with sqlite3: an application's are inputs, a store's are entries."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest
from asking import Client

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = """
import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

executor, local = ThreadPoolExecutor(1), threading.local()

def connected():
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(":memory:")
        local.connection.row_factory = sqlite3.Row
        local.connection.execute("CREATE TABLE notes (who text, said text)")
    return local.connection

def write(user):
    connected().execute("INSERT INTO notes VALUES (?, ?)", (user, "the winter plan"))

def read():
    return [dict(row) for row in connected().execute("SELECT * FROM notes ORDER BY rowid")]

def end():
    local.connection.close()

async def in_thread(call, *given):
    return await asyncio.get_running_loop().run_in_executor(executor, call, *given)

async def put(request):
    await in_thread(write, request.headers["x-user"])
    return JSONResponse("kept")

async def notes(request):
    return JSONResponse(await in_thread(read))

app = Starlette(routes=[Route("/put", put, methods=["POST"]), Route("/notes", notes)])
"""

PEEWEE = """
from peewee import Model, SqliteDatabase, TextField
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

database = SqliteDatabase(":memory:")

class Note(Model):
    who = TextField()

    class Meta:
        database = database

database.connect()
database.create_tables([Note])

async def put(request):
    Note.create(who=request.headers["x-user"])
    return JSONResponse("kept")

async def notes(request):
    return JSONResponse([note.who for note in Note.select()])

app = Starlette(routes=[Route("/put", put, methods=["POST"]), Route("/notes", notes)])
"""


def installed(folder: Path, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package as pip would leave it."""
    packages = folder / "site-packages"
    (packages / name).mkdir(parents=True)
    (packages / name / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(packages)
    module = importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)
    return module


@pytest.mark.parametrize(("name", "alarms"), [("ledger_of_notes", []), ("sqlitedict", ["IA203"])])
def test_an_installed_application_and_a_store(
    audit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, alarms: list[str]
) -> None:
    package = installed(tmp_path, name, PACKAGE, monkeypatch)
    client = Client(package.app)
    client.ask("alice", "/put", b"")
    assert "alice" in client.ask("bob", "/notes")
    client.close()
    package.executor.submit(package.end).result()
    package.executor.shutdown()
    assert [rule for rule, *_ in audit.alarms()] == alarms


def test_rows_of_peewee(audit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("peewee")
    package = installed(tmp_path, "notes_in_peewee", PEEWEE, monkeypatch)
    client = Client(package.app)
    client.ask("alice", "/put", b"")
    assert "alice" in client.ask("bob", "/notes")
    client.close()
    package.database.close()
    assert audit.alarms() == []
