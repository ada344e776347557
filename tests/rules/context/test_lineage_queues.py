"""Queues: long-lived consumers that keep the user of whoever started them, and the many that do not."""

from __future__ import annotations

import asyncio

import pytest

from isolation_audit.model.users import User
from isolation_audit.rules.context.mailboxes import Mailboxes

WORKER = """
class Outbox:
    def __init__(self):
        self.queue, self.task, self.sent = asyncio.Queue(), None, []

    async def work(self):
        while True:
            {work}

    async def send(self, text):
        if self.task is None:
            self.task = asyncio.create_task(self.work(){context})
        done = asyncio.get_running_loop().create_future()
        await self.queue.put((current_user.get(), text, done))
        await done

    def record(self, text):
        self.sent.append((current_user.get(), text))

outbox = None

async def request(user):
    current_user.set(user)
    await outbox.send("letter of " + user)

async def serve():
    global outbox
    outbox = Outbox()
    for user in ("alice", "bob", "alice", "carol"):
        await asyncio.create_task(request(user))
    return outbox.sent

def main():
    return asyncio.run(serve())
"""

GET = "user, text, done = await self.queue.get(); "


def program(work: str, context: str = "") -> str:
    return WORKER.replace("{work}", work.replace("; ", "\n            ")).replace("{context}", context)


def test_a_worker_that_was_started_in_a_request_works_for_all_with_its_user(outcome_of) -> None:
    outcome = outcome_of(program(GET + "self.record(text); done.set_result(None)"))
    assert outcome.result[1] == ("alice", "letter of bob")
    line = "self.sent.append((current_user.get(), text))"
    assert outcome.found == [("IA503", "alice", "bob", line)]


def test_the_finding_is_counted_for_every_item(outcome_of) -> None:
    auditor = outcome_of(program(GET + "self.record(text); done.set_result(None)")).auditor
    assert auditor.recorder.counts["IA503"] == 2, "bob's and carol's"


@pytest.mark.parametrize(
    "work",
    [
        GET + "current_user.set(user); self.record(text); done.set_result(None)",
        # Restores what it found: at the next item its context has alice again.
        GET + "token = current_user.set(user); self.record(text); current_user.reset(token); done.set_result(None)",
        GET + "before = current_user.get(); current_user.set(user); self.record(text); current_user.set(before); "
        "done.set_result(None)",
        GET + "current_user.set(None); self.record(text); done.set_result(None)",
        # Asks for nobody.
        GET + "self.sent.append(text); done.set_result(None)",
        # Each item in a task of its own, which knows its user.
        GET + "await asyncio.create_task(handle(self, user, text)); done.set_result(None)",
        # In another context altogether.
        GET + "contextvars.Context().run(self.record, text); done.set_result(None)",
    ],
)
def test_a_worker_that_minds_its_context_is_silent(outcome_of, work: str) -> None:
    handle = "async def handle(self, user, text):\n    current_user.set(user)\n    self.record(text)\n"
    assert outcome_of(handle + program(work)).found == []


def test_a_worker_with_a_user_scope_an_item_is_silent(outcome_of) -> None:
    work = GET + "with isolation_audit.user_scope(user): self.record(text); done.set_result(None)"
    assert outcome_of("import isolation_audit\n" + program(work)).found == []


def test_a_worker_with_a_context_of_its_own_is_silent(outcome_of) -> None:
    outcome = outcome_of(program(GET + "self.record(text); done.set_result(None)", ", context=contextvars.Context()"))
    assert outcome.found == []
    assert {user for user, _text in outcome.result} == {None}


CHAT = """
async def reader(queue, seen):
    while True:
        seen.append((current_user.get(), await queue.get()))
        seen.append(current_user.get())

async def connection(user, queues, seen):
    current_user.set(user)
    reading = asyncio.create_task(reader(queues[user], seen))
    for other in queues.values():
        await other.put("hello from " + user)
    await asyncio.sleep(0.02)
    for other in queues.values():
        await other.put("and again from " + user)
    await asyncio.sleep(0.02)
    reading.cancel()

async def chat():
    queues, seen = {"alice": asyncio.Queue(), "bob": asyncio.Queue()}, []
    await asyncio.gather(*(asyncio.create_task(connection(user, queues, seen)) for user in queues))
    return seen

def main():
    return asyncio.run(chat())
"""


