"""A name that the application is written with, shown to somebody else: a record of the code's, or a request's own."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from types import ModuleType

import pytest
from asking import Client

from isolation_audit.rules.provenance import state

ALICE, BOB = "alice.liddell", "bob.builder"

APP = """
import functools
import threading
from collections import deque
from types import SimpleNamespace
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

WHO = "alice.liddell"
RECORDS = {
    "owner": {"title": "plan", "owner": WHO},
    "list": [{"username": "alice.liddell"}],
}
KEPT, LOCAL, NAMESPACE, LATEST = {}, threading.local(), SimpleNamespace(), deque(maxlen=5)

class Holder:
    user = None

@functools.lru_cache
def cached(key):
    return RECORDS[key]

def made():
    user = None
    def swap(new):
        nonlocal user
        user = new
    return swap

swap = made()
WAYS = {
    "item": lambda user: KEPT.setdefault("a", [{"b": user}]),
    "class": lambda user: setattr(Holder, "user", user),
    "space": lambda user: setattr(NAMESPACE, "user", user),
    "queue": lambda user: LATEST.append((user,)),
    "cell": lambda user: swap(user),
    "state": lambda user: setattr(app.state, "user", user),
    "bytes": lambda user: KEPT.update(a=user.encode()),
    "nothing": lambda user: None,
}

async def keep(request):
    WAYS[request.path_params["key"]](request.headers["x-user"])
    return JSONResponse({})

async def read(request):
    return JSONResponse(RECORDS[request.path_params["key"]])

async def end():
    pass

app = Starlette(routes=[Route("/keep/{key}", keep), Route("/read/{key}", read)])
"""


@pytest.fixture
def app(audit, tmp_path, monkeypatch):
    (tmp_path / "written_records.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("written_records")
    client = Client(module.app, module.end)
    yield client
    client.close()
    del sys.modules["written_records"]


@pytest.mark.parametrize("key", ["owner", "list"])
def test_a_record_of_the_code_is_a_note(audit, app, key) -> None:
    app.ask(ALICE, "/keep/nothing")
    app.ask(BOB, "/keep/nothing")
    assert ALICE in app.ask(BOB, f"/read/{key}")
    assert audit.found() == [("IA209", "note", BOB, ALICE)]


@pytest.mark.parametrize("way", ["item", "class", "space", "queue", "cell", "state", "bytes"])
def test_what_a_request_has_left_in_the_modules_makes_it_a_warning(audit, app, way) -> None:
    app.ask(ALICE, f"/keep/{way}")
    assert ALICE in app.ask(BOB, "/read/owner")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


def test_more_than_is_looked_at_makes_it_a_warning(audit, app, monkeypatch) -> None:
    monkeypatch.setattr(state, "_LARGEST", 10)
    app.ask(ALICE, "/keep/nothing")
    app.ask(BOB, "/read/owner")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


def test_nothing_of_the_application_runs(monkeypatch) -> None:
    class Loud:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(name)

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None

        def __iter__(self) -> None:
            raise AssertionError

    module = ModuleType("loud_application")
    module.__file__ = "/srv/loud_application.py"
    module.things = [Loud(), {"a": Loud()}, partial(print, Loud())]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert state.is_held(lambda _file: frozenset(), lambda texts: "nobody.here" in list(texts)) is False
