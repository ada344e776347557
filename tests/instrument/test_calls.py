"""What a clean event and a clean request cost, in calls of our functions: counted, not timed, so any machine will do.

These are ceilings. Whoever gets below one lowers it; nothing may go above it unnoticed.
"""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import subprocess
import sys
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
from counted_calls import Calls

from isolation_audit import Auditor, user_scope
from isolation_audit.config import Config, parse_config
from isolation_audit.content import secrets

if TYPE_CHECKING:
    from collections.abc import Callable

LAYERS = """\
class Emitter:
    user_id = "alice"
    def __init__(self, bridge): self.bridge = bridge
    def emit_answer(self, user_id, data): return self.bridge.emit_answer(user_id, data)

class Bridge:
    user_id = "alice"
    def __init__(self, sink): self.sink = sink
    def emit_answer(self, user_id, data): return self.sink.send(user_id, data)

class Sink:
    user_id = "alice"
    def send(self, user_id, data): return True
"""

EVENT_CALLS, EVENT_FILES = 22, 9
REQUEST_CALLS = 80
JOB_CALLS = 11
REQUESTS = 20
BATCHES = 6
"""So many requests in a row, so many times; the least counts: now and then, by the clock, hooks are timed."""


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    """A process keeps the secrets that it was told, and looks for them everywhere: here it was told none."""
    monkeypatch.setattr(secrets, "_owners", {})
    monkeypatch.setattr(secrets, "_canaries", {})
    monkeypatch.setattr(secrets.Version, "number", 0)


def config(app: str) -> Config:
    def layer(name: str, method: str) -> dict[str, Any]:
        paths = {"owner": "self.user_id", "addressee": "args.user_id", "payload": "args.data"}
        return {"target": f"{app}:{name.capitalize()}", "methods": {method: "*"}, "layer": name, **paths}

    return parse_config(
        {"emitters": [layer("emitter", "emit_*"), layer("bridge", "emit_*"), layer("sink", "send")]},
    )


def counted(send: Callable[[], object]) -> Calls:
    for _ in range(3):  # what is learned once is learned by then
        send()
    with Calls() as calls:
        send()
    return calls


def test_a_clean_event_through_three_layers(load_app) -> None:
    app = load_app(LAYERS)
    emitter = app.Emitter(app.Bridge(app.Sink()))
    with Auditor(config(app.__name__)), user_scope("alice"):
        calls = counted(lambda: emitter.emit_answer("alice", {"text": "hello"}))
    assert calls.total <= EVENT_CALLS, calls.listed()
    assert len(calls.files) <= EVENT_FILES, sorted(calls.files)
    assert calls.total > 3, "the event was audited"


def test_nothing_is_called_without_an_audit(load_app) -> None:
    app = load_app(LAYERS)
    emitter = app.Emitter(app.Bridge(app.Sink()))
    with user_scope("alice"):
        assert counted(lambda: emitter.emit_answer("alice", {"text": "hello"})).total == 0
    with Auditor(config(app.__name__)):
        pass
    assert counted(lambda: emitter.emit_answer("alice", {"text": "hello"})).total == 0


def test_a_rule_that_is_off_costs_less(load_app) -> None:
    app = load_app(LAYERS)
    emitter = app.Emitter(app.Bridge(app.Sink()))
    totals = []
    for select in ({}, {"disable": ["IA203", "IA208", "IA209"]}):
        table = {**config_table(app.__name__), "select": select, "watch": {"payloads": False, "addressees": False}}
        with Auditor(parse_config(table)), user_scope("alice"):
            totals.append(counted(lambda: emitter.emit_answer("alice", {"text": "hello"})).total)
    assert totals[1] < totals[0]


def test_a_job_that_brings_its_context_through_a_queue() -> None:
    jobs: queue.Queue[Any] = queue.Queue()

    def through() -> None:
        jobs.put((copy_context(), None))
        jobs.get()

    with Auditor(Config()):
        calls = copy_context().run(counted, through)  # what runs now is noted in the context
    assert calls.total <= JOB_CALLS, calls.listed()
    assert calls.total > 3, "it was looked at"


def config_table(app: str) -> dict[str, Any]:
    return {"emitters": [{"target": f"{app}:Sink", "addressee": "args.user_id", "payload": "args.data"}]}


def ask(port: int, times: int) -> None:
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /page HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer.endswith(b"hello")


async def asked(port: int, times: int) -> None:
    """By a thread of its own: what a client costs is none of a request's."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def client() -> None:
        ask(port, times)
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=client)
    thread.start()
    await done.wait()
    thread.join()


async def served() -> Calls:
    uvicorn = pytest.importorskip("uvicorn")
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def page(_request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/page", page)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", http="h11"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    await asked(port, 70)  # until then some looks for what the application has are made
    found = []
    for _ in range(BATCHES):
        with Calls() as calls:
            await asked(port, REQUESTS)
        found.append(calls)
    server.should_exit = True
    await task
    return min(found, key=lambda one: one.total)


def counted_request() -> dict[str, Any]:
    with Auditor(Config()):
        calls = asyncio.run(served())
    return {"total": calls.total, "listed": calls.listed(), "afterwards": asyncio.run(served()).total}


def test_a_clean_request_through_uvicorn_and_starlette() -> None:
    """In a process of its own: a request is asked for each variable of a context, and other tests have left theirs."""
    pytest.importorskip("uvicorn")
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["total"] / REQUESTS <= REQUEST_CALLS, told["listed"]
    assert told["total"] / REQUESTS > 3, "the request was audited"
    assert told["afterwards"] == 0


if __name__ == "__main__":
    print(json.dumps(counted_request()))
