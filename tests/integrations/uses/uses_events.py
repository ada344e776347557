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


@use("sentry")
def sentry() -> Any:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    sent: list[Any] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            event = envelope.get_event()
            sent.append([event.get("message"), event.get("user")])

    def visit(user: str | None) -> None:
        if user is not None:
            sentry_sdk.set_user({"username": user})
        sentry_sdk.capture_message("hello")
        sentry_sdk.capture_event({"message": "of carol", "user": {"username": "carol"}})

    sentry_sdk.init(dsn="http://key@localhost/1", transport=Kept, default_integrations=False)
    for user in ("alice", "bob", None):
        as_user(user or "dora", visit, user)
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.set_user(None)
    sentry_sdk.get_global_scope().set_client(None)
    return sent


@use("django_locale")
def locale() -> Any:
    django_settings()
    from django.utils import timezone, translation

    def read() -> Any:
        told = [translation.gettext("Yes"), translation.ngettext("%d day", "%d days", 2), translation.get_language()]
        return [str(one) for one in (*told, timezone.get_current_timezone())]

    def activate() -> Any:
        translation.activate("de")
        timezone.activate("Europe/Berlin")
        with translation.override("fr"), timezone.override("Europe/Paris"):
            return [read(), outcome(timezone.activate, 7), outcome(translation.activate, "../nowhere")]

    def deactivate() -> Any:
        translation.deactivate_all()
        found = read()
        translation.deactivate()
        timezone.deactivate()
        return [found, read()]

    def all_of_them() -> Any:
        got = []
        for user, call in (("alice", activate), ("bob", read), ("bob", deactivate), (None, read)):
            current_user.set(user)
            got.append(call())
        current_user.set(None)
        return got

    return as_user(None, all_of_them)
