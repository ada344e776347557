"""IA506: tasks, threads and jobs that run on when the work that has started them is over, and twins that may."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

import isolation_audit
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.model import contexts
from isolation_audit.model.rules import Severity
from isolation_audit.rules.lifetime.unended import UnendedWork


@contextmanager
def audited(**lifetimes: Any):
    limits = {"unended": "1ms", "grace": "1ms"}
    with Auditor(parse_config({"limits": limits, "lifetimes": lifetimes})) as auditor:
        yield auditor


def look(auditor: Auditor, grace: float = 60.0) -> list[Any]:
    """What is told: the first look notes what is over, the second comes after the wait."""
    auditor.settle(60.0)
    time.sleep(0.003)
    auditor.settle(grace)
    return [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA506"]


class Work:
    """Something that goes on until it is told to end, started in three ways."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.pool = ThreadPoolExecutor(8)
        self.begun: list[Any] = []

    def waits(self) -> None:
        self.over.wait()

    async def pauses(self) -> None:
        while not self.over.is_set():
            await asyncio.sleep(0.001)

    def thread(self) -> None:
        worker = threading.Thread(target=self.waits, name="worker")
        worker.start()
        self.begun.append(worker)

    def timer(self) -> None:
        timer = threading.Timer(600, self.waits)
        timer.start()
        self.begun.append(timer)

    def job(self) -> None:
        self.begun.append(self.pool.submit(functools.partial(self.waits)))

    def end(self) -> None:
        self.over.set()
        self.pool.shutdown()
        for one in self.begun:
            getattr(one, "cancel", bool)()
            getattr(one, "join", bool)()


@pytest.fixture
def work():
    made = Work()
    yield made
    made.end()


WAYS = {"thread": "a thread for Work.waits()", "timer": "a thread for Work.waits()", "job": "a job of an executor for"}


@pytest.mark.parametrize("way", WAYS)
def test_who_started_it_for_whom_and_since_when(work: Work, way: str) -> None:
    with audited() as auditor:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                getattr(work, way)()
                assert look(auditor) == [], "the unit is not over"
        (finding,) = look(auditor)
        assert auditor.recorder.counts["IA506"] == 2
        look(auditor, 0.0)
        assert auditor.recorder.counts["IA506"] == 2, "each is told once"
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(WAYS[way])
    assert " ms ago" in finding.message
    assert finding.site.top.function == f"Work.{way}"
    assert finding.origin.top.function == "test_who_started_it_for_whom_and_since_when"
    assert finding.origin_label.startswith("the work of user-")
    assert "alice" not in finding.message


@pytest.mark.parametrize("way", WAYS)
def test_what_has_ended_is_silent(work: Work, way: str) -> None:
    with audited() as auditor:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                getattr(work, way)()
        work.end()
        assert look(auditor) + look(auditor, 0.0) == []


def test_one_alone_may_be_a_worker_for_all(work: Work) -> None:
    with audited() as auditor:
        with isolation_audit.user_scope("alice"):
            work.thread()
        assert look(auditor) == []
        (finding,) = look(auditor, 0.0)
    assert finding.severity is Severity.NOTE


def test_a_task_and_a_thread_of_one_function_are_two_findings(work: Work) -> None:
    async def main(auditor: Auditor) -> list[Any]:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                work.begun.append(asyncio.create_task(work.pauses()))
                work.thread()
        return look(auditor)

    with audited() as auditor:
        found = asyncio.run(main(auditor))
    assert sorted(finding.target for finding in found) == ["Work.pauses", "Work.waits"]


def test_several_of_one_unit_are_still_one_unit(work: Work) -> None:
    with audited() as auditor:
        with isolation_audit.user_scope("alice"):
            for _ in range(3):
                work.thread()
        assert look(auditor) == []
        assert {finding.severity for finding in look(auditor, 0.0)} == {Severity.NOTE}
        assert auditor.recorder.counts["IA506"] == 3


def test_a_forked_child_does_not_wait_for_its_parents_threads(work: Work) -> None:
    with audited() as auditor:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                work.job()
        auditor.runtime.part(UnendedWork)._process = 0
        assert look(auditor) == []


