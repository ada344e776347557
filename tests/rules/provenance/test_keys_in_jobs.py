"""What jobs send to other services: the key of the publisher, or that of whose job was first."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from asking import Client
from test_inputs import ALICE, BOB

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("huey")

APP = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
import httpx
from huey import MemoryHuey
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

queue, kept = MemoryHuey(results=True), {}

def client(token):
    return httpx.Client(base_url=URL, headers={"Authorization": "Bearer " + token})

@queue.task()
def first(user, token):
    kept.setdefault("client", client(token)).get("/contacts")

@queue.task()
def own(user, token):
    with client(token) as made:
        made.get("/contacts")

@queue.task()
def ours(user, token):
    kept.setdefault("client", client("tok-of-the-application-17")).get("/contacts")

@queue.task()
def for_all(user, tokens):
    for token in tokens:
        with client(token) as made:
            made.get("/contacts")

TASKS = {one.name: one for one in (first, own, ours, for_all)}
TOKENS = {"ALICE": "tok-4c1f9e7ab2", "BOB": "tok-99aa01bc7d"}

async def ask(request):
    user, task = request.headers["x-user"], globals()[request.path_params["task"]]
    task(user, [*TOKENS.values()] if task is for_all else TOKENS[user])
    made = queue.dequeue()
    # A worker's thread, which nobody's work has started.
    await asyncio.get_running_loop().run_in_executor(worker, queue.execute, made)
    return JSONResponse({})

app = Starlette(routes=[Route("/{task}", ask)])
worker = ThreadPoolExecutor(1)
worker.submit(int).result()

async def end():
    worker.shutdown()
    for one in kept.values():
        one.close()
"""


@pytest.fixture
def service() -> Iterator[tuple[str, list[str]]]:
    """Another service, and the keys that it was asked with."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.headers["Authorization"].removeprefix("Bearer "))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


@pytest.fixture
def app(audit: Any, load_app: Any, service: tuple[str, list[str]]) -> Iterator[Client]:
    module = load_app(f"URL = {service[0]!r}\n" + APP.replace("ALICE", ALICE).replace("BOB", BOB))
    client = Client(module.app, module.end)
    yield client
    client.close()


def test_the_key_of_whose_job_was_first(audit: Any, app: Client, service: tuple[str, list[str]]) -> None:
    app.ask(ALICE, "/first")
    app.ask(BOB, "/first")
    assert service[1] == ["tok-4c1f9e7ab2"] * 2
    assert audit.found() == [("IA203", "error", BOB, ALICE)]


@pytest.mark.parametrize("task", ["own", "ours", "for_all"])
def test_keys_that_jobs_may_send(audit: Any, app: Client, service: tuple[str, list[str]], task: str) -> None:
    for user in (ALICE, BOB, ALICE):
        app.ask(user, f"/{task}")
    assert service[1]
    assert audit.alarms() == []
