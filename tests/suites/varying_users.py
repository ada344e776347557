"""A pytest plugin for the audited run of a suite: each test, and each task that a test starts, is another user's work.

A library's tests know nothing of users, and where everything is nobody's, nothing can be reported. So the variable that
the audit takes for the application's own (``[ambient] contextvar``) has a new user

- in each test, from its set-up to its tear-down;
- in each asyncio task that a test's own code starts, through ``create_task``, ``gather``, a group of anyio's: it
  stands for another request, served at the same time. What the library starts is its caller's work, as it would be
  in an application; a task with which a loop begins is the test's own, and one for which the test has chosen the
  context keeps that.

``VARYING_USERS=2`` has the same two users take turns instead: then each comes again, to what the other one has left.

Threads that a test starts have nobody, as Python has it.

Each new user asks for the visitor as well, whom a cache keeps since the first one asked: a leak on purpose. That it is
reported proves that the audit saw the users change; how often, how many there were.
"""

from __future__ import annotations

import itertools
import os
import sys
from asyncio import base_events
from contextvars import ContextVar, copy_context
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

user: ContextVar[str] = ContextVar("user")

_TURNS = int(os.environ.get("VARYING_USERS") or 0)
_numbers = itertools.cycle(range(1, _TURNS + 1)) if _TURNS else itertools.count(1)
_BETWEEN = ("asyncio", "anyio", __name__)
"""Packages whose code may lie between a test and the start of its task."""

_TESTS = str(Path.cwd() / "tests")


def visitor() -> str:
    """Who is running."""
    return user.get()


@cache
def _remembering() -> Callable[[], str]:
    """``visitor``, cached without the user in the key; made late, because the audit begins after this file's import."""
    return lru_cache(visitor)


def become_another() -> None:
    """The running context is the next user's."""
    user.set(f"visitor-{next(_numbers):06}")
    _remembering()()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, Any, Any]:
    """A test."""
    before = user.set("")
    become_another()
    try:
        return (yield)
    finally:
        user.reset(before)


def _is_called_by_a_test(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_TESTS)


def _varying(create_task: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(create_task)
    def create(self: Any, coro: Any, **options: Any) -> Any:
        if options.get("context") is None and self.is_running() and _is_called_by_a_test(sys._getframe()):
            options["context"] = copy_context()
            options["context"].run(become_another)
        return create_task(self, coro, **options)

    return create


base_events.BaseEventLoop.create_task = _varying(base_events.BaseEventLoop.create_task)  # type: ignore[method-assign]