@pytest.mark.parametrize("background", ["Work.waits", "wai*", "worker"])
def test_what_is_declared_may_go_on(work: Work, background: str) -> None:
    with audited(background=[background]) as auditor:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                work.thread()
        assert look(auditor) + look(auditor, 0.0) == []


def test_what_works_for_the_system_may_go_on(work: Work) -> None:
    begun = threading.Semaphore(0)

    def refresh() -> None:
        with isolation_audit.system_scope():
            begun.release()
            work.waits()

    with audited() as auditor:
        for user in ("alice", "bob"):
            with isolation_audit.user_scope(user):
                work.begun.append(threading.Thread(target=refresh))
                work.begun[-1].start()
                begun.acquire()
        assert look(auditor) + look(auditor, 0.0) == []


async def _requests(work: Work, auditor: Auditor, start: Any, user: str = "user") -> list[Any]:
    kept = []
    for number in range(3):
        with isolation_audit.user_scope(f"{user}-{number}"):
            kept.append(start(work.pauses()))
    return [*look(auditor), *kept]


def _starts() -> dict[str, Any]:
    return {
        "create_task": asyncio.create_task,
        "ensure_future": asyncio.ensure_future,
        "of the loop": lambda coroutine: asyncio.get_running_loop().create_task(coroutine),
    }


@pytest.mark.parametrize("way", _starts())
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tasks_that_nobody_waits_for(work: Work, way: str, loop: str) -> None:
    if loop == "uvloop" and way != "create_task":
        pytest.skip("uvloop's own methods are written in C")
    run = asyncio.run if loop == "asyncio" else pytest.importorskip("uvloop").run
    with audited() as auditor:
        found, *_tasks = run(_requests(work, auditor, _starts()[way]))
    assert found.message.startswith("a task for Work.pauses()")
    assert found.site.top.file == __file__


def test_tasks_that_are_cancelled_when_their_work_ends(work: Work) -> None:
    async def main(auditor: Auditor) -> list[Any]:
        for number in range(3):
            with isolation_audit.user_scope(f"user-{number}"):
                task = asyncio.create_task(work.pauses())
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.sleep(0.002)
        return look(auditor)

    with audited() as auditor:
        assert asyncio.run(main(auditor)) == []


def test_what_asyncio_starts_for_itself_is_waited_for() -> None:
    async def one() -> None:
        await asyncio.sleep(0)

    async def main(auditor: Auditor) -> list[Any]:
        for number in range(3):
            with isolation_audit.user_scope(f"user-{number}"):
                await asyncio.gather(one(), asyncio.wait_for(one(), 1), asyncio.to_thread(int))
                async with asyncio.TaskGroup() as group:
                    group.create_task(one())
        return look(auditor)

    with audited() as auditor:
        assert asyncio.run(main(auditor)) == []
        assert look(auditor, 0.0) == [], "nor the threads of the loop's executor"


def test_the_end_of_a_loop_in_a_test_is_the_end_of_the_wait(work: Work) -> None:
    async def main() -> None:
        contexts.test_variable.set("test_app.py::test_chat")
        with isolation_audit.user_scope("alice"):
            asyncio.create_task(work.pauses()).set_name("left")
        await asyncio.sleep(0)

    limits = {"limits": {"unended": "1h", "grace": "1h"}}
    with Auditor(parse_config(limits)) as auditor:
        asyncio.run(main())
        (entry,) = [entry for entry in auditor.recorder.entries() if entry.finding.rule == "IA506"]
    assert entry.tests == {"test_app.py::test_chat": 1}


def test_nothing_of_the_application_is_kept_alive() -> None:
    class Body:
        def run(self) -> None:
            pass

    with audited() as auditor:
        with isolation_audit.user_scope("alice"):
            thread = threading.Thread(target=Body().run)
            thread.start()
            thread.join()
        seen = __import__("weakref").ref(thread)
        del thread
        assert seen() is None
        assert look(auditor) == []
