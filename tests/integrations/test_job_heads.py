"""Jobs whose publisher is told by W3C's header, in a worker that shares nothing with whoever has published them.

Two audits come one after the other: the first one is there while jobs are published, the second one while they run.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import Auditor
from isolation_audit.config import parse_config
from isolation_audit.model.baggage import HEADER, digest_in
from isolation_audit.model.pseudonyms import KEY_VARIABLE, Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a key that is made for tests"
PSEUDONYMS = Pseudonyms(key=KEY)
AMBIENT = {"ambient": {"contextvar": f"{__name__}:current_user"}}
PUBLISHES, RUNS = AMBIENT | {"baggage": {"messages": True}}, AMBIENT | {"baggage": {"accept": True}}

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
seen: list[Any] = []

Sent = list[tuple[str | None, str | None, bool]]
"""Who publishes a job, whom it is told to set, and whether it sets nobody where it is told of nobody."""

LEFT: Sent = [("alice", "alice", False), ("bob", None, False)]
"""The second one finds the first one's user."""
MINDED: Sent = [("alice", "alice", True), ("bob", None, True)]
AGAIN: Sent = [("alice", "alice", False), ("alice", None, False)]
NOBODYS: Sent = [("alice", "alice", False), (None, None, False)]


def remember(user: str | None, minded: bool) -> None:
    if user is not None or minded:
        current_user.set(user)
    seen.append(current_user.get())


async def remember_later(user: str | None, minded: bool) -> None:
    remember(user, minded)


def as_user(user: str | None, call: Callable[..., Any], *arguments: Any) -> Any:
    def inside() -> Any:
        current_user.set(user)
        return call(*arguments)

    return copy_context().run(inside)


class Dramatiq:
    def __init__(self, _folder: Any) -> None:
        dramatiq = pytest.importorskip("dramatiq")
        from dramatiq.brokers.stub import StubBroker

        self.broker = StubBroker()
        self.actor = dramatiq.actor(remember, broker=self.broker)
        self.worker = dramatiq.Worker(self.broker, worker_timeout=10, worker_threads=1)

    def publish(self, sent: Sent) -> list[Any]:
        return [as_user(user, self.actor.send, *told).options for user, *told in sent]

    def run(self) -> None:
        self.worker.start()
        self.broker.join(self.actor.queue_name)
        self.worker.stop()  # the last message is told to be done before its thread has left it

    def close(self) -> None:
        self.broker.close()


class Taskiq:
    def __init__(self, _folder: Any) -> None:
        pytest.importorskip("taskiq")
        from taskiq import InMemoryBroker

        class Kept(InMemoryBroker):
            async def kick(self, message: Any) -> None:
                kept.append(message)

        self.kept = kept = []
        self.broker = Kept()
        self.task = self.broker.task(remember_later)

    def publish(self, sent: Sent) -> list[Any]:
        async def main() -> None:
            for user, *told in sent:
                await as_user(user, asyncio.create_task, self.task.kiq(*told))

        asyncio.run(main())
        return [self.broker.formatter.loads(one.message).labels for one in self.kept]

    def run(self) -> None:
        from taskiq.receiver import Receiver

        async def main() -> None:
            receiver = Receiver(self.broker, run_startup=False)
            for one in self.kept:
                await receiver.callback(one.message)
            await self.broker.shutdown()

        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        thread.join()

    def close(self) -> None:
        self.kept.clear()


class Rq:
    """On a Redis, in which the jobs are meanwhile."""

    def __init__(self, folder: Any) -> None:
        pytest.importorskip("rq")
        from redis import Redis
        from rq import Queue

        from redis_server import redis_server

        self.server = redis_server(folder)
        self.connection = Redis.from_url(self.server.__enter__().url)
        self.queue = Queue(connection=self.connection)

    def publish(self, sent: Sent) -> list[Any]:
        for user, *told in sent:
            as_user(user, self.queue.enqueue, remember, *told)
        return [job.meta for job in self.queue.jobs]

    def run(self) -> None:
        from rq import SimpleWorker

        SimpleWorker([self.queue], connection=self.connection).work(burst=True, logging_level="ERROR")

    def close(self) -> None:
        self.connection.close()
        self.server.__exit__(None, None, None)


LIBRARIES = [Dramatiq, Taskiq, pytest.param(Rq, marks=pytest.mark.server)]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    seen.clear()
    before = current_user.get()
    made = request.param(tmp_path)
    yield made
    made.close()
    current_user.set(before)


def found(library: Any, sent: Sent, runs: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rule, ambient user and owner of what the second audit tells, as it would be shown."""
    with Auditor(parse_config(PUBLISHES)):
        library.publish(sent)
    with Auditor(parse_config(runs)) as auditor:
        library.run()
    assert auditor.runtime.barrier.counts == {}
    told = [entry.as_dict() for entry in auditor.recorder.entries()]
    return [
        (one["rule"], one["witnesses"]["ambient"], one["witnesses"]["owner"])
        for one in told
        if one["severity"] != "note" and one["rule"] != "IA904"
    ]


def label(user: str) -> str:
    return "user-" + PSEUDONYMS.hash(user)


def test_a_worker_that_shares_nothing_names_the_publisher(library: Any) -> None:
    assert found(library, LEFT, RUNS) == [("IA503", label("alice"), label("bob"))]
    assert seen == ["alice", "alice"]


def test_one_who_does_not_accept_knows_no_publisher(library: Any) -> None:
    assert found(library, LEFT, AMBIENT) == [("IA503", label("alice"), None)]


@pytest.mark.parametrize("sent", [MINDED, AGAIN], ids=["minded", "ones own"])
def test_jobs_that_mind_their_user_and_ones_own_are_silent(library: Any, sent: Sent) -> None:
    assert found(library, sent, RUNS) == []


def test_what_nobody_has_published_has_no_entry_and_others_have_a_pseudonym(library: Any) -> None:
    with Auditor(parse_config(PUBLISHES)):
        heads = library.publish(NOBODYS)
    told = [digest_in(head.get(HEADER) or "") for head in heads]
    assert told == [PSEUDONYMS.digest("alice"), None]


def test_without_a_word_in_the_configuration_messages_are_as_they_were(library: Any) -> None:
    with Auditor(parse_config(AMBIENT)):
        heads = library.publish(NOBODYS)
    assert all(HEADER not in head for head in heads)


def test_other_entries_of_a_head_stay() -> None:
    dramatiq = pytest.importorskip("dramatiq")
    from dramatiq.brokers.stub import StubBroker

    broker = StubBroker()
    actor = dramatiq.actor(remember, broker=broker)
    with Auditor(parse_config(PUBLISHES)):
        kept = as_user("alice", lambda: actor.send_with_options(args=("alice", True), baggage="k=v"))
        odd = as_user("alice", lambda: actor.send_with_options(args=("alice", True), baggage=7))
    assert kept.options[HEADER].startswith("k=v,isolation_audit.user=")
    assert odd.options[HEADER] == 7
    broker.close()
