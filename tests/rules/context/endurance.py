"""A clean application for long, with every mechanism on: ``endurance.py SCOPES`` prints what it took, as JSON.

Each scope is one user's work, and does nothing wrong: tasks, some of which are called off, threads and pools, queues,
caches, responses, sockets and pooled connections, with copies and pickles of what is watched. Objects die at once, so
that their ids come again; the garbage collector runs all the time; the event loop is closed and replaced every now and
then. There is nothing to find, and nothing may be left.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gc
import json
import os
import pickle
import queue
import sys
import threading
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from types import FunctionType
from typing import Any

import cachetools
import socketio
from auditing import config, current_user
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.config.paths import parse_path
from isolation_audit.rules.caches import keyed_cache as entries
from isolation_audit.rules.content import egress as sinks
from isolation_audit.rules.crossing import delivery as addressees
from isolation_audit.rules.lifetime import growth, reach
from isolation_audit.rules.provenance import own_words

CAP = 100
"""Entries that each table may hold: of users, of what they have said, of what is cached."""
LOOP = 100
"""Scopes in one event loop."""
QUARTERS = 4


@functools.lru_cache(maxsize=64)
def greeting(user: str) -> list[str]:
    return [f"hello {current_user.get()}", user]


class Settings:
    """Of one user, for one scope; some live on as a copy."""

    def __init__(self, user: str) -> None:
        self.user = user

    @functools.cached_property
    def theme(self) -> list[str]:
        return [f"of {current_user.get()}"]


class Engine:
    """Made for one user; a copy of it is a new object, and whoever uses it first has it."""

    def __init__(self, user: str) -> None:
        self.calls = len(user)

    def ask(self) -> str | None:
        return current_user.get()


def copies(thing: Any) -> list[Any]:
    """What copy, deepcopy and pickle make of it."""
    return [copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))]


async def page(request: Any) -> JSONResponse:
    current_user.set(request.headers["x-user"])
    response = JSONResponse({"for": current_user.get()})
    return copies(response)[current_user.get().__len__() % 3]  # type: ignore[union-attr]


async def chat(websocket: Any) -> None:
    current_user.set(websocket.headers["x-user"])
    await websocket.accept()
    async for words in websocket.iter_text():
        await websocket.send_text(f"{current_user.get()}: {words}")


SITE = Starlette(routes=[Route("/", page), WebSocketRoute("/chat", chat)])


async def visit(kind: str, path: str, user: str, *messages: dict[str, Any]) -> list[Any]:
    """What the site sends when a server calls it."""
    sent: list[Any] = []
    received = asyncio.Queue[Any]()
    for message in messages:
        received.put_nowait(message)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-user", user.encode())]
    scope = {"type": kind, "method": "GET", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
    await asyncio.create_task(SITE(scope, received.get, send))
    return sent


class Pool:
    """Connections to an echo server; one whose answer was not read is thrown away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Any] = []

    async def ask(self, user: str, seconds: float) -> bytes:
        streams = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            streams[1].write(f"{user}\n".encode())
            async with asyncio.timeout(seconds):
                answer: bytes = await streams[0].readline()
        except BaseException:
            streams[1].close()
            raise
        self._free.append(streams)
        return answer

    async def close(self) -> None:
        for _reader, writer in self._free:
            writer.close()
            await writer.wait_closed()


