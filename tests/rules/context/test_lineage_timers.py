"""Timers and workers that a first request starts and that live on with its context; and those that mind it."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

READ = "self.sent.append((current_user.get(), text))"
RECORD = """
    def record(self, text):
        self.sent.append((current_user.get(), text))
"""

TIMER = """
class Outbox:
    def __init__(self):
        self.letters, self.timer, self.sent = asyncio.Queue(), None, []

    def send(self, text):
        self.letters.put_nowait((current_user.get(), text))
        if self.timer is None:
            self.set()

    def set(self):
        loop = asyncio.get_running_loop()
        self.timer = {set}

    def tick(self):
        while not self.letters.empty():
            user, text = self.letters.get_nowait()
            {work}
        self.set()
{record}
async def request(outbox, user):
    current_user.set(user)
    outbox.send("letter of " + user)
    await asyncio.sleep(0.02)

async def serve():
    outbox = Outbox()
    {before}
    for user in ("alice", "bob"):
        await asyncio.create_task(request(outbox, user))
    outbox.timer.cancel()
    return outbox.sent

def main():
    return asyncio.run(serve())
"""

LATER = "loop.call_later(0.005, self.tick)"


def timer(work: str = "self.record(text)", set: str = LATER, before: str = "pass") -> str:
    parts = {"set": set, "work": work, "before": before, "record": RECORD}
    source = TIMER
    for name, text in parts.items():
        source = source.replace("{" + name + "}", text)
    return source


@pytest.mark.parametrize("setting", [LATER, "loop.call_at(loop.time() + 0.005, self.tick)"])
def test_a_chain_of_timers_works_for_all_as_whoever_set_the_first(outcome_of, setting: str) -> None:
    outcome = outcome_of(timer(set=setting))
    assert outcome.result == [("alice", "letter of alice"), ("alice", "letter of bob")]
    assert outcome.found == [("IA503", "alice", "bob", READ)]


@pytest.mark.parametrize(
    "changes",
    [
        {"work": "current_user.set(user); self.record(text)"},
        {"work": "contextvars.Context().run(self.record, text)"},
        {"work": "self.sent.append(text)"},
        {"set": "loop.call_later(0.005, self.tick, context=contextvars.Context())"},
        {"before": "outbox.set()"},
    ],
)
def test_chains_of_timers_that_mind_their_context_are_silent(outcome_of, changes: dict[str, str]) -> None:
    outcome = outcome_of(timer(**changes))
    assert len(outcome.result) == 2
    assert outcome.found == []


REMINDER = """
async def session(user, inboxes, seen):
    current_user.set(user)
    loop = asyncio.get_running_loop()
    def look():
        while not inboxes[user].empty():
            seen.append((user, current_user.get(), inboxes[user].get_nowait()))
    for other in inboxes.values():
        other.put_nowait("hello from " + user)
    for delay in (0.005, 0.01, 0.02):
        loop.call_later(delay, look)
    await asyncio.sleep(0.03)

async def serve():
    inboxes, seen = {"alice": asyncio.Queue(), "bob": asyncio.Queue()}, []
    await asyncio.gather(*(asyncio.create_task(session(user, inboxes, seen)) for user in inboxes))
    return seen

def main():
    return asyncio.run(serve())
"""


def test_a_reminder_that_a_session_sets_for_itself(outcome_of) -> None:
    """Each session's timers read what others have written to it, as its user, and end with it."""
    outcome = outcome_of(REMINDER)
    assert sorted(outcome.result)[0] == ("alice", "alice", "hello from alice")
    assert len(outcome.result) == 4
    assert outcome.found == []


def test_what_a_thread_was_at_before_its_loop_is_none_of_the_loops_callbacks(outcome_of) -> None:
    source = """
def earlier():
    jobs = queue.Queue()
    copy_context().run(lambda: (current_user.set("bob"), jobs.put("bob's job")))
    jobs.get()
"""
    outcome = outcome_of(source + REMINDER.replace("return asyncio", "earlier()\n    return asyncio"))
    assert len(outcome.result) == 4
    assert outcome.found == []


WORKER = """
class Outbox:
    def __init__(self):
        self.letters, self.worker, self.sent = queue.Queue(), None, []

    def send(self, text):
        done = threading.Event()
        self.letters.put((current_user.get(), text, done))
        if self.worker is None:
            self.worker = {start}
        done.wait(60)

    def work(self):
        while True:
            user, text, done = self.letters.get()
            if text is None:
                return
            {work}
            done.set()

    def tick(self):
        try:
            while True:
                user, text, done = self.letters.get_nowait()
                if text is None:
                    return
                {work}
                done.set()
        except queue.Empty:
            timer = threading.Timer(0.005, copy_context().run, (self.tick,))
            timer.start()

    def started(self, thread):
        thread.start()
        return thread
{record}
def request(outbox, user):
    current_user.set(user)
    outbox.send("letter of " + user)

async def in_a_task(outbox, user):
    current_user.set(user)
    request(outbox, user)

def main():
    outbox = Outbox()
    {serve}
    outbox.letters.put((None, None, None))
    return outbox.sent
"""

