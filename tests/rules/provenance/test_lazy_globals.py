"""Objects that come to life when they are asked for anything stay as they are, wherever an application keeps them.

As Django's lazy users and settings, and what Flask and Quart bind to a request: outside of one, to be asked raises.
"""

from __future__ import annotations

from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

APP = (
    STARLETTE
    + """
import json
import sqlite3
from contextvars import ContextVar

TOUCHED = []

class Lazy:
    def __getattribute__(self, name):
        TOUCHED.append(name)
        raise RuntimeError("there is no request")

lazy = Lazy()

class Service:
    lazy = Lazy()
    def __init__(self):
        self.request = Lazy()
        self.texts = {}
        self.last = {}

service = Service()
table = {"lazy": Lazy(), "alice.liddell": {"lazy": Lazy()}, "bob.builder": {"lazy": Lazy()}}
rows = [{"owner": "alice.liddell", "of": Lazy()}, {"owner": "bob.builder", "of": Lazy()}]
variable = ContextVar("request_of_somebody", default=Lazy())
database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("create table notes (who text, text text)")
database.execute("create table scans (who text, text text)")
database.execute("insert into scans values ('alice.liddell', 'small lesion in the left lobe, see again in March')")

def made(inner=Lazy()):
    def view():
        return inner
    return view

view = made()

async def note(request):
    said = await request.json()
    service.last = {"user": said["user"], "text": said["text"], "lazy": Lazy()}
    service.texts[said["user"]] = Lazy()
    database.execute("insert into notes values (?, ?)", (said["user"], said["text"]))
    return JSONResponse({})

async def mine(request):
    found = database.execute("select text from scans where who = ?", (request.headers["x-user"],)).fetchall()
    service.last["found"] = [row[0] for row in found] or service.last["found"]
    return JSONResponse(service.last["found"])

async def last(request):
    return JSONResponse({key: value for key, value in service.last.items() if type(value) is str})

async def words(request):
    return JSONResponse({"text": service.last["text"]})

async def end():
    database.close()

app = Starlette(
    routes=[Route("/note", note, methods=["POST"]), *(Route("/" + one.__name__, one) for one in (mine, last, words))]
)
"""
)


def test_nothing_lazy_comes_to_life(audit, load_app) -> None:
    module = load_app(APP)
    client = Client(module.app, module.end)
    for user, text in ((BOB, "dark green door, third floor"), (ALICE, "the key is under the mat, dear")):
        client.ask(user, "/note", b'{"user": "%s", "text": "%s"}' % (user.encode(), text.encode()))
    client.ask(ALICE, "/mine")
    assert "lesion" in client.ask(BOB, "/mine")
    assert client.ask(BOB, "/last").count(ALICE) == 1
    assert "under the mat" in client.ask(BOB, "/words")
    audit.auditor.settle(0.0)
    client.close()
    assert {one[0] for one in audit.alarms()} == {"IA203"}, "everything was looked at that leads to a finding"
    assert module.TOUCHED == []
