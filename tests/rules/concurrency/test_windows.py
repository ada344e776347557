"""Windows: calls that have found nothing, and what each of them has made."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.rules.concurrency import windows as module
from isolation_audit.rules.concurrency.windows import LookPlace, Raced, Windows, is_data

if TYPE_CHECKING:
    from auditing import Audit

PLACE, ENTRY = LookPlace("app:get", "_engine"), LookPlace("app:get", "_engines", entry=True)


class Engine:
    """Others register with it."""


@dataclass
class Row:
    number: int


@pytest.fixture
def raced(audit: Audit, monkeypatch: pytest.MonkeyPatch):
    """The windows of an audit, and ``told()``: what is said of them once all have had their time."""
    runtime, found = audit.auditor.runtime, []
    monkeypatch.setattr(runtime, "publish", found.append)

    def told() -> list[Any]:
        audit.auditor.settle(0.0)
        return [(one.made, one.kept, one.harmless, one.how) for one in found if type(one) is Raced]

    return runtime.part(Windows), told


def test_two_calls_one_inside_the_other_make_two(raced) -> None:
    windows, told = raced
    outer = windows.enter("key", None)
    inner = windows.enter("key", None)
    first, second = Engine(), Engine()
    assert windows.leave(PLACE, inner, first) is None, "the other one is at it still"
    assert windows.leave(PLACE, outer, second) is not None
    assert told() == [(2, 2, False, "2 calls, one inside another")]


def test_what_has_not_stayed_is_counted_too(raced) -> None:
    windows, told = raced
    calls = [windows.enter("key", None) for _ in range(3)]
    kept = Engine()
    for call, made in zip(calls, (Engine(), kept, Engine()), strict=True):
        windows.leave(PLACE, call, made)
    del made
    assert told() == [(3, 1, False, "3 calls, one inside another")]


def test_threads_and_tasks_are_told_apart(raced) -> None:
    windows, told = raced
    both, made = Barrier(2), []

    def by_thread() -> None:
        call = windows.enter("threads", None)
        both.wait(60)
        made.append(Engine())
        windows.leave(PLACE, call, made[-1])

    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(by_thread) for _ in range(2)]:
            job.result()

    async def by_task() -> None:
        call = windows.enter("tasks", None)
        await asyncio.sleep(0)
        made.append(Engine())
        windows.leave(PLACE, call, made[-1])

    async def main() -> None:
        await asyncio.gather(by_task(), by_task())

    asyncio.run(main())
    assert [how for *_rest, how in told()] == ["2 threads", "2 tasks"]


SILENT = {
    "one after the other": [("enter", 0), ("leave", 0, Engine), ("enter", 1), ("leave", 1, Engine)],
    "the same object": [("enter", 0), ("enter", 1), ("leave", 0, None), ("leave", 1, None)],
    "one has failed": [("enter", 0), ("enter", 1), ("fail", 0), ("leave", 1, Engine)],
    "both have failed": [("enter", 0), ("enter", 1), ("fail", 0), ("fail", 1)],
    "plain values": [("enter", 0), ("enter", 1), ("leave", 0, int), ("leave", 1, str)],
}


@pytest.mark.parametrize("name", SILENT)
def test_what_makes_one_or_nothing_is_silent(raced, name) -> None:
    windows, told = raced
    calls: dict[int, Any] = {}
    same, kept = Engine(), []
    for step, number, *make in SILENT[name]:
        if step == "enter":
            calls[number] = windows.enter("key", None)
        elif step == "fail":
            windows.fail(calls[number])
        else:
            kept.append(same if make[0] is None else make[0]())
            windows.leave(PLACE, calls[number], kept[-1])
    assert told() == []


def test_different_keys_are_different_windows(raced) -> None:
    windows, told = raced
    calls = [windows.enter(key, None) for key in ("alice", "bob")]
    kept = [Engine(), Engine()]
    for call, made in zip(calls, kept, strict=True):
        windows.leave(ENTRY, call, made)
    assert told() == []


@pytest.mark.parametrize(("place", "make", "harmless"), [(ENTRY, Row, True), (PLACE, Row, False), (ENTRY, dict, True)])
def test_an_entry_that_is_mere_data_may_be_computed_twice(raced, place, make, harmless) -> None:
    windows, told = raced
    calls = [windows.enter("key", None) for _ in range(2)]
    kept = [make(7) if make is Row else make() for _ in calls]
    for call, made in zip(calls, kept, strict=True):
        windows.leave(place, call, made)
    assert [one[2] for one in told()] == [harmless]


def test_it_waits_for_what_may_be_at_work_still(raced, audit) -> None:
    windows, told = raced
    calls = [windows.enter("key", None) for _ in range(2)]
    kept = [windows.leave(PLACE, call, Engine()) for call in calls]
    windows._settle(module._LONGEST)
    assert windows._doubts, "nothing is said within a second"
    assert kept[0] is None
    assert len(told()) == 1


def test_windows_are_bounded(raced, monkeypatch) -> None:
    windows, _told = raced
    monkeypatch.setattr(module, "_WINDOWS", 2)
    calls = [windows.enter(number, None) for number in range(3)]
    assert [call is None for call in calls] == [False, False, True]
    windows.fail(calls[0])
    assert windows.enter(3, None) is not None


def test_data_and_what_others_register_with() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        number: int = 7

    for one in (7, "x", None, (1,), [1], {}, Row(7), Model(), Engine, is_data):
        assert is_data(one), one
    for one in (Engine(), asyncio.Lock()):
        assert not is_data(one), one
