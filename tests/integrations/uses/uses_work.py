"""Uses of tasks, threads, queues and workers, and of clients that tasks share."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import queue
import socket
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from uses import as_user, async_outcome, current_user, outcome, use
from uses_wsgi import threaded

__all__: list[str] = []


class Lines(asyncio.Protocol):
    """A server that handles each line in a task of its own, which lets the connection read on."""

    lost: asyncio.Event

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, _error: Any) -> None:
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        self.task = asyncio.get_running_loop().create_task(self.answer(data))

    async def answer(self, data: bytes) -> None:
        if data.startswith(b"alice"):
            current_user.set("alice")
        self.transport.pause_reading()
        self.transport.resume_reading()
        self.transport.write(f"{current_user.get()}\n".encode())


@use("asyncio")
def tasks() -> Any:
    def ask(port: int) -> Any:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            answers = []
            for line in (b"alice\n", b"-\n", b"-\n"):
                connection.sendall(line)
                answers.append(connection.recv(100).decode())
            return answers

    async def child(user: str) -> Any:
        await asyncio.sleep(0)
        if user == "carol":
            raise LookupError(user)
        return [user, current_user.get()]

    async def parent(user: str) -> Any:
        current_user.set(user)
        cut = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        cut.cancel()
        return [await async_outcome(asyncio.create_task(child(user))), await async_outcome(cut)]

    async def chained() -> Any:
        """A timer that sets the next one."""
        done, rung = asyncio.get_running_loop().create_future(), []

        def ring(left: int) -> None:
            rung.append(current_user.get())
            loop = asyncio.get_running_loop()
            loop.call_later(0, ring, left - 1) if left else done.set_result(rung)

        current_user.set("alice")
        asyncio.get_running_loop().call_later(0, ring, 2)
        return await done

    def hand_over(loop: Any) -> Any:
        """Work for another thread's loop."""
        return [asyncio.run_coroutine_threadsafe(child("alice"), loop).result(), outcome(child("carol").close)]

    async def main() -> Any:
        Lines.lost = asyncio.Event()
        server = await asyncio.get_running_loop().create_server(Lines, "127.0.0.1", 0)
        answers = await asyncio.to_thread(ask, server.sockets[0].getsockname()[1])
        await Lines.lost.wait()
        server.close()
        rung = await asyncio.create_task(chained())
        loop = asyncio.get_running_loop()
        handed = await asyncio.to_thread(as_user, "alice", hand_over, loop)
        closed = asyncio.new_event_loop()
        closed.close()
        handed.append(as_user("bob", outcome, closed.call_soon_threadsafe, print))
        return [answers, rung, handed, await asyncio.gather(*map(parent, ("alice", "bob", "carol")))]

    return as_user(None, asyncio.run, main())


@use("queues")
def queues() -> Any:
    async def main() -> Any:
        jobs: asyncio.Queue[Any] = asyncio.Queue(2)
        got: list[Any] = []

        async def work() -> None:
            while True:
                got.append([await jobs.get(), current_user.get()])
                jobs.task_done()

        async def put(user: str) -> Any:
            current_user.set(user)
            await jobs.put(f"of {user}")
            return [outcome(jobs.put_nowait, "more"), outcome(jobs.put_nowait, "too much")]

        full = await asyncio.create_task(put("alice"))
        got.append([full, jobs.get_nowait(), jobs.get_nowait(), outcome(jobs.get_nowait)])
        jobs.task_done()
        jobs.task_done()
        worker = asyncio.create_task(work())
        for user in ("alice", "bob"):
            await asyncio.create_task(put(user))
            await jobs.join()
        worker.cancel()
        return [got, await asyncio.create_task(limited("alice")), await async_outcome(worker)]

    async def limited(user: str) -> Any:
        """Waiting with a time limit."""
        current_user.set(user)
        jobs: asyncio.Queue[Any] = asyncio.Queue()
        asyncio.get_running_loop().call_later(0.001, jobs.put_nowait, "in time")
        got = await asyncio.wait_for(jobs.get(), 5)
        return [got, await async_outcome(asyncio.wait_for(jobs.get(), 0.001))]

    line: queue.Queue[Any] = queue.Queue(1)

    def put(item: Any) -> Any:
        line.put(item)
        return outcome(line.put, "too much", block=False)

    got = [[as_user(user, put, user), line.get(), outcome(line.get, timeout=0.001)] for user in ("alice", "bob")]
    return [got, as_user(None, asyncio.run, main())]


