"""What is pushed on streams and connections: explained by what came in or was handed over, or by nothing."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from asking import Client
from test_inputs import ALICE, BOB, HEAD
from test_rows import STARLETTE

STREAMS = (
    STARLETTE
    + HEAD
    + """
import json
from starlette.responses import StreamingResponse

boxes, last, begun = {}, {}, asyncio.Event()

def events(*messages):
    async def stream():
        for message in messages:
            data = f"data: {json.dumps(message)}\\n\\n"
            yield data[:9]
            yield data[9:]
    return StreamingResponse(stream(), media_type="text/event-stream")

async def note(request):
    user = request.headers["x-user"]
    add(1, user)
    last.update(user=user, balance=7)
    boxes.setdefault(user, asyncio.Queue())
    return JSONResponse({})

async def tell(request):
    told = await request.json()
    await boxes[told["to"]].put({"owner": request.headers["x-user"], "file": told["file"]})
    return JSONResponse({})

async def inbox(request):
    return events(await boxes[request.headers["x-user"]].get())

async def echo(request):
    return events({"echoed": await request.json()})

async def rows(request):
    return events({"begun": 1}, {"owners": select()}, {"done": 1})

async def leak(request):
    return events({"begun": 1}, {"owner": last["user"]}, {"owner": last["user"], "balance": last["balance"]})

async def history(request):
    return events([{"user": last["user"], "text": "hello"}], {"type": "joined", "text": last["user"] + " joined"})

async def online(request):
    return events({"online": [last["user"]]})

async def say(request):
    last["said"] = (await request.json())["said"]
    return JSONResponse({})

async def words(request):
    return events(*[{"token": word} for word in last["said"].split()])

async def repeated(request):
    return events(*(await request.json())["said"].split())

async def unended(request):
    async def stream():
        yield '{"owner": "' + last["user"] + '"}\\n'
        begun.set()
        await asyncio.sleep(3600)
    return StreamingResponse(stream(), media_type="application/x-ndjson")

