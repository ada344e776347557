"""Requests on real servers: they begin without a user, and what their inner layers know may be lost outside."""

from __future__ import annotations

import inspect

import pytest
import uvicorn

SERVER = """
import http.client, inspect, threading, time
import hypercorn.asyncio, hypercorn.config
import uvicorn

seen = []

async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    begun_as = current_user.get()
    login = dict(scope["headers"]).get(b"x-user")
    if login:
        current_user.set(login.decode())
    message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
    seen.append((begun_as, current_user.get()))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

def ask(port, user, size):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for name, body in ((user, b"x" * size), ("", b"hi")):
        connection.request("POST", "/", body, {"X-User": name} if name else {})
        assert connection.getresponse().read() == b"ok"
    connection.close()

async def uvicorn_serving(asking, **options):
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, loop="asyncio", http="h11", **options))
    task = asyncio.get_running_loop().create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.005)
    await asking(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await task

async def hypercorn_serving(asking):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config, stop = hypercorn.config.Config(), asyncio.Event()
    config.bind, config.errorlog = [f"127.0.0.1:{port}"], None
    task = asyncio.create_task(hypercorn.asyncio.serve(application, config, shutdown_trigger=stop.wait))
    for _ in range(500):
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.01)
    await asking(port)
    stop.set()
    await task

async def asking(port):
    await asyncio.to_thread(ask, port, "alice", SIZE)

def main():
    asyncio.run(SERVING)
    return seen
"""

LARGE = 5_000_000
RESET = {"reset_contextvars": True} if "reset_contextvars" in inspect.signature(uvicorn.Config).parameters else {}
BLEEDS = not (0, 40) <= tuple(int(part) for part in uvicorn.__version__.split(".")[:2]) < (0, 41)


def program(serving: str, size: int) -> str:
    return SERVER.replace("SERVING", serving).replace("SIZE", str(size))


@pytest.mark.skipif(not BLEEDS, reason="this uvicorn gives each request a context of its own")
def test_a_request_that_begins_with_another_request_s_user(outcome_of) -> None:
    for _ in range(5):  # whether the server stops reading, and so starts again, is for the kernel's buffers to say
        outcome = outcome_of(program("uvicorn_serving(asking)", LARGE))
        if outcome.result[1] == ("alice", "alice"):
            break
    assert outcome.result[1] == ("alice", "alice")
    ((rule, ambient, owner, place),) = set(outcome.found)
    assert (rule, ambient, owner) == ("IA503", "alice", None)
    assert place == "begun_as = current_user.get()"


@pytest.mark.parametrize(
    ("serving", "size"),
    [
        ("uvicorn_serving(asking)", 10),
        pytest.param(
            f"uvicorn_serving(asking, **{RESET})", LARGE, marks=pytest.mark.skipif(not RESET, reason="no such option")
        ),
        ("hypercorn_serving(asking)", LARGE),
    ],
)
def test_requests_that_begin_without_a_user(outcome_of, serving: str, size: int) -> None:
    outcome = outcome_of(program(serving, size))
    assert [begun for begun, _user in outcome.result if begun is not None] == []
    assert outcome.found == []


def test_a_server_that_works_for_one_user_from_its_start_on(outcome_of) -> None:
    source = (
        program("owned()", 10)
        + "\nasync def owned():\n    current_user.set('carol')\n    await uvicorn_serving(asking)\n"
    )
    outcome = outcome_of(source)
    assert outcome.result[1] == ("carol", "carol")
    assert outcome.found == []


LAYERS = """
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

trail = []

class Outer:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        {before}
        await self.app(scope, receive, send)
        {after}

class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        {timing}
        return response

def note():
    trail.append(current_user.get())

async def page(request):
    current_user.set("alice")
    return {response}

async def request(application):
    messages = [{"type": "http.request", "body": b""}]

    async def receive():
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message):
        pass

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "root_path": ""}
    await application(scope, receive, send)

def main():
    application = Starlette(routes=[Route("/", page)], middleware=[{middleware}])
    asyncio.run(request(application))
    return trail
"""


def layers(
    before: str = "pass",
    after: str = "pass",
    timing: str = "pass",
    middleware: str = "Middleware(Outer), Middleware(Timing)",
    response: str = 'PlainTextResponse("hi")',
) -> str:
    text = LAYERS.replace("{before}", before).replace("{after}", after).replace("{timing}", timing)
    return text.replace("{middleware}", middleware).replace("{response}", response)


@pytest.mark.parametrize("response", ['PlainTextResponse("hi")', 'StreamingResponse(iter(["h", "i"]))'])
@pytest.mark.parametrize("where", ["after", "timing"])
def test_what_an_inner_layer_knows_is_lost_outside(outcome_of, where: str, response: str) -> None:
    outcome = outcome_of(layers(**{where: "note()"}, response=response))
    assert outcome.result == [None]
    assert outcome.found == [("IA504", None, "alice", "trail.append(current_user.get())")]


@pytest.mark.parametrize(
    ("parts", "trail"),
    [
        ({}, []),
        # Asked for before anybody could know.
        ({"before": "note()"}, [None]),
        ({"after": "note()", "middleware": "Middleware(Outer)"}, ["alice"]),
        ({"before": "current_user.set('alice')", "after": "note()"}, ["alice"]),
        ({"after": "current_user.set('alice'); note()"}, ["alice"]),
        ({"after": "if current_user.get() is None: current_user.set('alice')"}, []),
    ],
)
def test_layers_that_lose_nothing(outcome_of, parts: dict[str, str], trail: list) -> None:
    outcome = outcome_of(layers(**parts))
    assert outcome.result == trail
    assert outcome.found == []


THREADED = """
import anyio
from fastapi import Depends, FastAPI, Header

seen = []
app = FastAPI()

def plain(x_user: str = Header()):
    current_user.set(x_user)

async def unhurried(x_user: str = Header()):
    current_user.set(x_user)

def generating(x_user: str = Header()):
    current_user.set(x_user)
    yield

def asking():
    return current_user.get()

def note():
    seen.append(current_user.get())

@app.get("/", dependencies=[Depends({dependency})])
async def pay():
    {pay}
    return "ok"

async def send(message):
    pass

async def receive():
    await asyncio.sleep(5)

async def request():
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"x-user", b"alice")]}
    await app(scope, receive, send)

def main():
    asyncio.run(request())
    return seen
"""


def threaded(dependency: str, pay: str = "note()") -> str:
    return THREADED.replace("{dependency}", dependency).replace("{pay}", pay)


@pytest.mark.parametrize("dependency", ["plain", "generating"])
def test_what_a_plain_dependency_sets_is_lost(outcome_of, dependency: str) -> None:
    outcome = outcome_of(threaded(dependency))
    assert outcome.result == [None]
    assert outcome.found == [("IA504", None, "alice", "seen.append(current_user.get())")]


@pytest.mark.parametrize(
    ("dependency", "pay", "seen"),
    [
        ("unhurried", "note()", ["alice"]),
        ("unhurried", "await anyio.to_thread.run_sync(note); note()", ["alice", "alice"]),
        ("asking", "note()", [None]),
        ("plain", "pass", []),
        ("plain", "if current_user.get() is None: current_user.set('alice'); note()", ["alice"]),
        ("plain", "current_user.set('alice'); note()", ["alice"]),
    ],
)
def test_what_a_thread_sets_is_no_loss_where_nobody_misses_it(
    outcome_of, dependency: str, pay: str, seen: list
) -> None:
    outcome = outcome_of(threaded(dependency, pay))
    assert outcome.result == seen
    assert outcome.found == []
