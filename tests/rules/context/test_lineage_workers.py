"""Workers that a first request starts and that go on for all, whatever they start themselves; and where they run."""

from __future__ import annotations

import sys

import pytest

WORKER = """
class Store:
    def __init__(self):
        self.queue, self.worker, self.written = asyncio.Queue(), None, []

    async def write(self, text):
        if self.worker is None:
            {start}
        await self.queue.put((current_user.get(), text))

    async def work(self):
        while True:
            {take}
            {work}
            self.written.append((current_user.get(), text))

async def nothing():
    await asyncio.sleep(0)

async def request(store, user):
    current_user.set(user)
    await store.write("note of " + user)
    await asyncio.sleep(0.005)

async def serve():
    store = Store()
    for user in ("alice", "bob", "bob"):
        await asyncio.create_task(request(store, user))
    for _ in range(2000):  # ten seconds at most: a busy machine's threads come late
        if len(store.written) == 3:
            break
        await asyncio.sleep(0.005)
    store.worker.cancel()
    return store.written

def main():
    return asyncio.run(serve())
"""

START = "self.worker = asyncio.create_task(self.work())"
TAKE = "user, text = await self.queue.get()"
BLED = [("IA503", "alice", "bob", "self.written.append((current_user.get(), text))")]


def program(work: str = "pass", take: str = TAKE, start: str = START) -> str:
    return (
        WORKER.replace("{start}", start).replace("{take}", take).replace("{work}", work.replace("; ", "\n            "))
    )


TASKS = [
    "await asyncio.create_task(nothing())",
    "await asyncio.gather(nothing(), nothing())",
    "await asyncio.wait_for(nothing(), 5)",
    "group = asyncio.TaskGroup()\n            async with group: group.create_task(nothing())",
    "await asyncio.wait([asyncio.ensure_future(nothing())])",
    "asyncio.get_running_loop().call_later(0, str)",
    "await asyncio.to_thread(str)",
]


@pytest.mark.parametrize("work", TASKS)
def test_a_worker_that_starts_tasks_of_its_own(outcome_of, work: str) -> None:
    outcome = outcome_of(program(work))
    assert [user for user, _text in outcome.result] == ["alice"] * 3
    assert outcome.found == BLED


@pytest.mark.parametrize("work", TASKS)
def test_a_worker_that_starts_tasks_and_minds_its_context_is_silent(outcome_of, work: str) -> None:
    outcome = outcome_of(program("current_user.set(user); " + work))
    assert [user for user, _text in outcome.result] == ["alice", "bob", "bob"]
    assert outcome.found == []


def test_a_worker_that_reads_in_a_task_of_its_own(outcome_of) -> None:
    note = "    async def note(self, text):\n        self.written.append((current_user.get(), text))\n\n"
    source = program("await asyncio.create_task(self.note(text)); continue")
    assert outcome_of(source.replace("    async def work(self):", note + "    async def work(self):")).found == BLED


@pytest.mark.parametrize("limit", ["5", "None"])
def test_a_worker_that_waits_for_its_items_with_a_time_limit(outcome_of, limit: str) -> None:
    """Python 3.11 waits in a task of its own."""
    assert outcome_of(program(take=f"user, text = await asyncio.wait_for(self.queue.get(), {limit})")).found == BLED


def test_a_time_limit_and_a_worker_that_minds_its_context(outcome_of) -> None:
    take = "user, text = await asyncio.wait_for(self.queue.get(), 5)"
    assert outcome_of(program("current_user.set(user)", take=take)).found == []


def test_a_worker_that_a_task_of_the_first_request_starts(outcome_of) -> None:
    start = "self.worker = await asyncio.create_task(self.begin())"
    begin = "    async def begin(self):\n        return asyncio.create_task(self.work())\n\n"
    source = program(start=start).replace("    async def work(self):", begin + "    async def work(self):")
    assert outcome_of(source).found == BLED