VIEWS = [note, tell, inbox, echo, rows, leak, history, online, say, words, repeated, unended]
app = Starlette(routes=[Route("/" + one.__name__, one, methods=["GET", "POST"]) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(STREAMS)
    client = Client(module.app, module.end)
    client.module = module
    for user in (BOB, ALICE):
        client.ask(user, "/note")
    yield client
    client.close()


@pytest.mark.parametrize("body", [None, b"{}"], ids=["GET", "POST"])
def test_events_out_of_memory_are_one_finding(audit, app, body) -> None:
    assert app.ask(BOB, "/leak", body).count(ALICE) == 2
    assert audit.found() == [("IA203", "error", BOB, ALICE)]
    assert audit.auditor.recorder.counts["IA203"] == 1
    (entry,) = audit.auditor.recorder.entries()
    assert entry.finding.route == "/leak"


def test_events_that_came_in_are_explained(audit, app) -> None:
    app.ask(ALICE, "/tell", json.dumps({"to": BOB, "file": "plan.pdf"}).encode())
    assert ALICE in app.ask(BOB, "/inbox")
    assert ALICE in app.ask(BOB, "/echo", json.dumps({"about": ALICE}).encode())
    assert audit.found() == []
    assert ALICE in app.ask(BOB, "/rows")
    assert [one[:2] for one in audit.found()] == [("IA209", "note")]


HERS = json.dumps({"said": "the landlord wants to evict my family before Christmas"}).encode()


def test_words_out_of_memory_are_judged_together(audit, app) -> None:
    app.ask(ALICE, "/say", HERS)
    assert "landlord" in app.ask(BOB, "/words")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


@pytest.mark.parametrize("who", [ALICE, BOB])
def test_words_that_came_in_with_the_reader_are_the_readers(audit, app, who: str) -> None:
    app.ask(who, "/say", HERS)
    assert "landlord" in app.ask(who, "/words")
    assert "landlord" in app.ask(BOB, "/repeated", HERS)
    assert audit.found() == []


@pytest.mark.parametrize("view", ["history", "online"])
def test_what_people_say_in_a_room_is_for_the_room(audit, app, view) -> None:
    assert ALICE in app.ask(BOB, f"/{view}")
    assert audit.found() == []


def test_a_client_that_leaves_has_received_what_was_sent_until_then(audit, app) -> None:
    async def leaves() -> None:
        reading = asyncio.create_task(app._ask(BOB, "/unended", None, {}))
        await asyncio.wait_for(app.module.begun.wait(), 30)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    app._runner.run(leaves())
    assert audit.found() == [("IA203", "error", BOB, ALICE)]


SOCKETS = """
import asyncio
import json

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

boxes, last, everybodys = {}, {}, asyncio.Queue()

async def sends(socket, box):
    while True:
        await socket.send_text(json.dumps(await box.get()))

async def serve(socket, box):
    user = socket.headers["x-user"]
    await socket.accept()
    last.setdefault("user", user)
    box = box(user)
    sender = asyncio.create_task(sends(socket, box))
    try:
        async for text in socket.iter_text():
            await receive(socket, user, json.loads(text))
    finally:
        sender.cancel()

async def receive(socket, user, told):
    if "to" in told:
        boxes[told["to"]].put_nowait({"owner": user, "file": told["file"]})
        await socket.send_text("done")
    elif "all" in told:
        everybodys.put_nowait({"owner": user, "text": told["all"]})
        await asyncio.sleep(0)
    elif "echo" in told:
        await socket.send_text(json.dumps({"owner": told["echo"]}))
    else:
        await socket.send_text(json.dumps({"owner": last["user"], "balance": 7}))

async def own(socket):
    await serve(socket, lambda user: boxes.setdefault(user, asyncio.Queue()))

async def shared(socket):
    await serve(socket, lambda user: everybodys)

app = Starlette(routes=[WebSocketRoute("/own", own), WebSocketRoute("/shared", shared)])
"""

AIOHTTP = """
from aiohttp import web, WSMsgType

class Socket:
    def __init__(self, request):
        self.headers, self._request, self._socket = request.headers, request, web.WebSocketResponse()
    async def accept(self):
        await self._socket.prepare(self._request)
    async def send_text(self, text):
        await self._socket.send_str(text)
    async def iter_text(self):
        async for message in self._socket:
            yield message.data

def handler(view):
    async def handle(request):
        socket = Socket(request)
        await view(socket)
        return socket._socket
    return handle

site = web.Application()
site.add_routes([web.get("/own", handler(own)), web.get("/shared", handler(shared))])
"""


@asynccontextmanager
async def with_starlette(module: Any):
    server = uvicorn.Server(uvicorn.Config(module.app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 60)


@asynccontextmanager
async def with_aiohttp(module: Any):
    web = pytest.importorskip("aiohttp.web")
    runner = web.AppRunner(module.site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture(params=[with_starlette, with_aiohttp])
def talk(request, load_app):
    """Runs ``conversation(alice, bob)`` with the connections of both."""
    client = pytest.importorskip("websockets.asyncio.client")
    module = load_app(SOCKETS + (AIOHTTP if request.param is with_aiohttp else ""))

    def run(path: str, conversation: Any) -> None:
        async def main() -> None:
            async with request.param(module) as port:
                url = f"ws://127.0.0.1:{port}{path}"
                async with (
                    client.connect(url, additional_headers={"x-user": ALICE}, proxy=None) as alice,
                    client.connect(url, additional_headers={"x-user": BOB}, proxy=None) as bob,
                ):
                    await conversation(alice, bob)

        asyncio.run(main())

    return run


async def ask(connection: Any, **told: str) -> str:
    await connection.send(json.dumps(told))
    return str(await asyncio.wait_for(connection.recv(), 10))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_memory_has_of_another_is_found_on_a_connection(audit, talk) -> None:
    async def conversation(alice: Any, bob: Any) -> None:
        await ask(alice, what="mine")
        for _ in range(3):
            assert ALICE in await ask(bob, what="mine")

    talk("/own", conversation)
    assert audit.alarms() == [("IA203", "error", BOB, ALICE)]
    assert audit.auditor.recorder.counts["IA203"] == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_message_from_one_to_another_is_explained_by_itself(audit, talk) -> None:
    async def conversation(alice: Any, bob: Any) -> None:
        await ask(bob, what="mine", echo=BOB)
        assert await ask(alice, to=BOB, file="plan.pdf") == "done"
        assert ALICE in await asyncio.wait_for(bob.recv(), 10)
        assert ALICE in await ask(bob, echo=ALICE)

    talk("/own", conversation)
    assert audit.alarms() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_queue_from_which_everybodys_connections_take(audit, talk) -> None:
    async def conversation(alice: Any, bob: Any) -> None:
        await ask(alice, echo=ALICE)
        await ask(bob, echo=BOB)
        got = []
        for _ in range(4):
            await alice.send(json.dumps({"all": "finished reading"}))
            done, _left = await asyncio.wait(
                [asyncio.ensure_future(one.recv()) for one in (alice, bob)], return_when=asyncio.FIRST_COMPLETED
            )
            got += [one.result() for one in done]
            for one in _left:
                one.cancel()
        assert len(got) == 4

    talk("/shared", conversation)
    (found,) = audit.alarms()
    assert found == ("IA203", "error", BOB, ALICE)
    assert "whoever was first" in next(word for word in audit.words() if word)
