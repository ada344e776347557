"""dramatiq, RQ, huey, taskiq: whose user a job finds in the worker, and whose job it is; leaks and clean twins."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from contextlib import suppress
from contextvars import ContextVar, copy_context
from http.client import HTTPConnection
from typing import Any

import pytest
from clients import told

from isolation_audit.config import parse_config

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
CONFIG = parse_config(
    {"ambient": {"contextvar": f"{__name__}:current_user"}, "report": {"raw_ids": True, "terminal": False}}
)
seen: list[Any] = []


def remember(user: str | None, minded: bool) -> None:
    """A job: it sets its user where there is one (and with ``minded``, else, too), and asks who it is."""
    if user is not None or minded:
        current_user.set(user)
    seen.append(current_user.get())


def as_user(user: str, call: Any, *arguments: Any) -> Any:
    def inside() -> Any:
        current_user.set(user)
        return call(*arguments)

    return copy_context().run(inside)


def with_dramatiq(minded: bool) -> None:
    pytest.importorskip("dramatiq")
    import dramatiq
    from dramatiq.brokers.stub import StubBroker

    broker = StubBroker()
    actor = dramatiq.actor(remember, broker=broker)
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    try:
        as_user("alice", actor.send, "alice", minded)
        broker.join(actor.queue_name)
        as_user("bob", actor.send, None, minded)
        broker.join(actor.queue_name)
        worker.join()
    finally:
        worker.stop()
        broker.close()


def with_rq(minded: bool, url: str) -> None:
    pytest.importorskip("rq")
    from redis import Redis
    from rq import Queue, SimpleWorker

    connection = Redis.from_url(url)
    queue = Queue(connection=connection)
    as_user("alice", queue.enqueue, remember, "alice", minded)
    as_user("bob", queue.enqueue, remember, None, minded)
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="ERROR")
    connection.close()


def with_huey(minded: bool) -> None:
    pytest.importorskip("huey")
    from huey import MemoryHuey
    from huey.consumer import Worker

    queue = MemoryHuey()
    task = queue.task()(remember)
    as_user("alice", task, "alice", minded)
    as_user("bob", task, None, minded)
    worker = Worker(queue, threading.Event(), 0.1, 1, 1)
    thread = threading.Thread(target=lambda: [worker.loop() for _ in range(2)])
    thread.start()
    thread.join()


async def remember_later(user: str | None, minded: bool) -> None:
    """The same, as a coroutine, which runs in the task that has received it."""
    remember(user, minded)


def with_taskiq(minded: bool) -> None:
    pytest.importorskip("taskiq")
    from taskiq import InMemoryBroker
    from taskiq.receiver import Receiver

    class Kept(InMemoryBroker):
        async def kick(self, message: Any) -> None:
            sent.append(message.message)

    sent: list[bytes] = []
    broker = Kept()
    task = broker.task(remember_later)

    async def main() -> None:
        for user, told_of in (("alice", "alice"), ("bob", None)):
            await as_user(user, asyncio.create_task, task.kiq(told_of, minded))
        receiver = Receiver(broker, run_startup=False)
        for message in sent:
            await receiver.callback(message)
        await broker.shutdown()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join()


@pytest.fixture
def run(audited):
    def run(scenario: Any, *arguments: Any) -> Any:
        async def main() -> None:
            current_user.set(None)
            scenario(*arguments)  # on the main thread, whose signals RQ wants

        seen.clear()
        return audited(main, CONFIG)

    return run


@pytest.mark.parametrize("minded", [False, True])
def test_a_worker_s_thread_of_dramatiq_finds_the_user_of_an_earlier_message(run, minded):
    done = run(with_dramatiq, minded)
    assert seen == ["alice", None if minded else "alice"]
    assert told(done.findings) == ([] if minded else [("IA503", "alice", "bob")])
    tally = done.auditor.runtime.tally
    assert (tally.jobs, tally.jobs_named) == (2, 2)


@pytest.mark.parametrize("minded", [False, True])
def test_a_worker_of_huey_finds_the_user_of_an_earlier_task(run, minded):
    done = run(with_huey, minded)
    assert seen == ["alice", None if minded else "alice"]
    assert told(done.findings) == ([] if minded else [("IA503", "alice", "bob")])
    tally = done.auditor.runtime.tally
    assert (tally.jobs, tally.jobs_named) == (2, 2)


@pytest.mark.parametrize("minded", [False, True])
def test_a_receiver_of_taskiq_finds_the_user_of_an_earlier_task(run, minded):
    done = run(with_taskiq, minded)
    assert seen == ["alice", None if minded else "alice"]
    assert told(done.findings) == ([] if minded else [("IA503", "alice", "bob")])
    tally = done.auditor.runtime.tally
    assert (tally.jobs, tally.jobs_named) == (2, 2)


@pytest.mark.server
@pytest.mark.parametrize("minded", [False, True])
def test_a_worker_of_rq_finds_the_user_of_an_earlier_job(run, minded, tmp_path):
    from redis_server import redis_server

    with redis_server(tmp_path) as server:
        done = run(with_rq, minded, server.url)
    assert seen == ["alice", None if minded else "alice"]
    assert told(done.findings) == ([] if minded else [("IA503", "alice", "bob")])
    tally = done.auditor.runtime.tally
    assert (tally.jobs, tally.jobs_named) == (2, 2)


OWNED = "Basic " + b64encode(b"alice:a long password").decode()


def calls_for_another(user: str, credential: str | None) -> None:
    """A job in bob's name that asks another service, with what it was given or with what the process has kept."""
    current_user.set(user)
    connection = HTTPConnection("127.0.0.1", 9)
    connection.putrequest("GET", "/me")
    connection.putheader("Authorization", credential or OWNED)
    with suppress(OSError):
        connection.endheaders()
    current_user.set(None)


def publish_with_dramatiq(credential: str | None) -> None:
    pytest.importorskip("dramatiq")
    import dramatiq
    from dramatiq.brokers.stub import StubBroker

    broker = StubBroker()
    actor = dramatiq.actor(calls_for_another, broker=broker)
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    try:
        as_user("alice", known_to_the_audit)
        as_user("bob", actor.send, "bob", credential)
        broker.join(actor.queue_name)
        worker.join()
    finally:
        worker.stop()
        broker.close()


def known_to_the_audit() -> None:
    from isolation_audit.auditor import current

    current().runtime.ambient.current()


@pytest.mark.parametrize("credential", [OWNED, None], ids=["given", "kept"])
def test_what_a_job_was_given_explains_what_it_sends(run, credential):
    done = run(publish_with_dramatiq, credential)
    assert told(done.findings) == ([] if credential else [("IA203", "bob", "alice")])
