"""Functions below ``functools.cache`` that several calls compute at once: each caller has an object of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

APP = """\
import functools
from dataclasses import dataclass

gate = lambda: None

class Engine:
    def __init__(self):
        self.listeners = []

@dataclass
class Price:
    cents: int

@functools.cache
def get_engine():
    gate()
    return Engine()

@functools.lru_cache(maxsize=None)
def engine_of(name):
    gate()
    return Engine()

@functools.cache
def price_of(name):
    gate()
    return Price(len(name))

@functools.cache
def engine_for(user):
    gate()
    return Engine()

@functools.cache
def engine_by(*, name):
    gate()
    return Engine()

@functools.cache
def fails():
    gate()
    raise OSError
"""


def at_once(app: Any, *calls: Any) -> list[Any]:
    """Every call is inside before the first one goes on."""
    barrier = Barrier(len(calls))

    def gate() -> None:
        try:
            barrier.wait(5)
        except BrokenBarrierError:
            return

    app.gate = gate
    with ThreadPoolExecutor(len(calls)) as pool:
        jobs = [pool.submit(call) for call in calls]
        return [job.result() if job.exception() is None else None for job in jobs]


@pytest.fixture
def app(application: Any) -> Any:
    application.write(app=APP)
    application.start("")
    return application.load("app")


@pytest.mark.parametrize("name", ["get_engine", "engine_of"])
def test_two_that_compute_at_once(application, app, name) -> None:
    call = {"get_engine": app.get_engine, "engine_of": lambda: app.engine_of("main")}[name]
    first, second = at_once(app, call, call)
    assert first is not second
    (finding,) = application.found("IA601")
    assert f"app:{name}" in finding.message
    assert "threads" in finding.message


class User:
    """One request's."""


SILENT = {
    "another key": lambda app: (lambda: app.engine_of("one"), lambda: app.engine_of("two")),
    "an object of the request": lambda app: ((lambda: app.engine_for(User())),) * 2,
    "by keyword": lambda app: ((lambda: app.engine_by(name="main")),) * 2,
    "both fail": lambda app: (app.fails, app.fails),
}


@pytest.mark.parametrize("kind", SILENT)
def test_calls_that_are_not_of_one_key_or_make_nothing(application, app, kind) -> None:
    at_once(app, *SILENT[kind](app))
    assert application.found("IA601") == []


def test_mere_data_may_be_computed_twice(application, app) -> None:
    first, second = at_once(app, *((lambda: app.price_of("tea")),) * 2)
    assert first == second
    assert application.found("IA601") == []


def test_one_after_the_other_finds_the_first_one_s(application, app) -> None:
    assert app.get_engine() is app.get_engine()
    assert application.found("IA601") == []
