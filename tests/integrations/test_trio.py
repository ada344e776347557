"""Trio: a task that works for all who send into its channel, threads that Trio runs functions in, and nurseries."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from clients import known, told

from isolation_audit.config import parse_config

trio = pytest.importorskip("trio")
pytest.importorskip("trio.testing")

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
CONFIG = parse_config(
    {"ambient": {"contextvar": f"{__name__}:current_user"}, "report": {"raw_ids": True, "terminal": False}}
)


def on_trio(main: Any) -> Any:
    """Runs ``main`` on Trio, beside the event loop that the fixture has."""
    return lambda: asyncio.to_thread(trio.run, main)


async def mailing(*, minded: bool, size: int, seen: list[Any]) -> None:
    """A worker for everybody, which takes its user from the letter; with ``minded`` also where that names none."""

    async def work(receive: Any) -> None:
        async for user, letter in receive:
            if user is not None or minded:
                current_user.set(user)
            seen.append((letter, current_user.get()))

    async def request(user: str, signed: str | None, letter: str, send: Any) -> None:
        current_user.set(user)
        await send.send((signed, letter))

    send, receive = trio.open_memory_channel(size)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, receive)
        for arguments in (("alice", "alice", "one"), ("bob", None, "two")):
            async with trio.open_nursery() as requests:
                requests.start_soon(request, *arguments, send)
            await trio.testing.wait_all_tasks_blocked()
        await send.aclose()


@pytest.mark.parametrize("size", [0, 5])
@pytest.mark.parametrize("minded", [False, True])
def test_a_worker_finds_the_user_of_the_last_item(audited, minded, size):
    seen: list[Any] = []

    async def main() -> None:
        await mailing(minded=minded, size=size, seen=seen)

    done = audited(on_trio(main), CONFIG)
    assert seen == [("one", "alice"), ("two", None if minded else "alice")]
    assert told(done.findings) == ([] if minded else [("IA503", "alice", "bob")])


def test_threads_and_nurseries_go_on_with_the_user_of_whoever_has_started_them(audited):
    seen: list[Any] = []

    async def inside() -> None:
        seen.append(known())
        seen.append(await trio.to_thread.run_sync(known))

    async def request(user: str) -> None:
        current_user.set(user)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(inside)

    async def main() -> None:
        for user in ("alice", "bob"):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(request, user)

    done = audited(on_trio(main), CONFIG)
    assert seen == ["alice", "alice", "bob", "bob"]
    assert done.findings == {}
