"""What context lineage costs: a task, a job, a thread, a timer, an item in a queue, in one user's work."""

from __future__ import annotations

import asyncio
import queue
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.rows import Effort, Measured, Row, measures
from benchmarks.timing import processor_ns
from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 1_000
OTHERS = ("payloads", "caches", "addressees", "pools")
CONFIG = f'[ambient]\ncontextvar = "{__name__}:current_user"\n[report]\nterminal = false\n[watch]\n' + "".join(
    f"{name} = false\n" for name in OTHERS
)
current_user: ContextVar[str | None] = ContextVar("current_user", default=None)


async def nothing() -> None:
    """What a task does."""


async def tasks() -> None:
    """Tasks, one after the other."""
    for _ in range(TIMES):
        await asyncio.create_task(nothing())


async def items() -> None:
    """Items through a queue of asyncio's."""
    line: asyncio.Queue[object] = asyncio.Queue()
    for number in range(TIMES):
        line.put_nowait(number)
        await line.get()


def threaded_items() -> None:
    """Items through a queue of threads."""
    line: queue.Queue[object] = queue.Queue()
    for number in range(TIMES):
        line.put(number)
        line.get()


def jobs(pool: ThreadPoolExecutor) -> None:
    """Jobs that bring their context, one after the other."""
    for _ in range(TIMES):
        pool.submit(copy_context().run, int).result()


def threads() -> None:
    """Threads, one after the other."""
    for _ in range(TIMES // 10):
        thread = threading.Thread(target=copy_context().run, args=(int,))
        thread.start()
        thread.join()


async def timers() -> None:
    """Timers that a task sets and takes back."""
    loop = asyncio.get_running_loop()
    for _ in range(TIMES):
        loop.call_later(1.0, int).cancel()


CASES = ("task", "asyncio.Queue, put and got", "queue.Queue, put and got", "pool job", "thread", "timer")


@measures(
    "lineage",
    [
        Row(f"lineage_{kind}_ns[{case}]", what, unit="ns")
        for case in CASES
        for kind, what in (("bare", "bare"), ("added", "added by following contexts"))
    ],
    detail=True,
)
def lineage(effort: Effort) -> Measured:
    """Bare and audited in turn, in one process: the audit begins and ends with its turn."""
    with ThreadPoolExecutor(1) as pool:
        calls: tuple[tuple[int, Callable[[], object]], ...] = (
            (TIMES, lambda: asyncio.run(tasks())),
            (TIMES, lambda: asyncio.run(items())),
            (TIMES, threaded_items),
            (TIMES, partial(jobs, pool)),
            (TIMES // 10, threads),
            (TIMES, lambda: asyncio.run(timers())),
        )
        figures = {}
        for case, (number, run) in zip(CASES, calls, strict=True):
            best = {False: float("inf"), True: float("inf")}
            for _ in range(effort.times(15)):
                for audited in (False, True):
                    best[audited] = min(best[audited], once(run, audited=audited) / number)
            figures[f"lineage_bare_ns[{case}]"] = best[False]
            figures[f"lineage_added_ns[{case}]"] = best[True] - best[False]
    return Measured(figures)


def once(run: Callable[[], object], *, audited: bool) -> float:
    """Nanoseconds of processor time of one round."""
    auditor = Auditor(parse_config(tomllib.loads(CONFIG)))
    if audited:
        auditor.start()
    try:
        return processor_ns(lambda: copy_context().run(as_alice, run))
    finally:
        auditor.stop()
        assert not auditor.runtime.barrier.counts
        assert "IA503" not in auditor.recorder.counts


def as_alice(run: Callable[[], object]) -> None:
    """One user's work."""
    current_user.set("alice")
    run()
