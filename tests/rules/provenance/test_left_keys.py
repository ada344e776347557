"""Keys that users leave with an application, for other services: whom it shows them to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

APP = (
    STARLETTE
    + """
import sqlite3

connections, db = [], sqlite3.connect(":memory:", check_same_thread=False)
db.execute("create table connections (name text, token text, shared int)")

async def connect(request):
    told = await request.json()
    connections.append({"owner": request.headers["x-user"], **told})
    db.execute("insert into connections values (?, ?, ?)", (told["name"], told.get("token"), True))
    return JSONResponse({"kept": told["name"]})

def of(user):
    return [one for one in connections if one["owner"] == user or one.get("shared")]

def shown(one, *names):
    return {name: one[name] for name in names if name in one}

async def listed(request):
    return JSONResponse([shown(one, "name", "token", "invite_token") for one in of(request.headers["x-user"])])

async def masked(request):
    user = request.headers["x-user"]
    return JSONResponse([shown(one, *(("name", "token") if one["owner"] == user else ("name",))) for one in of(user)])

async def rows(request):
    return JSONResponse(db.execute("select name, token from connections where shared").fetchall())

async def named(request):
    asked = request.query_params["token"]
    return JSONResponse([shown(one, "name", "token") for one in connections if one["token"] == asked])

async def end():
    db.close()

VIEWS = [connect, listed, masked, rows, named]
app = Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS])
"""
)
FOUND = ("IA203", "warning", BOB, ALICE)
KEY, OTHER = "atl-9Qx7Lk22mZpT0aRwB1", "wik-31Hn8sJe6VbYc4UoQ7"


@pytest.fixture
def site(audit: Any, load_app: Any) -> Any:
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask(BOB, "/masked")
    yield client
    client.close()


def leave(site: Client, user: str, **told: Any) -> None:
    site.ask(user, "/connect", json.dumps(told).encode(), content_type="application/json")


def test_a_key_beside_what_is_shared(audit: Any, site: Any) -> None:
    leave(site, ALICE, name="jira", token=KEY, shared=True)
    leave(site, BOB, name="wiki", token=OTHER)
    assert KEY in site.ask(BOB, "/listed")
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("path", ["/masked", "/rows", f"/named?token={KEY}"])
def test_what_is_shown_of_it_on_purpose(audit: Any, site: Any, path: str) -> None:
    leave(site, ALICE, name="jira", token=KEY, shared=True)
    leave(site, BOB, name="wiki", token=OTHER)
    assert "jira" in site.ask(BOB, path)
    assert audit.alarms() == []


def test_a_key_that_both_have_left_and_one_that_invites(audit: Any, site: Any) -> None:
    for user in (ALICE, BOB):
        leave(site, user, name="jira", token=KEY, shared=True)
    leave(site, ALICE, name="tea", invite_token=OTHER, shared=True)
    assert KEY in site.ask(BOB, "/listed")
    assert OTHER in site.ask(BOB, "/listed")
    assert audit.found() == []