@use("anyio_streams")
def anyio_streams() -> Any:
    import anyio

    async def main() -> Any:
        got: list[Any] = []

        async def work(receive: Any) -> None:
            async for item in receive:
                got.append([item, current_user.get()])

        async def put(send: Any, user: str) -> Any:
            current_user.set(user)
            await send.send(f"of {user}")
            return await async_outcome(anyio.wait_all_tasks_blocked())

        send, receive = anyio.create_memory_object_stream(1)
        async with send, receive:
            full = [outcome(send.send_nowait, "first"), outcome(send.send_nowait, "too much")]
            got.append([full, receive.receive_nowait(), outcome(receive.receive_nowait)])
            worker = asyncio.create_task(work(receive.clone()))
            got += [await asyncio.create_task(put(send, user)) for user in ("alice", "bob")]
        with contextlib.suppress(anyio.EndOfStream):
            await worker
        closed = [await async_outcome(receive.receive()), await async_outcome(send.send("too late"))]
        return [got, closed]

    return as_user(None, asyncio.run, main())


@use("trio_channels")
def trio_channels() -> Any:
    import trio

    async def main() -> Any:
        got: list[Any] = []

        async def work(receive: Any) -> None:
            async for item in receive:
                found = [item, current_user.get()]
                got.append(found)

        async def put(send: Any, user: str) -> None:
            current_user.set(user)
            await send.send(f"of {user}")

        send, receive = trio.open_memory_channel(1)
        full = [outcome(send.send_nowait, "first"), outcome(send.send_nowait, "too much")]
        got.append([full, receive.receive_nowait(), outcome(receive.receive_nowait)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, receive.clone())
            async with trio.open_nursery() as requests:
                for user in ("alice", "bob"):
                    requests.start_soon(put, send, user)
            await send.aclose()
        closed = [await async_outcome(receive.receive()), await async_outcome(send.send("too late"))]
        return [sorted(got, key=str), closed]

    return as_user(None, trio.run, main)


@use("janus")
def janus() -> Any:
    import janus as library

    async def main() -> Any:
        got: list[Any] = []
        for kind in (library.Queue, library.PriorityQueue, library.LifoQueue):
            line = kind(1)

            def put(user: str, line: Any = line) -> Any:
                line.sync_q.put(f"of {user}")
                return outcome(line.sync_q.put, "too much", block=False)

            for user in ("alice", "bob"):
                got.append(await asyncio.to_thread(as_user, user, put, user))
                got.append([await line.async_q.get(), outcome(line.sync_q.get, timeout=0.001)])
            got.append(await async_outcome(asyncio.wait_for(line.async_q.get(), 0.001)))
            # Two that have no order.
            got.append([as_user("alice", outcome, line._put_internal, {}) for _ in range(2)])
            got.append([outcome(line._get) for _ in range(3)])
            await line.aclose()
        return got

    return as_user(None, asyncio.run, main())


@use("threads")
def threads() -> Any:
    def job(user: str | None) -> Any:
        before = current_user.get()
        current_user.set(user)
        if user == "carol":
            raise LookupError(user)
        return [before, current_user.get()]

    class Own(threading.Thread):
        def run(self) -> None:
            self.got = job("dave")

    with ThreadPoolExecutor(1) as pool:
        users = ("alice", "bob", "carol", None)
        got = [as_user(user, lambda user=user: outcome(pool.submit(job, user).result)) for user in users]
        got.append(as_user("alice", lambda: pool.submit(copy_context().run, job, "bob").result()))
        cancelled = [pool.submit(threading.Event().wait, 0.05), pool.submit(job, "bob")]
        got.append([cancelled[1].cancel(), cancelled[0].result()])
    own = Own()
    as_user("alice", own.start)
    own.join()
    failing = threading.Thread(target=job, args=("carol",))
    as_user("bob", failing.start)
    failing.join()
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(threading.Event().wait, 0.05)
        answered = as_user("alice", pool.submit, job, "alice")
        answered.set_result("by somebody else")  # the pool's thread ends with an error
        taken.result()
    return [got, own.got, outcome(own.start), answered.result()]


LAZY = """
import threading

class Registry:
    def __init__(self, broken=False):
        if broken:
            raise ValueError("broken")

_registry = None

def get_registry(broken=False):
    global _registry
    if _registry is None:
        _registry = Registry(broken)
    return _registry
"""


@use("imports")
def imports() -> Any:
    got = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("lazily_made", LAZY), ("broken_module", "raise LookupError('at import')")):
            path = Path(folder, f"{name}.py")
            path.write_text(text)
            spec: Any = importlib.util.spec_from_file_location(name, path)
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            try:
                got.append(outcome(spec.loader.exec_module, module))
                if name == "lazily_made":
                    got.append(outcome(module.get_registry, True))
                    got += [type(module.get_registry()).__name__, outcome(module.Registry, True)]
                    got.append(module.get_registry() is module.get_registry())
            finally:
                del sys.modules[name]
    return got


