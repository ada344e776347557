"""IA601 and IA602: lazy singletons raced by tasks and threads, and second instances."""

from __future__ import annotations

import asyncio
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from isolation_audit.model.rules import Severity

ACCESSORS = """\
import asyncio
import importlib
import threading

class Factory:
    def __init__(self):
        self.engines = {}

_factory_instance = None
_locked = None
_lock = threading.Lock()
_async_lock = asyncio.Lock()
gate = lambda: None

def get_factory():
    global _factory_instance
    if _factory_instance is None:
        gate()
        _factory_instance = Factory()
    return _factory_instance

async def get_factory_soon():
    global _factory_instance
    if _factory_instance is None:
        await asyncio.sleep(0)
        _factory_instance = Factory()
    return _factory_instance

def get_locked():
    global _locked
    if _locked is None:
        with _lock:
            if _locked is None:
                gate()
                _locked = Factory()
    return _locked

async def get_locked_soon():
    global _locked
    async with _async_lock:
        if _locked is None:
            await asyncio.sleep(0)
            _locked = Factory()
        return _locked

class Kept:
    _instance = None

    @classmethod
    def get(cls):
        if cls._instance is None:
            gate()
            cls._instance = cls()
        return cls._instance

class One:
    _instance = None

    def __new__(cls):
        if cls._instance is None:
            gate()
            cls._instance = super().__new__(cls)
        return cls._instance

_port = None

def get_port():
    global _port
    if _port is None:
        gate()
        _port = 8000 + len(threading.enumerate())
    return _port
"""

PLACES = {
    "get_factory": "get_factory",
    "Kept.get": "Kept.get",
    "One": "One.__new__",
}


def by_threads(call: Any, app: Any, threads: int = 8) -> list[Any]:
    """Every thread is inside before the first one goes on, where nothing keeps them out."""
    barrier = threading.Barrier(threads)

    def gate() -> None:
        try:
            barrier.wait(0.5)
        except threading.BrokenBarrierError:
            return

    app.gate = gate
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(threads)]]


def member(app: Any, path: str) -> Any:
    found = app
    for name in path.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("path", PLACES)
def test_raced_by_threads(application, path: str) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")
    kept = by_threads(member(app, path), app)
    assert len(set(map(id, kept))) == 8
    (finding,) = application.found("IA601")
    assert finding.target == f"{application.name}.app:{PLACES[path]}"
    assert finding.severity is Severity.WARNING
    assert "8 objects at once (8 threads" in finding.message
    assert "8 of them are still there" in finding.message
    assert finding.site is not None
    assert finding.origin is not None


def test_raced_by_tasks(application) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")

    async def one() -> Any:
        return await app.get_factory_soon()

    async def other() -> Any:
        return await app.get_factory_soon()

    async def main() -> list[Any]:
        return await asyncio.gather(one(), other(), *(one() for _ in range(18)))

    kept = asyncio.run(main())
    assert len(set(map(id, kept))) == 20
    (finding,) = application.found("IA601")
    assert "20 objects at once (20 tasks" in finding.message
    assert finding.site.top.function.endswith("other")
    assert finding.origin.top.function.endswith("one")


def test_objects_that_are_gone_are_a_note(application) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")

    async def main() -> None:
        await asyncio.gather(app.get_factory_soon(), app.get_factory_soon())

    asyncio.run(main())
    (finding,) = application.found("IA601")
    assert finding.severity is Severity.NOTE
    assert "1 of them are still there" in finding.message


@pytest.mark.parametrize("path", ["get_locked", "get_port"])
def test_what_a_lock_keeps_apart_and_plain_values_are_silent(application, path: str) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")
    assert len(by_threads(member(app, path), app)) == 8
    assert not application.found("IA6*", "IA601", "IA602")


def test_an_asynchronous_lock_is_silent(application) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")

    async def main() -> list[Any]:
        return await asyncio.gather(*(app.get_locked_soon() for _ in range(20)))

    assert len(set(map(id, asyncio.run(main())))) == 1
    assert not application.found("IA601", "IA602")


def test_one_that_was_there_before_the_audit_and_one_that_failed(application) -> None:
    application.write(app=ACCESSORS)
    app = application.load("app")
    application.start()
    kept = by_threads(app.get_factory, app)
    assert len(set(map(id, kept))) == 8
    assert len(application.found("IA601")) == 1, "a module that was imported before the audit is watched, too"

    def fail() -> None:
        raise ConnectionError

    app._factory_instance, app.gate = None, fail
    for _ in range(3):
        with pytest.raises(ConnectionError):
            app.get_factory()
    assert len(application.found("IA601")) == 1


def test_switched_off(application) -> None:
    application.write(app=ACCESSORS)
    application.start("[watch]\nfactories = false\n")
    app = application.load("app")
    assert len(by_threads(app.get_factory, app)) == 8
    assert not application.found("IA601")


def test_a_second_instance_beside_an_evident_one(application) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")
    first = app.get_factory()
    second = app.Factory()
    (finding,) = application.found("IA602")
    assert first is not second
    assert finding.severity is Severity.NOTE
    assert finding.message.endswith(f"{application.name}.app:get_factory() keeps one as _factory_instance")
    app._factory_instance = None
    assert app.get_factory() is not first, "made anew by its own accessor"
    assert len(application.found("IA602")) == 1


def test_a_second_instance_of_a_declared_singleton(application) -> None:
    application.write(app="class Registry:\n    pass\n\nclass Special(Registry):\n    pass\n")
    application.start('[[singletons]]\ntarget = "PACKAGE.app:Registry"\n')
    app = application.load("app")

    def first() -> Any:
        return app.Registry()

    def second() -> Any:
        return app.Special()

    kept = first()
    assert not application.found("IA602")
    assert second() is not kept
    (finding,) = application.found("IA602")
    assert finding.severity is Severity.WARNING
    assert finding.site.top.function.endswith("second")
    assert finding.origin.top.function.endswith("first")


def test_one_after_the_other_is_one_at_a_time(application) -> None:
    application.write(app="class Registry:\n    pass\n")
    application.start('[[singletons]]\ntarget = "PACKAGE.app:Registry"\n')
    app = application.load("app")
    for _ in range(3):
        app.Registry()
    assert not application.found("IA602")


def test_reloads_leave_nothing_behind(application) -> None:
    application.write(app=ACCESSORS + "\n\nclass Named:\n    pass\n")
    application.start('[identity]\ncontext_types = "PACKAGE.app:Named"\n')
    app = application.load("app")
    table = application.auditor.instrumentation._patches
    sizes = []
    for _ in range(3):
        importlib.reload(app)
        app.get_factory()
        sizes.append(len(table))
    assert len(set(sizes)) == 1
    application.auditor.stop()
    assert not len(table)


def test_after_a_reload_the_new_functions_are_watched(application) -> None:
    application.write(app=ACCESSORS)
    application.start()
    app = application.load("app")
    importlib.reload(app)
    kept = by_threads(app.get_factory, app)
    assert len(set(map(id, kept))) == 8
    assert len(application.found("IA601")) == 1
