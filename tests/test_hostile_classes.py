"""Classes whose metaclass refuses every question: the auditor asks none, and leaks are told.

Nothing is asked but what the application itself asks: a comparison of classes, a look for one in a set, and an abstract
class's ``issubclass`` would all call the metaclass.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

KINDS = """
import sys

TOUCHED = []

class Meta(type):
    def refuse(cls, *arguments):
        TOUCHED.append(sys._getframe(1).f_code.co_filename)
        raise RuntimeError("touched")
    __eq__ = __hash__ = __repr__ = __instancecheck__ = __subclasscheck__ = __bool__ = __len__ = refuse

class Thing(metaclass=Meta):
    def __init__(self, user, text):
        self.user, self.text, self.inner = user, text, None

class Bag(list, metaclass=Meta): pass
class Table(dict, metaclass=Meta): pass
class Word(str, metaclass=Meta): pass
class Number(int, metaclass=Meta): pass
"""

APPLICATION = """
import asyncio, functools
from contextvars import ContextVar
from hostile_kinds import Bag, Number, Table, Thing, Word
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

THINGS, LIST, LAST, BY_NUMBER, ROWS = Table(), Bag(), [None], {}, []
current = ContextVar("current", default=None)
work = asyncio.Queue()

class Store:
    def __init__(self): self.things, self.last, self.by_user = [], None, {}
    def keep(self, thing):
        self.things.append(thing)
        self.last = self.by_user[thing.user] = thing

store = Store()

@functools.lru_cache
def cached(key): return Thing(key, "words of the " + key)

async def nothing(thing): await asyncio.sleep(0)

async def post(request):
    user, said = request.headers["x-user"], (await request.json())["text"]
    thing = Thing(Word(user), Word(said))
    thing.inner = Thing(user, Number(12345678))
    current.set(thing)
    request.state.thing = THINGS[user] = LAST[0] = BY_NUMBER[Number(len(BY_NUMBER))] = thing
    LIST.append(thing)
    store.keep(thing)
    ROWS.append(Table(owner=user, text=said))
    await work.put(thing)
    await work.get()
    await asyncio.create_task(nothing(thing))
    await asyncio.to_thread(len, [thing])
    return JSONResponse({"ok": True})

async def own(request):
    user = request.headers["x-user"]
    request.state.kept = cached("garden")
    return JSONResponse({"mine": str.__str__(THINGS[user].text), "all": cached("garden").text})

async def last(request):
    return JSONResponse({"text": str.__str__(LAST[0].text)})

async def listing(request):
    return JSONResponse([{"text": str.__str__(thing.text)} for thing in LIST])

async def talk(socket):
    await socket.accept()
    async for message in socket.iter_json():
        store.keep(Thing(socket.headers["x-user"], message["text"]))
        await socket.send_json({"said": message["text"]})

app = Starlette(routes=[
    Route("/things", post, methods=["POST"]), Route("/things", own), Route("/last", last), Route("/all", listing),
    WebSocketRoute("/talk", talk),
])
"""
USERS = ("alice.liddell", "bob.builder", "carol.kane")
NAMES = ("hostile_kinds", "hostile_application")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "hostile_kinds.py").write_text(KINDS)
    (tmp_path / "hostile_application.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


async def ask(app: Any, user: str, method: str, path: str, body: bytes = b"") -> None:
    kind = "websocket" if path == "/talk" else "http"
    headers = [(b"x-user", user.encode()), (b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    told = [{"type": "http.request", "body": body}]
    if kind == "websocket":
        said = {"type": "websocket.receive", "text": body.decode()}
        told = [{"type": "websocket.connect"}, said, {"type": "websocket.disconnect", "code": 1000}]
    waiting: asyncio.Queue[Any] = asyncio.Queue()
    for one in told:
        waiting.put_nowait(one)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.create_task(app({**scope, "root_path": "", "subprotocols": []}, waiting.get, send))
    assert sent, "it was answered"


async def drive(application: ModuleType) -> None:
    for round_ in range(3):
        for place, user in enumerate(USERS):
            said = json.dumps({"text": f"the garden plan {round_} of my own {user[:3]} house"}).encode()
            await ask(application.app, user, "POST", "/things", said)
            await ask(application.app, user, "GET", "/things")
            await ask(application.app, USERS[place - 1], "GET", "/last")
            await ask(application.app, user, "GET", "/all")
            await ask(application.app, user, "GET", "/talk", said)


@pytest.mark.parametrize("depth", ["calls", "state", "heap"])
def test_nothing_of_a_metaclass_runs(folder, depth: str) -> None:
    with Auditor(parse_config({"report": {"terminal": False}, "audit": {"depth": depth}})) as auditor:
        application = importlib.import_module("hostile_application")
        asyncio.run(drive(application))
        summary = auditor.snapshot()["summary"]
    assert auditor.runtime.barrier.counts == {}
    assert sys.modules["hostile_kinds"].TOUCHED == []
    assert summary["requests_named"] == summary["requests"] == 45
    assert summary["findings"].get("IA203"), "what was kept of the one who came last is a leak"
