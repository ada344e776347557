"""Whose work it is that Python itself starts: timers, callbacks, finalizers, signal handlers, initialisers of pools."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.contexts import change_unit
from isolation_audit.model.requests import Request

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)


@pytest.fixture
def auditor():
    config = parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}, "report": {"terminal": False}})
    with Auditor(config) as running:
        yield running


class Seen:
    """Notes whose work is running."""

    def __init__(self, auditor: Any) -> None:
        self._current = auditor.runtime.ambient.current
        self.users: list[str | None] = []
        self.event = threading.Event()

    def __call__(self, *_: Any) -> None:
        user = self._current()
        self.users.append(None if user is None else user.id)
        self.event.set()


def request_of(auditor: Any, user: str) -> Request:
    """A request that a header names the user of."""
    return Request(auditor.runtime.part(sources), lambda: [("x-user", user)])


@pytest.mark.parametrize("by_variable", [True, False])
def test_timers_and_callbacks_are_those_of_whoever_has_set_them(auditor, by_variable):
    """By the variable for good, by the request as long as that is served."""
    seen = Seen(auditor)

    async def work() -> None:
        request = request_of(auditor, "alice")
        if by_variable:
            current_user.set("alice")
        else:
            change_unit(request=request)
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_soon(seen)
        loop.call_soon_threadsafe(seen)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        request.end()
        loop.call_later(0.01, lambda: (seen(), done.set_result(None)))
        await done

    asyncio.run(work())
    assert seen.users == ["alice", "alice", "alice" if by_variable else None]


def test_finalizers_are_those_of_whoever_lets_go(auditor):
    seen = Seen(auditor)

    class Thing:
        pass

    def let_go(thing: list[Thing], user: str | None) -> None:
        current_user.set(user)
        thing.clear()
        gc.collect()

    for user in ("bob", None):
        things = [Thing()]
        copy_context().run(current_user.set, "alice")
        weakref.finalize(things[0], seen)
        copy_context().run(let_go, things, user)
    assert seen.users == ["bob", None]


def test_a_handler_of_a_signal_is_that_of_the_work_it_interrupts(auditor):
    seen = Seen(auditor)
    before = signal.signal(signal.SIGUSR1, seen)

    def interrupted() -> None:
        current_user.set("bob")
        os.kill(os.getpid(), signal.SIGUSR1)
        assert seen.event.wait(60)

    try:
        copy_context().run(interrupted)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen.users == ["bob"]


def test_a_loop_s_handler_of_a_signal_is_that_of_whoever_has_added_it(auditor):
    seen = Seen(auditor)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        adding = copy_context()
        adding.run(current_user.set, "alice")
        adding.run(loop.add_signal_handler, signal.SIGUSR1, lambda: (seen(), done.set()))
        current_user.set("bob")
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(done.wait(), 10)
        loop.remove_signal_handler(signal.SIGUSR1)

    asyncio.run(work())
    assert seen.users == ["alice"]


def test_the_initialiser_of_a_pool_and_a_plain_thread_are_nobody_s(auditor):
    seen = Seen(auditor)

    def start() -> None:
        current_user.set("alice")
        with ThreadPoolExecutor(1, initializer=seen) as pool:
            pool.submit(int).result()
        thread = threading.Thread(target=seen)
        thread.start()
        thread.join()

    copy_context().run(start)
    assert seen.users == [None, None]


def test_a_context_that_is_kept_and_run_again_is_that_of_whoever_it_was_copied_from(auditor):
    seen = Seen(auditor)
    kept = copy_context()
    kept.run(current_user.set, "alice")

    def later() -> None:
        current_user.set("bob")
        kept.run(seen)
        seen()

    copy_context().run(later)
    assert seen.users == ["alice", "bob"]


def test_what_the_garbage_collector_calls_is_that_of_the_work_it_interrupts(auditor):
    seen = Seen(auditor)

    class Thing:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            seen()

    def collected(user: str | None) -> None:
        current_user.set(user)
        gc.collect()

    gc.collect()
    things = [copy_context().run(Thing)]
    things.clear()
    copy_context().run(collected, "bob")
    called: list[Any] = []
    gc.callbacks.append(lambda phase, _info: called.append(seen()) if phase == "start" else None)
    try:
        copy_context().run(collected, "carol")
    finally:
        gc.callbacks.pop()
    assert seen.users[0] == "bob"
    assert "carol" in seen.users[1:]


def test_a_thread_s_timer_is_nobody_s(auditor):
    seen = Seen(auditor)

    def start() -> None:
        current_user.set("alice")
        timer = threading.Timer(0, seen)
        timer.start()
        timer.join()

    copy_context().run(start)
    assert seen.users == [None]


def test_an_item_of_a_simple_queue_is_unknown_and_a_scope_says_whose_it_is(auditor):
    """The consumer's own user is there, and not whoever has put the item in."""
    seen, items = Seen(auditor), SimpleQueue[str | None]()

    def consume() -> None:
        while (user := items.get()) is not None:
            seen()
            with user_scope(user):
                seen()

    consumer = threading.Thread(target=consume)
    consumer.start()

    def put(user: str) -> None:
        current_user.set(user)
        items.put(user)

    for user in ("alice", "bob"):
        copy_context().run(put, user)
    items.put(None)
    consumer.join()
    assert seen.users == [None, "alice", None, "bob"]


PROCESSES = """
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from contextvars import ContextVar, copy_context

from isolation_audit.auditor import Auditor, current
from isolation_audit.config import parse_config

user = ContextVar("user", default=None)
begun = []

def known():
    auditor = current()
    found = None if auditor is None else auditor.runtime.ambient.current()
    return user.get() if found is None else found.id

def begin():
    begun.append(known())

def job():
    return begun[0], known()

def as_user(name, call, *arguments):
    def inside():
        user.set(name)
        return call(*arguments)
    return copy_context().run(inside)

if __name__ == "__main__":
    with Auditor(parse_config({"ambient": {"contextvar": "__main__:user"}, "report": {"terminal": False}})):
        with ProcessPoolExecutor(1, multiprocessing.get_context(sys.argv[1]), begin) as pool:
            print(*(as_user(name, pool.submit, job).result() for name in ("alice", "bob")))
"""


@pytest.mark.once
@pytest.mark.parametrize(("method", "whose"), [("fork", "alice"), ("spawn", None)])
def test_a_forked_process_of_a_pool_has_the_context_of_the_work_that_has_started_it(tmp_path, method, whose):
    (tmp_path / "program.py").write_text(PROCESSES)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "program.py"), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{(whose, whose)} {(whose, whose)}"