def test_a_connection_s_reader_lives_as_long_as_the_connection_whoever_has_started_it(outcome_of) -> None:
    """A short task of the connection starts the reader: the connection goes on."""
    source = """
async def reader(messages, seen):
    while True:
        text = await messages.get()
        seen.append((current_user.get(), text))

async def start(messages, seen):
    return asyncio.create_task(reader(messages, seen))

async def connection(user, messages, seen):
    current_user.set(user)
    reading = await asyncio.create_task(start(messages, seen))
    await messages.put("mine")
    while len(seen) < 2:
        await asyncio.sleep(0.001)
    reading.cancel()

async def other(messages, seen):
    current_user.set("bob")
    while not seen:
        await asyncio.sleep(0.001)
    await messages.put("from bob")

async def serve():
    messages, seen = asyncio.Queue(), []
    await asyncio.gather(
        asyncio.create_task(connection("alice", messages, seen)), asyncio.create_task(other(messages, seen))
    )
    return seen

def main():
    return asyncio.run(serve())
"""
    outcome = outcome_of(source)
    assert outcome.result == [("alice", "mine"), ("alice", "from bob")]
    assert outcome.found == []


THREADS = """
class Outbox:
    def __init__(self):
        self.letters, self.worker, self.sent = queue.Queue(), None, []

    def send(self, text):
        if self.worker is None:
            {start}
        self.letters.put((current_user.get(), text))

    def work(self):
        while True:
            user, text = self.letters.get()
            if text is None:
                return
            {work}
            self.sent.append((current_user.get(), text))

outbox = Outbox()

def request(user):
    token = current_user.set(user)
    outbox.send("letter of " + user)
    while len(outbox.sent) < outbox.letters.unfinished_tasks:
        pass
    current_user.reset(token)
"""

SERVED = {
    "one pool thread": """
def main():
    with ThreadPoolExecutor(1) as pool:
        for user in ("alice", "bob"):
            pool.submit(copy_context().run, request, user).result()
        outbox.letters.put((None, None))
    return outbox.sent
""",
    "one server thread": """
from wsgiref.util import setup_testing_defaults
from flask import Flask

app = Flask(__name__)

@app.get("/<user>")
def page(user):
    request(user)
    return "ok"

def main():
    client = app.test_client()
    for user in ("alice", "bob"):
        client.get("/" + user)
    outbox.letters.put((None, None))
    return outbox.sent
""",
}
COPIED = (
    "self.worker = threading.Thread(target=copy_context().run, args=(self.work,), daemon=True); self.worker.start()"
)


@pytest.mark.parametrize("served", SERVED)
def test_a_thread_that_a_request_on_a_lasting_thread_starts(outcome_of, served: str) -> None:
    """The request is over, though the thread that has served it lives on."""
    source = THREADS.replace("{start}", COPIED).replace("{work}", "pass") + SERVED[served]
    outcome = outcome_of(source)
    assert outcome.result == [("alice", "letter of alice"), ("alice", "letter of bob")]
    assert outcome.found == [("IA503", "alice", "bob", "self.sent.append((current_user.get(), text))")]


@pytest.mark.parametrize("served", SERVED)
@pytest.mark.parametrize("work", ["current_user.set(user)", "user and contextvars.Context().run(int); continue"])
def test_such_a_thread_that_minds_its_context_is_silent(outcome_of, served: str, work: str) -> None:
    work = work.replace("continue", "self.sent.append((user, text)); continue")
    outcome = outcome_of(THREADS.replace("{start}", COPIED).replace("{work}", work) + SERVED[served])
    assert outcome.result == [("alice", "letter of alice"), ("bob", "letter of bob")]
    assert outcome.found == []


LOOP = """
class Background:
    def __init__(self):
        self.loop, self.ready, self.task, self.sent = asyncio.new_event_loop(), threading.Event(), None, []
        self.thread = threading.Thread(target=contextvars.Context().run, args=(self.loop.run_forever,))
        self.thread.start()
        self.letters = asyncio.Queue()

    def send(self, text):
        {start}
        asyncio.run_coroutine_threadsafe(self.letters.put((current_user.get(), text)), self.loop).result()

    def begin(self):
        self.task = self.loop.create_task(self.work())

    async def work(self):
        while True:
            user, text = await self.letters.get()
            {work}
            self.sent.append((current_user.get(), text))

    def close(self):
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.loop.call_soon_threadsafe(self.loop.call_later, 0.01, self.loop.stop)
        self.thread.join()
        self.loop.close()

def request(background, user):
    current_user.set(user)
    background.send("letter of " + user)

def main():
    background = Background()
    with ThreadPoolExecutor(1) as pool:
        for user in ("alice", "bob"):
            pool.submit(copy_context().run, request, background, user).result()
    background.close()
    return background.sent
"""

