"""IA501 and IA502: who holds what has outlived its work, twins that let go, trends and their false alarms."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from pathlib import Path

import pytest
from lifetime_leaks import LEAKS

import isolation_audit
from isolation_audit.analysis.trends import rising

NAMED: list[str] = []
SILENT: list[str] = []


@pytest.mark.parametrize("name", LEAKS)
def test_the_twin_is_silent_and_the_holder_is_named(running, name: str) -> None:
    one = running(LEAKS[name].source)
    gc.disable()
    try:
        one.unit(one.module.let_go)
        silent = one.found()
    finally:
        gc.enable()
    assert silent == []
    SILENT.append(name)
    one.unit(one.module.keep)
    (finding,) = [finding for finding in one.found() if finding.target == "app:Engine"]
    assert "held by" in finding.message
    assert LEAKS[name].words in finding.message.partition("held by ")[2]
    NAMED.append(name)
    assert "alice" not in finding.message
    assert finding.site.top.function.endswith("Running.unit")


def test_the_score(request: pytest.FixtureRequest) -> None:
    """Of fifty leaks at least 45 with their holder, and fifty twins that are silent."""
    assert len(LEAKS) >= 50
    chosen = {item.name for item in request.session.items}
    tried = [name for name in LEAKS if any(f"[{name}]" in item for item in chosen)]
    print(f"leaks named with their holder: {len(NAMED)} of {len(tried)}; silent twins: {len(SILENT)} of {len(tried)}")
    assert len(SILENT) == len(tried)
    assert len(tried) - len(NAMED) <= 5


def test_what_is_used_in_a_later_unit_is_made_to_last(running) -> None:
    one = running("SESSIONS = {}\n\ndef keep(engine):\n    SESSIONS[len(SESSIONS)] = engine\n")
    one.unit(one.module.keep)
    one.auditor.settle(60.0)
    with isolation_audit.user_scope("alice"):
        one.module.SESSIONS[0].ask()
    one.unit(one.module.keep)
    assert not [finding for finding in one.found() if finding.target == "app:Engine"]


def test_what_a_leaked_object_holds_is_not_told_again(running) -> None:
    one = running("KEPT = []\n\ndef keep(engine):\n    KEPT.append(engine)\n")
    one.unit(one.module.keep)
    assert [finding.target for finding in one.found()] == ["app:Engine"]


def test_a_context_that_stays_alone_is_told(running) -> None:
    one = running("KEPT = []\n\ndef keep(engine):\n    KEPT.append(engine.context)\n")
    one.unit(one.module.keep)
    (finding,) = one.found()
    assert finding.target == "app:Context"
    assert finding.message.endswith("held by app.KEPT -> a list")


def test_nothing_is_told_before_the_grace_is_over_and_while_the_unit_runs(running) -> None:
    one = running("KEPT = []\n\ndef keep(engine):\n    KEPT.append(engine)\n", grace="1h")
    with isolation_audit.user_scope("alice"):
        one.unit(one.module.keep)
        assert one.found() == []
        one.module.KEPT.clear()
    one.unit(one.module.keep)
    one.auditor.settle(2.0)
    assert one.auditor.recorder.counts["IA501"] == 0


def test_many_of_one_kind_are_searched_a_few_times(running) -> None:
    one = running("KEPT = []\n\ndef keep(engine):\n    KEPT.append(engine)\n")
    for number in range(100):
        one.unit(one.module.keep, f"user-{number}")
    (finding,) = one.found()
    assert finding.target == "app:Engine"
    assert 1 <= one.auditor.recorder.counts["IA501"] <= 8


@pytest.mark.parametrize("units", [500, pytest.param(10_000, marks=pytest.mark.long)])
def test_units_that_let_go_are_flat(running, units: int) -> None:
    one = running("LAST = []\n\ndef keep(engine):\n    LAST[:] = [engine]\n")
    for number in range(units):
        one.unit(one.module.keep, f"user-{number % 10}")
        if number % 20 == 0:
            one.auditor.settle(60.0)
        if number == units // 10:
            gc.collect()
            before = _resident()
    gc.collect()
    more = _resident() - before
    print(f"{units} units: {more / 1e6:+.1f} MB resident after the first {units // 10}")
    assert len(one.lifetimes()._watched) <= 4
    assert one.found("IA502") == []
    assert more < 4e6


def _resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


HALF = """\
import itertools

KEPT, COUNT = [], itertools.count()

def keep(engine):
    if next(COUNT) % 2:
        KEPT.append(engine)
"""


@pytest.mark.parametrize("units", [1_100, pytest.param(3_000, marks=pytest.mark.long)])
def test_growth_is_told_once_with_its_slope(running, units: int) -> None:
    one = running(HALF)
    for number in range(units):
        one.unit(one.module.keep)
        if number % 16 == 0:
            one.auditor.settle(60.0)
    found = {finding.target: finding for finding in one.found("IA502")}
    assert "app:Engine" in found
    assert "0.5 with each unit of work" in found["app:Engine"].message
    assert one.auditor.recorder.counts["IA502"] <= 2


def test_threads_and_tasks_of_requests_are_not_disturbed(running) -> None:
    one = running("async def work(engine):\n    for _ in range(3):\n        engine.ask(1)\n")

    async def main() -> None:
        async def request(user: str) -> None:
            with isolation_audit.user_scope(user):
                engine = one.module.Engine(one.module.Context(user))
                await one.module.work(engine)

        await asyncio.gather(*(request(f"user-{number}") for number in range(50)))

    asyncio.run(main())
    assert one.found() == []


@pytest.mark.parametrize("slope", [0.05, 0.5, 1.0, 3.0])
def test_trends_of_series_that_rise(slope: float) -> None:
    chance = random.Random(3)
    series = [(at, int(at * slope) + chance.randrange(4)) for at in range(0, 64 * 17, 17)]
    found = rising(series)
    assert found is not None
    assert abs(found - slope) < slope / 4
