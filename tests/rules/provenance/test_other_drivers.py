"""Documents, entries and answers through pymongo, pymemcache and grpc: what came in so is no leak, and memory is."""

from __future__ import annotations

import sys
from concurrent import futures
from types import ModuleType, SimpleNamespace

import grpc
import pytest
import small_servers
from asking import Client
from test_inputs import ALICE, BOB, LEAK
from test_rows import STARLETTE

NOTE = ("IA209", "note", BOB, ALICE)

THREADED_MONGO = """
from pymongo import MongoClient
from starlette.concurrency import run_in_threadpool

client = MongoClient("127.0.0.1", PORT)
notes = client.test.notes

async def keep(field, user):
    await run_in_threadpool(notes.insert_one, {"field": field, "who": user})
    return None

async def read(field):
    asked = {"field": field} if field != "laundered" else {"who": MEMORY["plan"]["plan"]}
    return await run_in_threadpool(lambda: [one["who"] for one in notes.find(asked)])

async def end():
    client.close()
"""

ASYNC_MONGO = """
from pymongo import AsyncMongoClient

client = AsyncMongoClient("127.0.0.1", PORT)
notes = client.test.notes

async def keep(field, user):
    await notes.insert_one({"field": field, "who": user})
    return None

async def read(field):
    asked = {"field": field} if field != "laundered" else {"who": MEMORY["plan"]["plan"]}
    return [one["who"] async for one in notes.find(asked)]

async def end():
    await client.close()
"""

MOTOR = """
from motor.motor_asyncio import AsyncIOMotorClient

client = AsyncIOMotorClient("127.0.0.1", PORT)
notes = client.test.notes

async def keep(field, user):
    await notes.insert_one({"field": field, "who": user})
    return None

async def read(field):
    asked = {"field": field} if field != "laundered" else {"who": MEMORY["plan"]["plan"]}
    if field == "own":
        return (await notes.find_one(asked))["who"]
    return [one["who"] for one in await notes.find(asked).to_list(None)]

async def end():
    client.close()
"""


@pytest.fixture
def visit(audit, load_app):
    made = []

    def begin(source: str) -> Client:
        module = load_app(STARLETTE + source + "\napp = routes(read, keep)\n")
        made.append(Client(module.app, module.end))
        made[-1].ask(BOB, "/put/own", body=b"")
        made[-1].ask(ALICE, "/put/plan", body=b"")
        return made[-1]

    yield begin
    for client in made:
        client.close()


@pytest.mark.parametrize("source", [THREADED_MONGO, ASYNC_MONGO, MOTOR], ids=["threads", "event loop", "motor"])
def test_documents_are_inputs_and_filters_are_questions(audit, visit, source) -> None:
    if source is MOTOR:
        pytest.importorskip("motor")
    with small_servers.mongo() as port:
        client = visit(f"PORT = {port}\n{source}")
        assert ALICE in client.ask(BOB, "/get/plan")
        assert audit.found() == [NOTE]
        client.ask(BOB, "/leak/plan")
        assert audit.alarms() == [LEAK]
        # The view is another one, and what it asks with came in nowhere.
        assert ALICE in client.ask(BOB, "/get/laundered")
        assert audit.alarms() == [LEAK, LEAK]


MEMCACHED = """
from pymemcache.client.base import PooledClient

client = PooledClient(("127.0.0.1", PORT), no_delay=True)

async def keep(field, user):
    client.set(field, user)

async def read(field):
    return client.get(field).decode()

async def end():
    client.close()
"""


def test_an_entry_of_memcached_is_an_input_but_for_what_its_own_user_has_stored(audit, visit) -> None:
    with small_servers.memcached() as port:
        client = visit(f"PORT = {port}\n{MEMCACHED}")
        assert BOB in client.ask(BOB, "/get/own")
        client.ask("carol.kane", "/put/own", body=b"")
        assert audit.found() == []
        assert ALICE in client.ask(BOB, "/get/plan")
        assert audit.found() == [LEAK]


GRPC = """
import grpc

same = {"request_serializer": str.encode, "response_deserializer": bytes.decode}
channel = grpc.insecure_channel(f"127.0.0.1:{PORT}")
one, several = channel.unary_unary("/notes/who", **same), channel.unary_stream("/notes/all", **same)

async def keep(field, user):
    one("put " + user)

async def read(field):
    if field == "stream":
        return list(several("get"))
    if field == "call":
        return one.with_call("get")[0]
    if field == "loop":
        async with grpc.aio.insecure_channel(f"127.0.0.1:{PORT}") as other:
            return await other.unary_unary("/notes/who", **same)("get")
    return one("get")

async def end():
    channel.close()
"""


@pytest.fixture
def notes_service():
    kept = [""]

    def who(asked: str, _context: object) -> str:
        kept[0] = asked.removeprefix("put ") if asked.startswith("put") else kept[0]
        return f"kept by {kept[0]}"

    same = {"request_deserializer": bytes.decode, "response_serializer": str.encode}
    methods = {
        "who": grpc.unary_unary_rpc_method_handler(who, **same),
        "all": grpc.unary_stream_rpc_method_handler(lambda asked, context: iter([who(asked, context)]), **same),
    }
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("notes", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


@pytest.mark.parametrize("how", ["plain", "call", "stream", "loop"])
def test_answers_of_grpc_are_inputs(audit, visit, notes_service, how) -> None:
    client = visit(f"PORT = {notes_service}\n{GRPC}")
    assert ALICE in client.ask(BOB, f"/get/{how}")
    assert audit.found() == [NOTE]
    client.ask(BOB, "/leak/plan")
    assert audit.alarms() == [LEAK]


CURSORS = """
class BaseCursor:
    def __init__(self, answers):
        self._answers, self._executed = answers, None
    def _fetch_row(self, size=1):
        return self._answers[self._executed]
    def execute(self, query):
        self._executed = query
        self._rows = self._fetch_row(0)
    def fetchall(self):
        return self._rows
"""


def test_rows_of_mysqlclient(audit, visit, monkeypatch) -> None:
    """Its cursors as they are written; the library itself has to be compiled against MySQL's."""
    package, cursors = ModuleType("MySQLdb"), ModuleType("MySQLdb.cursors")
    monkeypatch.setitem(sys.modules, "MySQLdb", package)
    monkeypatch.setitem(sys.modules, "MySQLdb.cursors", cursors)
    package.cursors = cursors
    exec(CURSORS, cursors.__dict__)
    from isolation_audit.integrations.sql_drivers import mysqlclient

    point = next(one for one in mysqlclient.points(audit.auditor.runtime) if one.target.endswith("._fetch_row"))
    layout = SimpleNamespace(receiver_reader=lambda: lambda values: values[0], argument=lambda _name: None)
    watching = point.make(layout)
    client = visit("""
import MySQLdb.cursors
kept = {}
async def keep(field, user):
    kept["SELECT " + field] = (((user,)),)
async def read(field):
    cursor = MySQLdb.cursors.BaseCursor(kept)
    cursor.execute("SELECT " + field)
    return [list(row) for row in cursor.fetchall()]
async def end():
    pass
""")
    fetch = cursors.BaseCursor._fetch_row

    def told(self, size=1):
        state = watching.before((self,))
        result = fetch(self, size)
        watching.after(state, result)
        return result

    monkeypatch.setattr(cursors.BaseCursor, "_fetch_row", told)
    assert ALICE in client.ask(BOB, "/get/plan")
    assert audit.found() == [NOTE]