def test_a_subscriber_takes_what_others_have_queued_for_its_user(outcome_of) -> None:
    """Chats, notifications: the reader is alice's own, and so is its context, whoever wrote."""
    outcome = outcome_of(CHAT)
    assert len(outcome.result) >= 8
    assert outcome.found == []


def test_what_a_thread_was_left_is_not_what_its_tasks_were_left(outcome_of) -> None:
    source = """
def earlier():
    jobs = queue.Queue()
    copy_context().run(lambda: (current_user.set("alice"), jobs.put("alice's job")))
    jobs.get()
    current_user.set("alice")
    jobs.put("nobody's job")
    jobs.get()
    current_user.set(None)
"""
    outcome = outcome_of(source + CHAT.replace("return asyncio", "earlier()\n    return asyncio"))
    assert len(outcome.result) >= 8
    assert outcome.found == []


ACTORS = """
class Actor:
    def __init__(self):
        self.letters, self.task, self.seen = asyncio.Queue(), None, []

    async def work(self):
        while True:
            sender, text, done = await self.letters.get()
            self.seen.append((current_user.get(), text))
            done.set_result(None)

    async def tell(self, text):
        if self.task is None:
            self.task = asyncio.create_task(self.work())
        done = asyncio.get_running_loop().create_future()
        await self.letters.put((current_user.get(), text, done))
        await done

actors = {}

async def request(user, to):
    current_user.set(user)
    await actors[to].tell(f"from {user} to {to}")

async def serve(everyone, requests):
    actors.update((user, Actor()) for user in everyone)
    for user, to in requests:
        await asyncio.create_task(request(user, to))
    return {user: actor.seen for user, actor in actors.items()}
"""


def test_an_actor_for_each_user_works_as_that_user_whoever_has_written(outcome_of) -> None:
    source = """
def main():
    everyone = ("alice", "bob", "carol")
    own = [(user, user) for user in everyone]
    return asyncio.run(serve(everyone, own + [("bob", "alice"), ("alice", "carol"), ("carol", "bob")]))
"""
    outcome = outcome_of(ACTORS + source)
    assert {(to, user) for to, seen in outcome.result.items() for user, _text in seen} == {
        (user, user) for user in ("alice", "bob", "carol")
    }
    assert outcome.found == []


def test_a_worker_for_a_part_of_the_users_is_no_actor(outcome_of) -> None:
    """Two workers share the users between them; each has the user of whoever came to it first."""
    source = """
def main():
    part = ["even", "odd"]
    requests = [("alice", "even"), ("bob", "odd"), ("carol", "even"), ("dave", "odd")]
    return asyncio.run(serve(part, requests))
"""
    outcome = outcome_of(ACTORS + source)
    assert outcome.result["even"][1][0] == "alice"
    assert {(ambient, owner) for _rule, ambient, owner, _line in outcome.found} == {("alice", "carol")}
    assert outcome.auditor.recorder.counts["IA503"] == 2, "and dave's, who was served as bob"


def test_the_item_of_whoever_started_a_task_is_not_an_item_of_that_task(outcome_of) -> None:
    """A dispatcher takes alice's call and starts her connection, which then hears what others have to say."""
    source = """
async def reader(messages, seen):
    for _ in range(3):
        await messages.get()
        seen.append(current_user.get())

async def connection(user, messages, seen):
    current_user.set(user)
    await reader(messages, seen)

async def say(messages, user):
    current_user.set(user)
    await messages.put("hello from " + user)

async def dispatch():
    calls, messages, seen = asyncio.Queue(), asyncio.Queue(), []
    await asyncio.create_task(say(calls, "alice"))
    await calls.get()
    connected = asyncio.create_task(connection("alice", messages, seen))
    for user in ("alice", "bob", "carol"):
        await asyncio.create_task(say(messages, user))
    await connected
    return seen

def main():
    return asyncio.run(dispatch())
"""
    outcome = outcome_of(source)
    assert outcome.result == ["alice"] * 3
    assert outcome.found == []