THREADSAFE = [
    "if self.task is None: self.task = asyncio.run_coroutine_threadsafe(self.work(), self.loop)",
    "if self.task is None: self.task = 5; self.loop.call_soon_threadsafe(self.begin)",
]


@pytest.mark.parametrize("start", THREADSAFE)
def test_a_worker_that_a_request_s_thread_starts_on_another_thread_s_loop(outcome_of, start: str) -> None:
    outcome = outcome_of(LOOP.replace("{start}", start).replace("{work}", "pass"))
    assert outcome.result == [("alice", "letter of alice"), ("alice", "letter of bob")]
    assert outcome.found == [("IA503", "alice", "bob", "self.sent.append((current_user.get(), text))")]


@pytest.mark.parametrize("start", THREADSAFE)
def test_such_a_worker_that_minds_its_context_is_silent(outcome_of, start: str) -> None:
    outcome = outcome_of(LOOP.replace("{start}", start).replace("{work}", "current_user.set(user)"))
    assert outcome.result == [("alice", "letter of alice"), ("bob", "letter of bob")]
    assert outcome.found == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_a_worker_among_eager_tasks(outcome_of) -> None:
    eager = "    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\n"
    assert outcome_of(program(TASKS[0]).replace("    store =", eager + "    store =")).found == BLED


HANDED = """
import anyio
{imports}

class Store:
    def __init__(self):
        self.worker, self.written = None, []
        {made}

    async def write(self, text):
        if self.worker is None:
            self.worker = asyncio.create_task(self.work())
        {put}

    async def work(self):
        while True:
            {take}
            {work}
            self.written.append((current_user.get(), text))

async def request(store, user):
    current_user.set(user)
    await store.write("note of " + user)
    await asyncio.sleep(0.01)

async def serve():
    store = Store()
    for user in ("alice", "bob", "bob"):
        await asyncio.create_task(request(store, user))
    await asyncio.sleep(0.02)
    store.worker.cancel()
    await asyncio.wait([store.worker])
    {end}
    return store.written

def main():
    return asyncio.run(serve())
"""

STREAM = {
    "imports": "",
    "made": "self.send, self.receive = anyio.create_memory_object_stream(5)",
    "put": "await self.send.send((current_user.get(), text))",
    "take": "user, text = await self.receive.receive()",
    "end": "store.send.close(); store.receive.close()",
}
JANUS = {
    "imports": "import janus",
    "made": "self.queue = janus.Queue()",
    "put": "await self.queue.async_q.put((current_user.get(), text))",
    "take": "user, text = await self.queue.async_q.get()",
    "end": "await store.queue.aclose()",
}
HANDOVERS = {
    "a stream": STREAM,
    "a stream without a buffer": {**STREAM, "made": "self.send, self.receive = anyio.create_memory_object_stream()"},
    "a stream, put without waiting": {**STREAM, "put": "self.send.send_nowait((current_user.get(), text))"},
    "a stream, in a loop": {**STREAM, "take": "user, text = await anext(aiter(self.receive))"},
    "janus": JANUS,
    "janus, put on a thread": {
        **JANUS,
        "put": "await asyncio.to_thread(self.queue.sync_q.put, (current_user.get(), text))",
    },
    "janus, by priority": {**JANUS, "made": "self.queue = janus.PriorityQueue()"},
}


def handed(parts: dict[str, str], work: str = "pass") -> str:
    source = HANDED
    for name, text in {**parts, "work": work}.items():
        source = source.replace("{" + name + "}", text)
    return source


@pytest.mark.parametrize("parts", HANDOVERS.values(), ids=HANDOVERS.keys())
def test_a_worker_behind_other_queues(outcome_of, parts: dict[str, str]) -> None:
    outcome = outcome_of(handed(parts))
    assert [user for user, _text in outcome.result] == ["alice"] * 3
    assert outcome.found == BLED
    assert outcome.auditor.recorder.counts["IA503"] == 2, "both of bob's"


@pytest.mark.parametrize("parts", HANDOVERS.values(), ids=HANDOVERS.keys())
def test_a_worker_behind_other_queues_that_minds_its_context_is_silent(outcome_of, parts: dict[str, str]) -> None:
    outcome = outcome_of(handed(parts, "current_user.set(user)"))
    assert [user for user, _text in outcome.result] == ["alice", "bob", "bob"]
    assert outcome.found == []
