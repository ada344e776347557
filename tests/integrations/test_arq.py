"""arq: whose user a job finds, and where what it sends has come from; on a real Redis, with leaks and clean twins."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from contextvars import ContextVar
from http.client import HTTPConnection
from typing import Any

import pytest
from clients import told

from isolation_audit.config import parse_config
from redis_server import redis_server

pytest.importorskip("arq")

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Retry, Worker, func

# arq closes its connections in ways that redis-py calls outdated, and some not at all.
pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
CONFIG = parse_config(
    {"ambient": {"contextvar": f"{__name__}:current_user"}, "report": {"raw_ids": True, "terminal": False}}
)
OWNED = "Basic " + b64encode(b"alice:a long password").decode()
seen: list[Any] = []


@pytest.fixture
def settings(tmp_path):
    with redis_server(tmp_path) as server:
        yield RedisSettings(port=server.port)


async def remember(_ctx: Any, user: str | None) -> None:
    """It sets its user where it is told of one, and asks who it is."""
    if user is not None:
        current_user.set(user)
    seen.append(current_user.get())


async def twice(ctx: Any, user: str | None) -> None:
    """The second try is the first publisher's as well."""
    if ctx["job_try"] == 1:
        raise Retry
    await remember(ctx, user)


async def calls(_ctx: Any, user: str, credential: str | None) -> None:
    """A job in a user's name that asks another service, with what it was given or with what the process has kept."""
    current_user.set(user)
    connection = HTTPConnection("127.0.0.1", 9)
    connection.putrequest("GET", "/me")
    connection.putheader("Authorization", credential or OWNED)
    with suppress(OSError):
        connection.endheaders()


def ran(audited: Any, settings: RedisSettings, jobs: list[tuple[Any, ...]]) -> Any:
    """Enqueue each ``(publisher, function, arguments)``, and have a worker run them."""

    async def enqueue(pool: Any, publisher: str | None, function: str, arguments: tuple[Any, ...]) -> None:
        current_user.set(publisher)
        await pool.enqueue_job(function, *arguments)

    async def work() -> None:
        current_user.set(None)
        functions = [func(remember), func(twice), func(calls)]
        worker = Worker(functions, redis_settings=settings, burst=True, poll_delay=0.01, handle_signals=False)
        await worker.main()
        await worker.close()

    async def scenario() -> None:
        pool = await create_pool(settings)
        for publisher, function, *arguments in jobs:
            await asyncio.create_task(enqueue(pool, publisher, function, tuple(arguments)))
        await asyncio.create_task(work())
        await (pool.aclose if hasattr(pool, "aclose") else pool.close)(close_connection_pool=True)

    seen.clear()
    return audited(scenario, CONFIG)


@pytest.mark.parametrize("function", ["remember", "twice"])
def test_jobs_that_set_their_user_and_jobs_that_do_not_are_their_publishers(audited, settings, function):
    done = ran(audited, settings, [("alice", function, "alice"), ("bob", function, "bob")])
    assert sorted(seen) == ["alice", "bob"]
    assert told(done.findings) == []
    done = ran(audited, settings, [("alice", function, None), ("bob", function, None)])
    assert seen == [None, None]
    assert told(done.findings) == []
    tally = done.auditor.runtime.tally
    tries = 2 if function == "twice" else 1
    assert (tally.jobs, tally.jobs_named) == (2 * tries, 2 * tries)


@pytest.mark.parametrize("credential", [OWNED, None], ids=["given", "kept"])
def test_what_a_job_was_given_explains_what_it_sends(audited, settings, credential):
    jobs = [("alice", "remember", "alice"), ("bob", "calls", "bob", credential)]
    done = ran(audited, settings, jobs)
    assert told(done.findings) == ([] if credential else [("IA203", "bob", "alice")])


def test_the_library_is_watched_and_no_longer_only_sighted(audited, settings):
    done = ran(audited, settings, [("alice", "remember", None)])
    coverage = done.auditor.snapshot()["coverage"]
    assert coverage["unwatched"] == {}
    assert coverage["libraries"]["arq"] >= 3