@use("handed_over")
def handed_over() -> Any:
    return [queues(), threads()]


@use("asgiref")
def asgiref() -> Any:
    from asgiref.local import Local
    from asgiref.sync import sync_to_async

    locals_of_both_kinds = (Local(), Local(thread_critical=True))

    def ask(user: str) -> Any:
        got = []
        for local in locals_of_both_kinds:
            found = outcome(getattr, local, "language")
            local.language = f"of {user}"
            got.append([found, local.language])
        return got

    async def main() -> Any:
        async def task(user: str) -> Any:
            current_user.set(user)
            return [ask(user), await sync_to_async(ask)(user)]

        return await asyncio.gather(*map(task, ("alice", "bob")))

    return [[as_user(user, ask, user) for user in ("alice", "bob")], as_user(None, asyncio.run, main())]


@use("opentelemetry")
def opentelemetry() -> Any:
    from opentelemetry import baggage, context

    def job(user: str, signs_in: bool) -> Any:
        current_user.set(user)
        if signs_in:
            context.attach(baggage.set_baggage("user.id", user))
        return baggage.get_baggage("user.id")

    with ThreadPoolExecutor(1) as pool:
        return [pool.submit(job, *one).result() for one in (("alice", True), ("bob", False), ("alice", False))]


@cache
def celery_worker() -> Any:
    """An application with one task, and a worker on a thread that ends with the process."""
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("used", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
    app.conf.broker_transport_options = {"polling_interval": 0.005}

    @app.task(name="remember")
    def remember(user: str) -> Any:
        before = current_user.get()
        current_user.set(user)
        if user == "carol":
            raise LookupError(user)
        return [before, current_user.get()]

    running = start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL")
    running.__enter__()
    return app, remember, running  # it would stop as soon as nobody has it


@use("celery")
def celery() -> Any:
    from celery.app import trace

    app, remember, _running = celery_worker()

    def publish(user: str | None, protocol: int) -> Any:
        app.conf.task_protocol = protocol
        app.__dict__.pop("amqp", None)
        return outcome(remember.delay(user).get, timeout=60, interval=0.01)

    got = [as_user(user, publish, user, protocol) for protocol in (2, 1) for user in ("alice", "bob", "carol", None)]
    request = {"id": "1", "delivery_info": {}}
    for user in ("alice", "bob"):
        traced = as_user(None, lambda user=user: trace.trace_task(remember, "1", [user], {}, request, app=app))
        got.append(str(getattr(traced, "retval", traced)))
    got.append(as_user(None, outcome, trace.fast_trace_task, "unknown", "2", request, "[[], {}, {}]", None, None))
    return got


@use("apscheduler")
def apscheduler() -> Any:
    import logging

    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

    async def main() -> Any:
        got: list[Any] = []
        done = asyncio.Event()

        async def later(user: str) -> None:
            got.append(["later", user, current_user.get()])
            if user == "bob":
                raise LookupError(user)

        def now(user: str) -> None:
            got.append(["now", user, current_user.get()])
            done.set()

        async def cancelled() -> None:
            raise asyncio.CancelledError

        async def schedule(user: str) -> None:
            current_user.set(user)
            scheduler.add_job(later, args=[user])
            await asyncio.sleep(0.02)
            scheduler.add_job(cancelled)
            await asyncio.sleep(0.02)
            scheduler.add_job(now, args=[user])
            await done.wait()
            done.clear()

        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.start()
        for user in ("alice", "bob"):
            await asyncio.create_task(schedule(user))
        scheduler.shutdown()
        return [words[:2] for words in got]

    return as_user(None, asyncio.run, main())


class Service(BaseHTTPRequestHandler):
    """Gives a cookie to whoever has none."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/nothing" else 200)
        if "cookie" not in self.headers:
            self.send_header("set-cookie", f"sid=of-{self.headers.get('x-user', 'nobody')}")
        if self.path == "/chunks":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nok\r\n4\r\n, so\r\n0\r\n\r\n")
            return
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_words: Any) -> None:
        pass


@contextlib.contextmanager
def service() -> Any:
    """A running one: gives its address."""
    server = ThreadingHTTPServer(("localhost", 0), Service)
    server.daemon_threads = True
    with threaded(server):
        yield f"http://localhost:{server.server_port}"


@use("aiohttp", "aiohttp_answers")
def aiohttp_client() -> Any:
    import aiohttp

    async def main(url: str) -> Any:
        async with aiohttp.ClientSession() as client:

            async def ask(user: str) -> Any:
                current_user.set(user)
                async with client.get(f"{url}/", headers={"x-user": user}) as response:
                    return [response.status, await response.text(), sorted(map(str, response.cookies.values()))]

            got = [await asyncio.create_task(ask(user)) for user in ("alice", "bob")]
            async with client.get(f"{url}/chunks") as response:
                got += [[str(part) async for part in response.content.iter_chunked(1)]]
            return [got, await async_outcome(client.get("http://localhost:1/"))]

    with service() as url:
        return as_user(None, asyncio.run, main(url))


@use("httpx", "httpx_answers")
def httpx() -> Any:
    import httpx

    async def main(url: str) -> Any:
        async with httpx.AsyncClient() as client:

            async def ask(user: str) -> Any:
                current_user.set(user)
                return (await client.get(f"{url}/", headers={"x-user": user})).text

            got = [await asyncio.create_task(ask(user)) for user in ("alice", "bob")]
            return [got, dict(client.cookies), await async_outcome(client.get("http://localhost:1/"))]

    with service() as url, httpx.Client() as client:
        got = [as_user(user, client.get, f"{url}/", headers={"x-user": user}).text for user in ("alice", "bob")]
        got += [outcome(client.get, "http://localhost:1/"), dict(client.cookies)]
        return [got, as_user(None, asyncio.run, main(url))]


@use("requests", "requests_answers", "http_client", "urllib3_answers")
def requests() -> Any:
    import requests

    with service() as url, requests.Session() as client:
        got = [as_user(user, client.get, f"{url}/", headers={"x-user": user}).text for user in ("alice", "bob")]
        got += [[*map(str, as_user("alice", client.get, f"{url}/chunks", stream=True).iter_content(1))]]
        for read in (lambda answer: answer.readline(), lambda answer: answer.read1(1)):
            with urlopen(f"{url}/") as answer:
                got.append(str(as_user("bob", read, answer)))
        return [got, outcome(client.get, "http://localhost:1/"), dict(client.cookies)]
