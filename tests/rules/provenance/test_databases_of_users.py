"""A file of SQLite for each user: whose rows are read from it, and whose file another's work has read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

if TYPE_CHECKING:
    from pathlib import Path

APP = (
    STARLETTE
    + """
import sqlite3
from contextlib import closing
from pathlib import Path

root, latest, kept, opened = Path(), {}, {}, []

def ledger(user, by_cursor=False):
    with closing(sqlite3.connect(root / f"{user}.db")) as db:
        if by_cursor:
            return db.cursor().execute("select memo, cents from ledger").fetchall()
        return db.execute("select memo, cents from ledger").fetchall()

async def hello(request):
    latest["user"] = request.headers["x-user"]
    return JSONResponse({})

async def last(request):
    return JSONResponse(ledger(latest["user"]))

async def by_cursor(request):
    return JSONResponse(ledger(latest["user"], by_cursor=True))

async def connected(request):
    if not opened:
        opened.append(sqlite3.connect(str(root / (request.headers["x-user"] + ".db")), check_same_thread=False))
    return JSONResponse(opened[0].execute("select memo, cents from ledger").fetchall())

async def cached(request):
    if "ledger" not in kept:
        kept["ledger"] = ledger(request.headers["x-user"])
    return JSONResponse(kept["ledger"])

async def own(request):
    return JSONResponse(ledger(request.headers["x-user"]))

async def asked(request):
    return JSONResponse(ledger(request.query_params["of"]))

async def everybody(request):
    return JSONResponse([ledger(one.stem) for one in sorted(root.glob("*.db")) if one.stem != "shared"])

async def shared(request):
    return JSONResponse(ledger("shared"))

async def end():
    for one in opened:
        one.close()

VIEWS = [hello, last, by_cursor, connected, cached, own, asked, everybody, shared]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""
)
FOUND = [("IA203", "warning", BOB, ALICE)]
HERS = "912345"


@pytest.fixture
def site(audit: Any, load_app: Any, tmp_path: Path) -> Any:
    for user, cents in ((ALICE, 912345), (BOB, 440120), ("shared", 771203)):
        with closing(sqlite3.connect(tmp_path / f"{user}.db")) as db, db:
            db.execute("create table ledger (memo text, cents int)")
            db.execute("insert into ledger values (?, ?)", (f"opening {cents % 1000}", cents))
    module = load_app(APP)
    module.root = tmp_path
    client = Client(module.app, module.end)
    client.ask(BOB, "/hello")
    client.ask(ALICE, "/hello")
    yield client
    client.close()


@pytest.mark.parametrize("view", ["last", "by_cursor"])
def test_the_database_of_whoever_came_last(audit: Any, site: Any, view: str) -> None:
    assert HERS in site.ask(BOB, f"/{view}")
    assert audit.found() == FOUND


@pytest.mark.parametrize("view", ["connected", "cached"])
def test_a_connection_and_rows_that_are_kept_for_the_next(audit: Any, site: Any, view: str) -> None:
    site.ask(ALICE, f"/{view}")
    assert HERS in site.ask(BOB, f"/{view}")
    assert audit.found() == FOUND


@pytest.mark.parametrize("path", ["/own", f"/asked?of={ALICE}", "/everybody", "/shared"])
def test_what_is_read_on_purpose(audit: Any, site: Any, path: str) -> None:
    for user in (ALICE, BOB, ALICE, BOB):
        site.ask(user, path)
    assert audit.alarms() == []


def test_a_database_where_the_reader_has_none(audit: Any, site: Any) -> None:
    site.ask("carol.kane", "/hello")
    site.ask(ALICE, "/hello")
    assert HERS in site.ask("carol.kane", "/last")
    assert audit.found() == []