class Application:
    """What lives as long as the process."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0)
        self.cache = cachetools.LRUCache(64)
        self.jobs: queue.Queue[Any] = queue.Queue()
        self.server = socketio.Server(async_mode="threading", async_handlers=False)
        self.server.eio.send_packet = lambda *_words: None
        self.server.eio.send = lambda *_words: None
        self.server.on("connect", self.connect)
        self.server.on("ask", self.asked)
        self.worker = threading.Thread(target=self.work, daemon=True)  # so that an error elsewhere ends the process
        self.worker.start()
        self.pool = ThreadPoolExecutor(2)

    def connect(self, sid: str, environ: dict[str, str]) -> None:
        current_user.set(environ["user"])
        self.server.enter_room(sid, f"room-of-{environ['user']}")

    def asked(self, sid: str, user: str) -> None:
        current_user.set(user)
        self.server.emit("answer", f"for {user}", to=sid)
        self.server.emit("answer", f"for {user}", room=f"room-of-{user}")

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            copy_context().run(*job)

    def close(self) -> None:
        self.jobs.put(None)
        self.worker.join()
        self.pool.shutdown()
        self.engine.dispose()

    def database(self, user: str) -> None:
        """A session and a connection from the pool, tidied up; neither can be copied."""
        with Session(self.engine) as session:
            assert session.scalar(text("SELECT :user"), {"user": user}) == user
            for thing in (session, self.engine):
                with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
                    copies(thing)

    def engines(self, number: int, user: str) -> None:
        """An engine, copies for somebody else, and queues, which can't be copied."""
        engine, other = Engine(user), user_of(number + 1)
        assert engine.ask() == user
        for one in copies(engine):
            context = copy_context()
            context.run(current_user.set, other)
            assert context.run(one.ask) == other
        for line in (self.jobs, asyncio.Queue[Any]()):
            with contextlib.suppress(TypeError, pickle.PicklingError):
                copies(line)

    def caches(self, user: str) -> None:
        """Keys that name their user; copies of caches and of what they hold."""
        assert greeting(user)[0] == f"hello {user}"
        assert copy.deepcopy(greeting) is greeting
        if user not in self.cache:
            self.cache[user] = [current_user.get()]
        assert [one[user] for one in (self.cache, *copies(self.cache))] == [[user]] * 4
        settings = Settings(user)
        assert {one.theme[0] for one in (settings, *copies(settings))} == {f"of {user}"}

    def socket(self, number: int, user: str) -> None:
        """A client that comes, asks, and goes."""

        def served() -> None:
            sid = f"socket-{number % 100}"
            self.server._handle_eio_connect(sid, {"user": user})
            self.server._handle_eio_message(sid, "0")
            self.server._handle_eio_message(sid, f'2["ask","{user}"]')
            self.server._handle_eio_disconnect(sid, "gone")

        copy_context().run(served)

    def threads(self, user: str) -> None:
        """Threads that end, and a worker that outlives them all."""

        def job() -> None:
            current_user.set(user)
            assert current_user.get() == user

        thread = threading.Thread(target=job)
        thread.start()
        self.jobs.put((job,))
        self.pool.submit(copy_context().run, job).result()
        self.pool.submit(int)
        thread.join()

    async def scope(self, number: int, user: str, lines: Pool) -> None:
        """One user's work."""
        current_user.set(user)
        self.engines(number, user)
        self.caches(user)
        self.database(user)
        self.socket(number, user)
        items = asyncio.Queue[Any]()
        items.put_nowait({"of": user})
        assert copy.deepcopy(await asyncio.create_task(items.get())) == {"of": user}
        cut = asyncio.create_task(lines.ask(user, 10))
        await asyncio.sleep(0)
        cut.cancel()
        await asyncio.wait([cut])
        assert await lines.ask(user, 10) == f"{user}\n".encode()
        if number % 10 == 0:
            await asyncio.to_thread(self.threads, user)
            with contextlib.suppress(TimeoutError):
                await lines.ask(user, 0)
            asyncio.create_task(asyncio.sleep(3600))  # noqa: RUF006 - the end of the loop calls it off
        await visit("http", "/", user, {"type": "http.request", "body": b""})
        words = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]
        sent = await visit("websocket", "/chat", user, *words, {"type": "websocket.disconnect", "code": 1001})
        assert sent[1]["text"] == f"{user}: hello"

    async def serve(self, numbers: range) -> None:
        """Scopes of one event loop, three at a time."""

        async def echo(reader: Any, writer: Any) -> None:
            with contextlib.suppress(ConnectionError):
                while line := await reader.readline():
                    writer.write(line)
            writer.close()

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            lines = Pool(server.sockets[0].getsockname()[1])
            for first in range(numbers.start, numbers.stop, 3):
                some = range(first, min(first + 3, numbers.stop))
                await asyncio.gather(*(self.scope(number, user_of(number), lines) for number in some))
            await lines.close()


def user_of(number: int) -> str:
    """Fifty users who come again and again; every third scope is somebody who was never seen before."""
    return f"user-{number:06}" if number % 3 == 0 else f"regular-{number % 50:02}"


def what(obj: object) -> str:
    """The class of an object of the auditor's; its closures are all one. Empty for everything else."""
    kind = type(obj)
    if not str((obj if kind is FunctionType else kind).__module__).startswith("isolation_audit."):
        return ""
    if kind is FunctionType:
        return "closure" if obj.__closure__ else ""  # type: ignore[attr-defined]
    return kind.__qualname__


def kept(auditor: Auditor) -> dict[str, int]:
    """Live objects of the auditor's by class, and entries of its tables."""
    counts = Counter(map(what, gc.get_objects()))
    del counts[""]
    runtime = auditor.runtime
    tables = {"users": runtime.users, "bindings": runtime.bindings, "objects": runtime.objects}
    for part in runtime._parts.values():
        for name, value in (getattr(part, "__dict__", None) or {}).items():
            if isinstance(value, (dict, set, list)):
                tables[f"{type(part).__qualname__}.{name}"] = value
    return dict(counts) | {f"table {name}": len(table) for name, table in tables.items()}


def resident() -> int:
    """Bytes of memory that the process holds; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def endure(scopes: int) -> dict[str, Any]:
    """Run it; memory and what is kept at each quarter."""
    limits = model.Limits(users=CAP, bindings=CAP, scopes=CAP)
    entries.LIMIT = addressees._SENDERS = sinks._PASSED_ON = CAP  # type: ignore[misc]
    growth._SERIES = reach._KINDS = CAP  # type: ignore[misc]
    own_words._PHRASES, own_words._REQUESTS = CAP // 4, 2  # type: ignore[misc] # full before the second quarter ends
    app, quarters = Application(), []
    engine = model.Engine(model.Target(__name__, "Engine"), owner=(parse_path("args.user"),))
    with Auditor(config(limits=limits, engines=(engine,))) as auditor:
        gc.set_threshold(50, 5, 5)
        for quarter in range(QUARTERS):
            first, last = scopes * quarter // QUARTERS, scopes * (quarter + 1) // QUARTERS
            for start in range(first, last, LOOP):
                asyncio.run(app.serve(range(start, min(start + LOOP, last))))
            auditor.settle()
            gc.collect()
            if quarter == 0:
                tracemalloc.start()
                gc.collect()
            traced = tracemalloc.get_traced_memory()[0]
            quarters.append({"resident": resident(), "traced": traced, "kept": kept(auditor)})
        tracemalloc.stop()
        app.close()
    at_work = {name for name, calls in auditor.snapshot()["coverage"]["libraries"].items() if calls}
    return {
        "quarters": quarters,
        "threads": threading.active_count(),
        "found": [entry.finding.message for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"],
        "faults": auditor.runtime.barrier.counts,
        "built": auditor.runtime.tally.built.total(),
        "seen": sorted({place.partition(".")[0] for place in auditor.runtime.tally.seen} | at_work),
        "evicted": auditor.snapshot()["summary"]["evicted"],
        "patches": len(auditor.instrumentation._patches),
    }


if __name__ == "__main__":
    print(json.dumps(endure(int(sys.argv[1]))))