IN_THREADS = """for user in ("alice", "bob"):
        thread = threading.Thread(target=request, args=(outbox, user))
        thread.start()
        thread.join()"""
IN_TASKS = """async def serve():
        outbox.loop = asyncio.get_running_loop()
        for user in ("alice", "bob"):
            await asyncio.create_task(in_a_task(outbox, user))
        outbox.letters.put((None, None, None))
        await asyncio.sleep(0.01)
    asyncio.run(serve())"""

THREAD = "self.started(threading.Thread(target=copy_context().run, args=(self.work,)))"
CHAIN = "self.started(threading.Timer(0.005, copy_context().run, (self.tick,)))"
EXECUTOR = "self.loop.run_in_executor(None, copy_context().run, self.work)"


def worker(start: str, serve: str = IN_THREADS, work: str = "self.record(text)") -> str:
    source = WORKER
    for name, text in {"start": start, "serve": serve, "work": work, "record": RECORD}.items():
        source = source.replace("{" + name + "}", text)
    return source


@pytest.mark.parametrize(
    ("start", "serve"),
    [(THREAD, IN_THREADS), (CHAIN, IN_THREADS), (THREAD, IN_TASKS), (CHAIN, IN_TASKS), (EXECUTOR, IN_TASKS)],
)
def test_a_worker_thread_with_the_context_of_the_first_request(outcome_of, start: str, serve: str) -> None:
    outcome = outcome_of(worker(start, serve))
    assert outcome.result == [("alice", "letter of alice"), ("alice", "letter of bob")]
    assert outcome.found == [("IA503", "alice", "bob", READ)]


@pytest.mark.parametrize("work", ["current_user.set(user); self.record(text)", "self.sent.append((user, text))"])
@pytest.mark.parametrize(("start", "serve"), [(THREAD, IN_THREADS), (CHAIN, IN_THREADS), (EXECUTOR, IN_TASKS)])
def test_worker_threads_that_mind_their_context_are_silent(outcome_of, start: str, serve: str, work: str) -> None:
    outcome = outcome_of(worker(start, serve, work))
    assert outcome.result == [("alice", "letter of alice"), ("bob", "letter of bob")]
    assert outcome.found == []


def test_a_chain_of_timers_without_a_context_has_nobody_s(outcome_of) -> None:
    """Threads copy no context: only the first of them can be missed by the work that has started it."""
    source = """
seen = []

def tick(left):
    seen.append(current_user.get())
    if left:
        threading.Timer(0.001, tick, (left - 1,)).start()

def main():
    current_user.set("alice")
    timer = threading.Timer(0.001, tick, (3,))
    timer.start()
    while len(seen) < 4:
        timer.join(0.001)
    return seen
"""
    outcome = outcome_of(source)
    assert outcome.result == [None] * 4
    assert outcome.found == [("IA504", None, "alice", "seen.append(current_user.get())")]


def test_callbacks_that_are_kept_with_their_contexts(outcome_of) -> None:
    """Whoever is called later, in another user's work, is called as the one who asked for it."""
    source = """
def main():
    return asyncio.run(serve())

kept, seen = [], []

def note(user):
    seen.append((user, current_user.get()))

async def request(user, ready):
    current_user.set(user)
    kept.append((copy_context(), user))
    ready.add_done_callback(lambda _done: note(user))
    for context, one in kept:
        context.run(note, one)
    async with condition:
        condition.notify_all()
        await asyncio.wait_for(condition.wait(), 0.01) if user == "bob" else None
    note(user)

async def serve():
    global condition
    condition, ready = asyncio.Condition(), asyncio.get_running_loop().create_future()
    await asyncio.gather(
        *(asyncio.create_task(request(user, ready)) for user in ("alice", "bob", "carol")), return_exceptions=True
    )
    copy_context().run(lambda: (current_user.set("dave"), ready.set_result(None)))
    await asyncio.sleep(0.01)
    return seen
"""
    outcome = outcome_of(source)
    assert len(outcome.result) >= 11
    assert all(user == ambient for user, ambient in outcome.result)
    assert outcome.found == []


def test_a_context_that_is_in_use_is_left_alone(outcome_of) -> None:
    source = """
def main():
    current_user.set("alice")
    context = copy_context()
    def inside():
        thread = threading.Thread(target=context.run, args=(print,))
        thread.run = lambda: None
        thread.start()
        thread.join()
        return current_user.get()
    return context.run(inside)
"""
    outcome = outcome_of(source)
    assert outcome.result == "alice"
    assert outcome.found == []


def test_simple_queues_stay_what_they_are(audit) -> None:
    """They are C, and promise that `put` may be called in the middle of itself: nothing is put around them."""
    with pytest.raises(TypeError):
        queue.SimpleQueue.put = None  # type: ignore[method-assign]
    assert type(queue.SimpleQueue()) is queue.SimpleQueue
    with ThreadPoolExecutor(1) as pool:
        assert type(pool._work_queue) is queue.SimpleQueue
        # A pool's own one needs no watching: each job knows whose it is.
        assert audit.as_user("alice", pool.submit, threading.get_ident).result() != threading.get_ident()
    assert audit.found("IA503") == audit.found("IA504") == []
