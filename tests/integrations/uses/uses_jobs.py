"""Uses of queues of jobs that have workers of their own."""

from __future__ import annotations

from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use

__all__: list[str] = []


@use("dramatiq")
def dramatiq() -> Any:
    import logging

    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.brokers.stub import StubBroker

    logging.getLogger("dramatiq").setLevel(logging.CRITICAL)
    broker, got = StubBroker(), []

    def remember(user: Any) -> None:
        if user == "break":
            raise LookupError(user)
        if user is not None:
            current_user.set(user)
        got.append(current_user.get())

    actor = dramatiq.actor(remember, broker=broker, max_retries=0)
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    try:
        for user in ("alice", None, "break", "bob"):
            as_user(user, actor.send, user)
            got.append(outcome(broker.join, actor.queue_name))
        worker.join()
        message = actor.message("carol").copy(queue_name="nowhere")
        got.append(as_user(None, outcome, worker.workers[0].process_message, dramatiq.broker.MessageProxy(message)))
        nowhere = RedisBroker(url="redis://127.0.0.1:1")
        got.append(outcome(nowhere.enqueue, message))
        nowhere.client.close()
    finally:
        worker.stop()
        broker.close()
    return got


@use("rq")
def rq() -> Any:
    import logging
    import os

    from redis import Redis
    from rq import Queue, SimpleWorker

    logging.getLogger("rq").setLevel(logging.CRITICAL)
    connection = Redis.from_url(os.environ["USES_SERVER"])
    queue = Queue(connection=connection)
    jobs = [as_user(user, queue.enqueue, work_of_rq, user) for user in ("alice", "bob", None, "break")]
    worker = SimpleWorker([queue], connection=connection)
    worker.work(burst=True, logging_level="CRITICAL")
    got = [str(job.return_value()) for job in jobs]
    connection.flushall()
    connection.close()
    return got


def work_of_rq(user: str | None) -> Any:
    """A job, found by its name."""
    if user == "break":
        raise LookupError(user)
    before = current_user.get()
    current_user.set(user)
    return [before is None, current_user.get()]


@use("huey")
def huey() -> Any:
    import logging
    import threading

    from huey import MemoryHuey
    from huey.consumer import Worker

    logging.getLogger("huey").setLevel(logging.CRITICAL)
    queue, got = MemoryHuey(), []

    @queue.task()
    def remember(user: Any) -> None:
        if user == "break":
            raise KeyboardInterrupt
        current_user.set(user)
        got.append(current_user.get())

    for user in ("alice", None, "bob", "break"):
        as_user(user, remember, user)
    worker = Worker(queue, threading.Event(), 0.1, 1, 1)

    def work() -> None:
        for _ in range(4):
            try:
                worker.loop()
            except KeyboardInterrupt as error:
                got.append(type(error).__name__)

    as_user(None, work)
    return [got, as_user(None, outcome, queue._execute, "no task", 0.0)]


@use("taskiq")
def taskiq() -> Any:
    import asyncio
    import logging

    from taskiq import InMemoryBroker
    from taskiq.formatters.json_formatter import JSONFormatter

    logging.getLogger("taskiq").setLevel(logging.CRITICAL)
    got: list[Any] = []

    async def main(broker: InMemoryBroker) -> None:
        @broker.task(task_name="remember")
        async def remember(user: Any) -> None:
            if user == "break":
                raise asyncio.CancelledError
            current_user.set(user)
            got.append(current_user.get())

        for user in ("alice", None, "bob", "break"):
            current_user.set(user)
            await remember.kiq(user)
        await broker.wait_all()
        got.append(await async_outcome(broker.receiver.run_task(remember, "no message")))
        await broker.shutdown()

    asyncio.run(main(InMemoryBroker()))
    asyncio.run(main(InMemoryBroker().with_formatter(JSONFormatter())))
    return got


@use("arq")
def arq() -> Any:
    import asyncio
    import logging
    import os

    from arq import create_pool
    from arq.connections import RedisSettings
    from arq.worker import Worker, func

    logging.getLogger("arq").setLevel(logging.CRITICAL)
    settings, got = RedisSettings.from_dsn(os.environ["USES_SERVER"]), []

    async def remember(_ctx: Any, user: Any) -> None:
        if user == "break":
            raise LookupError(user)
        before = current_user.get()
        current_user.set(user)
        got.append([before, current_user.get()])

    async def main() -> None:
        pool = await create_pool(settings)
        for user in ("alice", None, "bob", "break"):
            current_user.set(user)
            await pool.enqueue_job("remember", user)
        got.append(await async_outcome(pool.enqueue_job("remember", _defer_until=1, _defer_by=1)))
        current_user.set(None)
        await pool.set("arq:job:broken", b"no job")
        await pool.zadd("arq:queue", {"broken": 1})
        worker = Worker([func(remember)], redis_settings=settings, burst=True, poll_delay=0.01, handle_signals=False)
        await worker.main()
        got.append([worker.jobs_complete, worker.jobs_failed])
        got.append(await async_outcome(worker.run_job(None, 0)))
        await worker.close()
        await pool.flushall()
        await pool.aclose(close_connection_pool=True)

    as_user(None, asyncio.run, main())
    return sorted(map(str, got))