def test_a_subscriber_that_was_told_to_stop_empties_its_queue(outcome_of) -> None:
    source = """
async def reader(messages, seen):
    try:
        while True:
            seen.append((current_user.get(), await messages.get()))
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        try:
            while True:
                seen.append((messages.get_nowait(), current_user.get()))
        except asyncio.QueueEmpty:
            pass
        raise

async def connection(messages, seen):
    current_user.set("alice")
    reading = asyncio.create_task(reader(messages, seen))
    await messages.put("to myself")
    await asyncio.sleep(0.01)
    reading.cancel()
    return reading

async def bob(messages, connected):
    current_user.set("bob")
    reading = await connected
    messages.put_nowait("too late")
    await asyncio.wait([reading])

async def chat():
    messages, seen = asyncio.Queue(), []
    await asyncio.create_task(bob(messages, asyncio.create_task(connection(messages, seen))))
    return seen

def main():
    return asyncio.run(chat())
"""
    outcome = outcome_of(source)
    assert outcome.result[-1] == ("too late", "alice")
    assert outcome.found == []


def test_a_consumer_that_keeps_the_user_of_an_earlier_item(outcome_of) -> None:
    source = """
def consume(jobs, seen):
    while True:
        user, text = jobs.get()
        if text is None:
            return
        if user is not None:
            current_user.set(user)
        seen.append((text, current_user.get()))

def main():
    jobs, seen = queue.Queue(), []
    consumer = threading.Thread(target=consume, args=(jobs, seen))
    consumer.start()
    for user, told in (("alice", "alice"), ("bob", None), ("bob", "bob")):
        copy_context().run(ask, jobs, user, told)
    jobs.put((None, None))
    consumer.join()
    return seen

def ask(jobs, user, told):
    current_user.set(user)
    jobs.put((told, "work of " + user))
"""
    outcome = outcome_of(source)
    assert ("work of bob", "alice") in outcome.result
    assert outcome.found == [("IA503", "alice", "bob", "seen.append((text, current_user.get()))")]


def test_one_object_queued_by_several_users_is_nobody_s(outcome_of) -> None:
    source = """
class Bell:
    task = None
    async def work(self):
        while True:
            await self.queue.get()
            self.rung.append(current_user.get())
    async def ring(self):
        if self.task is None:
            self.queue, self.rung = asyncio.Queue(), []
            self.task = asyncio.create_task(self.work())
        for _ in range(2):
            self.queue.put_nowait("ring")

bell = Bell()

async def request(user):
    current_user.set(user)
    await bell.ring()

async def serve():
    await asyncio.gather(*(asyncio.create_task(request(user)) for user in ("alice", "bob")))
    await asyncio.sleep(0.01)
    return len(bell.rung)

def main():
    return asyncio.run(serve())
"""
    outcome = outcome_of(source)
    assert outcome.result == 4
    assert outcome.found == []


def test_full_and_empty_queues_raise_what_they_always_raised(outcome_of) -> None:
    source = """
def main():
    current_user.set("alice")
    raised = []
    asynchronous = asyncio.Queue(1), asyncio.QueueFull, asyncio.QueueEmpty
    for one, full, empty in (asynchronous, (queue.Queue(1), queue.Full, queue.Empty)):
        one.put_nowait("a")
        for call, error in ((lambda: one.put_nowait("b"), full), (one.get_nowait, None), (one.get_nowait, empty)):
            try:
                raised.append(call())
            except error as caught:
                raised.append(type(caught).__name__)
    return raised
"""
    assert outcome_of(source).result == ["QueueFull", "a", "QueueEmpty", "Full", "a", "Empty"]


def test_what_is_known_of_mailboxes_goes_with_them() -> None:
    mailboxes, user, queue = Mailboxes(), User("alice"), asyncio.Queue()
    mailboxes.add("here", user, queue)
    another = asyncio.Queue()
    assert mailboxes.has_another("here", user, another)
    mailboxes.add("here", user, another)
    del queue
    assert not mailboxes.has_another("here", user, another)
    assert len(mailboxes._queues["here"]) == 1, "the one that came later"
    del another
    assert mailboxes._queues["here"] == {}
