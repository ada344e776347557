"""What context lineage costs, in nanoseconds of processor time: a task, a job, a thread, a timer, an item in a queue.

Run it as ``python benchmarks/lineage.py [ROUNDS]``. Bare and audited are timed in turn, round after round, in one
process: the audit begins and ends with its turn. Each keeps its best round. Everything runs in one user's work, which
is the dearer case; no suspicion arises.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import queue
import sys
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING

from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 1_000
OTHERS = ("payloads", "caches", "addressees", "pools")
CONFIG = '[ambient]\ncontextvar = "__main__:current_user"\n[report]\nterminal = false\n[watch]\n' + "".join(
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


def measure(times: int) -> dict[str, dict[bool, float]]:
    """Best nanoseconds of each, bare (False) and audited (True)."""
    pool = ThreadPoolExecutor(1)
    timed: dict[str, tuple[int, Callable[[], object]]] = {
        "task": (TIMES, lambda: asyncio.run(tasks())),
        "asyncio.Queue put + get": (TIMES, lambda: asyncio.run(items())),
        "queue.Queue put + get": (TIMES, threaded_items),
        "pool job": (TIMES, lambda: jobs(pool)),
        "thread": (TIMES // 10, threads),
        "timer": (TIMES, lambda: asyncio.run(timers())),
    }
    best = {name: {False: float("inf"), True: float("inf")} for name in timed}
    for _ in range(times):
        for name, (number, run) in timed.items():
            for audited in (False, True):
                auditor = Auditor(parse_config(tomllib.loads(CONFIG)))
                if audited:
                    auditor.start()
                gc.collect()
                start = time.process_time_ns()
                copy_context().run(as_alice, run)
                best[name][audited] = min(best[name][audited], (time.process_time_ns() - start) / number)
                auditor.stop()
                assert not auditor.runtime.barrier.counts
                assert "IA503" not in auditor.recorder.counts
    pool.shutdown()
    return best


def as_alice(run: Callable[[], object]) -> None:
    """One user's work."""
    current_user.set("alice")
    run()


def main() -> None:
    """Measure and print."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(f"CPython {platform.python_version()}, best of {times} rounds; ns of processor time each")
    print(f"{'':26}{'bare':>9}{'audited':>9}{'added':>9}{'ratio':>8}")
    for name, one in measure(times).items():
        print(f"{name:26}{one[False]:9.0f}{one[True]:9.0f}{one[True] - one[False]:+9.0f}{one[True] / one[False]:7.2f}x")


if __name__ == "__main__":
    main()
