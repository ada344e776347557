"""Uses of event buses, and of what puts the user into log lines."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use
from uses_wsgi import django_settings

__all__: list[str] = []

USERS = ("alice", "bob")


def fails(*_arguments: Any, **_given: Any) -> None:
    """A listener that does."""
    raise LookupError("broken")


@use("blinker")
def blinker() -> Any:
    from blinker import Signal

    signal, sender, got = Signal(), object(), []

    def listening(user: str) -> Any:
        def listener(_sender: Any, **given: Any) -> None:
            got.append([user, given])

        signal.connect(listener)
        return listener

    async def later(_sender: Any, **given: Any) -> None:
        got.append(["later", given])

    async def main() -> Any:
        signal.connect(later)
        await signal.send_async(sender, _sync_wrapper=wrapped, text="for all")

    def wrapped(function: Any) -> Any:
        async def call(*arguments: Any, **given: Any) -> Any:
            return function(*arguments, **given)

        return call

    kept = [as_user(user, listening, user) for user in USERS]
    for user in USERS:
        as_user(user, signal.send, sender, text=f"for {user}")
    as_user("alice", asyncio.run, main())
    signal.disconnect(later)
    failing = Signal()
    failing.connect(fails)
    failed = [as_user("bob", outcome, failing.send, sender), outcome(signal.connect, None, sender=[])]
    return [sorted(map(str, got)), len(kept), failed]  # receivers are told in no order


@use("pyee")
def pyee() -> Any:
    from pyee.base import EventEmitter

    bus, got = EventEmitter(), []

    def listening(user: str) -> None:
        bus.on("news", lambda *words: got.append([user, words]))
        bus.once("news", lambda *words: got.append([user, "once", words]))

    for user in USERS:
        as_user(user, listening, user)
    told = [as_user(user, bus.emit, "news", f"for {user}") for user in (*USERS, None)]
    bus.on("broken", fails)
    return [got, told, outcome(bus.emit, "broken"), outcome(bus.emit, "error", LookupError("x")), bus.emit("nothing")]


@use("django_signals")
def django_signals() -> Any:
    django_settings()
    from django.dispatch import Signal

    signal, got = Signal(), []

    def listening(user: str) -> Any:
        def receiver(signal: Any, sender: Any, **given: Any) -> None:
            got.append([user, given])

        signal.connect(receiver)
        return receiver

    async def later() -> None:
        current_user.set("alice")
        for name in ("asend", "asend_robust"):
            if hasattr(signal, name):  # from Django 5.0 on
                await getattr(signal, name)(None, text="for all")

    kept = [as_user(user, listening, user) for user in USERS]
    for user in USERS:
        as_user(user, signal.send, None, text=f"for {user}")
        as_user(user, signal.send_robust, None, text=f"for {user}")
    as_user(None, asyncio.run, later())
    signal.connect(fails)
    return [got, len(kept), as_user("bob", outcome, signal.send, None), len(signal.send_robust(None))]


@use("structlog")
def structlog() -> Any:
    from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, merge_contextvars

    def job(user: str, signs_in: bool) -> Any:
        current_user.set(user)
        if signs_in:
            bind_contextvars(user=user)
        return [merge_contextvars(None, "info", {"event": "read"}), get_contextvars()]  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as pool:
        got = [pool.submit(job, *one).result() for one in (("alice", True), ("bob", False), ("alice", False))]
        pool.submit(clear_contextvars).result()
    return [got, as_user("alice", job, "alice", True), asyncio.run(async_outcome(asyncio.sleep(0)))]
