"""What correct programs do with contexts: no finding, no growth, and nothing that behaves differently."""

from __future__ import annotations

import asyncio
import gc
import queue
import sys
import threading
import tracemalloc
import weakref
from concurrent.futures import thread as pool_thread
from types import SimpleNamespace

import pytest
from auditing import HEAD, config

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model
from isolation_audit.model.owner_tags import Items, OwnerTags, Queues
from isolation_audit.model.users import User
from isolation_audit.rules.context.lineage import Lineage
from isolation_audit.rules.context.suspicions import Suspicions, _Watch

PROGRAMS = {
    "tasks, groups and threads of one request": """
async def part(user):
    await asyncio.sleep(0)
    return await asyncio.to_thread(current_user.get) == current_user.get() == user

async def request(user):
    current_user.set(user)
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(part(user)) for _ in range(3)]
    later = asyncio.create_task(part(user))
    got = await asyncio.gather(part(user), asyncio.wait_for(part(user), 5), asyncio.shield(later))
    return all(task.result() for task in made) and all(got)

async def serve():
    return all(await asyncio.gather(*(asyncio.create_task(request(user)) for user in ("alice", "bob", "carol"))))

def main():
    return asyncio.run(serve())
""",
    "work that goes on after its request": """
done = []

async def mail(user):
    await asyncio.sleep(0.01)
    done.append(current_user.get() == user)

async def request(user):
    current_user.set(user)
    return asyncio.create_task(mail(user))

async def serve():
    started = [await asyncio.create_task(request(user)) for user in ("alice", "bob")]
    await asyncio.gather(*started)

def main():
    asyncio.run(serve())
    return all(done) and len(done) == 2
""",
    "anyio's task groups, streams and threads": """
import anyio, anyio.from_thread, anyio.to_thread

async def part(user, send):
    assert await anyio.to_thread.run_sync(current_user.get) == user
    assert await anyio.to_thread.run_sync(anyio.from_thread.run_sync, current_user.get) == user
    await send.send(user)

async def request(user):
    current_user.set(user)
    send, receive = anyio.create_memory_object_stream(1)
    async with send, receive, anyio.create_task_group() as group:
        group.start_soon(part, user, send)
        return await receive.receive() == current_user.get()

async def serve():
    return all(await asyncio.gather(*(asyncio.create_task(request(user)) for user in ("alice", "bob"))))

def main():
    return asyncio.run(serve())
""",
    "Starlette's thread pool and background tasks": """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

seen = []

def note(user):
    seen.append((user, current_user.get()))

async def page(request):
    user = request.headers["x-user"]
    current_user.set(user)
    await run_in_threadpool(note, user)
    return PlainTextResponse(user, background=BackgroundTask(note, user))

async def request(application, user):
    sent = []
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "root_path": ""}
    scope["headers"] = [(b"x-user", user.encode())]
    await application(scope, receive, send)

async def serve():
    application = Starlette(routes=[Route("/", page)])
    await asyncio.gather(*(asyncio.create_task(request(application, user)) for user in ("alice", "bob", "alice")))

def main():
    asyncio.run(serve())
    return len(seen) == 6 and all(user == ambient for user, ambient in seen)
""",
    "loops that are closed, nested and cut short": """
async def forever(jobs):
    await jobs.get()

async def request(user):
    current_user.set(user)
    jobs = asyncio.Queue()
    task = asyncio.create_task(forever(jobs))
    await asyncio.sleep(0)
    task.cancel()
    inner = await asyncio.to_thread(asyncio.run, asyncio.sleep(0, current_user.get()))
    return inner == user

def main():
    right = [asyncio.run(request(user)) for user in ("alice", "bob")]
    loop = asyncio.new_event_loop()
    jobs = asyncio.Queue()
    pending = copy_context().run(loop.create_task, forever(jobs))
    loop.run_until_complete(asyncio.sleep(0))
    pending.cancel()
    loop.run_until_complete(asyncio.gather(pending, return_exceptions=True))
    loop.close()
    return all(right)
""",
    "copies and pickles of what lies in queues": """
import copy, pickle

def main():
    current_user.set("alice")
    jobs = queue.Queue()
    job = {"text": ["hello"]}
    jobs.put(job)
    got = jobs.get()
    assert got is job
    return pickle.loads(pickle.dumps(copy.deepcopy(got))) == {"text": ["hello"]}
""",
    "queues of every order, full ones, and many producers": """
def main():
    def produce(user, jobs):
        current_user.set(user)
        for number in range(200):
            jobs.put((number, user))

    def consume(jobs, wrong):
        for _ in range(400):
            number, user = jobs.get()
            current_user.set(user)
            wrong += [user] if current_user.get() != user else []

    wrong = []
    for jobs in (queue.Queue(3), queue.LifoQueue(3), queue.PriorityQueue(3)):
        crew = [threading.Thread(target=produce, args=(user, jobs)) for user in ("alice", "bob")]
        crew.append(threading.Thread(target=consume, args=(jobs, wrong)))
        for one in crew:
            one.start()
        for one in crew:
            one.join()
    return not wrong
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_correct_programs_are_silent(outcome_of, name: str) -> None:
    outcome = outcome_of(PROGRAMS[name])
    assert outcome.result
    assert outcome.found == []


def test_clients_that_share_their_connections(outcome_of) -> None:
    pytest.importorskip("aiohttp")
    source = """
import aiohttp
from aiohttp import web

async def answer(request):
    await request.read()
    return web.Response(text="x" * 300_000)

async def request(user, session, url):
    current_user.set(user)
    async with session.post(url, data=b"y" * 300_000) as response:
        await response.read()
    return current_user.get() == user

async def serve():
    application = web.Application(client_max_size=10**7)
    application.router.add_post("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        right = [await asyncio.create_task(request(user, session, url)) for user in ("alice", "bob", "carol", "bob")]
    await runner.cleanup()
    return all(right)

def main():
    return asyncio.run(serve())
"""
    outcome = outcome_of(source)
    assert outcome.result
    assert outcome.found == []


LOAD = """
import gc, tracemalloc

def job():
    return None

async def child(jobs):
    await jobs.put(object())

async def request(user, jobs, pool):
    current_user.set(user)
    await asyncio.gather(*(asyncio.create_task(child(jobs)) for _ in range(2)))
    cut = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    cut.cancel()
    asyncio.get_running_loop().run_in_executor(pool, job)

async def worker(jobs):
    while True:
        await jobs.get()
        jobs.task_done()

async def rounds(first, number, jobs, pool):
    for index in range(first, first + number):
        await asyncio.create_task(request(f"user-{index % 50}", jobs, pool))
    await jobs.join()
    await asyncio.get_running_loop().run_in_executor(pool, job)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

async def serve():
    jobs = asyncio.Queue()
    working = asyncio.create_task(worker(jobs))
    with ThreadPoolExecutor(2) as pool:
        await rounds(0, 200, jobs, pool)
        tracemalloc.start()
        before = await rounds(0, 200, jobs, pool)
        after = await rounds(200, 2_000, jobs, pool)
        tracemalloc.stop()
    working.cancel()
    return before, after

def main():
    return asyncio.run(serve())
"""


def test_nothing_grows(outcome_of) -> None:
    outcome = outcome_of(LOAD)
    before, after = outcome.result
    print(f"traced memory after 200 requests {before:,} bytes, after 2,000 more {after:,}")
    assert outcome.found == []
    assert after - before < 100_000


def test_ten_thousand_scopes_and_objects_whose_ids_come_again(audit) -> None:
    from isolation_audit import user_scope

    line = queue.Queue()
    for number in range(10_000):
        with user_scope(f"user-{number % 7}"):
            line.put(SimpleNamespace(number=number))
        line.get()
        if number % 1_000 == 0:
            gc.collect()
    assert audit.found("IA503") == audit.found("IA504") == []


def test_labels_go_with_what_they_label() -> None:
    labels, queues, user = OwnerTags(), Queues(), User("alice")
    obj, line = threading.Event(), queue.Queue()
    labels.put(obj, user)
    queues.added(line).put("item", user)
    assert (len(labels), len(queues)) == (1, 1)
    kept = weakref.ref(obj)
    del obj, line
    gc.collect()
    assert kept() is None
    assert (len(labels), len(queues)) == (0, 0)


def test_items_are_bounded_and_count_what_lies_there_twice() -> None:
    items, alice, bob = Items(), User("alice"), User("bob")
    for _ in range(2):
        items.put("ring", alice)
    assert [items.take("ring") for _ in range(3)] == [alice, alice, None]
    items.put("ring", alice)
    items.put("ring", bob)
    assert [items.take("ring") for _ in range(2)] == [None, None]
    items.put("ring", None)
    assert len(items) == 0
    kept = [object() for _ in range(10_010)]
    for item in kept:
        items.put(item, alice)
    assert len(items) == 10_000
    assert tracemalloc.is_tracing() is False


PATCHED = (
    lambda: asyncio.BaseEventLoop.create_task,
    lambda: asyncio.BaseEventLoop.call_at,
    lambda: asyncio.Queue.put_nowait,
    lambda: asyncio.Queue.get,
    lambda: queue.Queue.get,
    lambda: pool_thread._WorkItem.run,
    lambda: threading.Thread.start,
    lambda: threading.Thread._bootstrap_inner,
)


def test_switched_off_nothing_is_patched_and_what_was_comes_back() -> None:
    before = [get().__code__ for get in PATCHED]
    others = {"payloads": False, "caches": False, "addressees": False, "pools": False, "lifetimes": False}
    with Auditor(config(watch=model.Watch(contexts=False, **others))):
        assert [get().__code__ for get in PATCHED] == before
    with Auditor(config(watch=model.Watch(**others))):
        assert not {get().__code__ for get in PATCHED} & set(before)
    assert [get().__code__ for get in PATCHED] == before


BROKEN = [
    (Lineage, "user"),
    (Lineage, "begin_job"),
    (Lineage, "end_job"),
    (Lineage, "begin_item"),
    (Lineage, "end_item"),
    (Lineage, "begin_thread"),
    (Lineage, "hands_on"),
    (Suspicions, "open"),
    (Suspicions, "close"),
    (Suspicions, "watch"),
    (Queues, "get"),
    (OwnerTags, "put"),
    (OwnerTags, "take"),
    (_Watch, "_judge"),
]


@pytest.mark.parametrize(("cls", "method"), BROKEN, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_the_application_goes_on_whatever_breaks(load_app, monkeypatch, cls: type, method: str) -> None:
    bled = load_app(HEAD + BLED)
    expected = bled.main()

    def broken(*_args: object, **_kwargs: object) -> None:
        raise ArithmeticError("broken on purpose")

    monkeypatch.setattr(cls, method, broken)
    audited = load_app(HEAD + BLED)
    ambient = model.Ambient(contextvar=model.Target(audited.__name__, "current_user"))
    with Auditor(Config(ambient=ambient, report=model.Report(terminal=False))) as auditor:
        assert audited.main() == expected
        assert sum(auditor.runtime.barrier.counts.values()) > 0
    assert sys.getprofile() is None


BLED = """
class Outbox:
    def __init__(self):
        self.queue, self.task, self.sent = asyncio.Queue(), None, []

    async def work(self):
        while True:
            text, done = await self.queue.get()
            self.sent.append((current_user.get(), text))
            done.set_result(None)

    async def send(self, text):
        if self.task is None:
            self.task = asyncio.create_task(self.work())
        done = asyncio.get_running_loop().create_future()
        await self.queue.put((text, done))
        await done

def job():
    before = current_user.get()
    if before is None:
        current_user.set("left behind")
    return before

async def request(user, outbox, pool):
    current_user.set(user)
    await outbox.send("letter of " + user)
    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    await asyncio.to_thread(current_user.get)
    return await asyncio.get_running_loop().run_in_executor(pool, job)

async def serve():
    outbox = Outbox()
    with ThreadPoolExecutor(1) as pool:
        jobs = [await asyncio.create_task(request(user, outbox, pool)) for user in ("alice", "bob", "carol")]
    return outbox.sent, jobs

def main():
    return asyncio.run(serve())
"""
