"""IA601 wherever a function may keep what it makes: each case raced by eight threads, beside clean twins."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from isolation_audit.model.rules import Severity

HEAD = "gate = lambda: None\n"


def _cases(verdict: str) -> dict[str, str]:
    text = Path(__file__).with_name("lazy_cases.txt").read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in text.split("#### ")[1:]]
    return {head.partition(" | ")[0]: HEAD + body for head, _, body in parts if head.endswith(verdict)}


BAD, GOOD = _cases("bad"), _cases("good")


def raced(app: Any, threads: int = 8) -> list[Any]:
    """What each thread gets; all are inside before the first one goes on, where nothing keeps them out."""
    barrier = threading.Barrier(threads)

    def gate() -> None:
        try:
            barrier.wait(0.3)
        except threading.BrokenBarrierError:
            return

    if hasattr(app, "prepare"):
        app.prepare()
    app.gate = gate
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(app.get) for _ in range(threads)]]


@pytest.mark.parametrize("case", BAD)
def test_each_is_told_once(application, case: str) -> None:
    application.write(app=BAD[case])
    application.start()
    kept = raced(application.load("app"))
    assert len(set(map(id, kept))) == 8
    (finding,) = application.found("IA601")
    assert finding.severity is Severity.WARNING
    assert "8 objects at once (8 threads" in finding.message
    assert finding.site is not None
    assert finding.origin is not None
    assert not application.auditor.runtime.barrier.counts


@pytest.mark.parametrize("case", GOOD)
def test_clean_twins_are_silent(application, case: str) -> None:
    application.write(app=GOOD[case])
    application.start()
    kept = raced(application.load("app"))
    assert len(kept) == 8
    assert not application.found("IA601", "IA602")
    assert not application.auditor.runtime.barrier.counts


RACING, IN_ORDER = _cases("tasks that race"), _cases("tasks in order")


@pytest.mark.parametrize("case", RACING)
def test_tasks_that_race_are_told_once(application, case: str) -> None:
    application.write(app=RACING[case])
    application.start()
    kept = asyncio.run(application.load("app").main())
    assert len(set(map(id, kept))) == 20
    (finding,) = application.found("IA601")
    assert finding.severity is Severity.WARNING
    assert "20 objects at once (20 tasks" in finding.message
    assert not application.auditor.runtime.barrier.counts


@pytest.mark.parametrize("case", IN_ORDER)
def test_tasks_in_order_are_silent(application, case: str) -> None:
    application.write(app=IN_ORDER[case])
    application.start()
    assert len(asyncio.run(application.load("app").main())) == 20
    assert not application.found("IA601", "IA602")
    assert not application.auditor.runtime.barrier.counts


def test_data_that_is_computed_twice_for_one_key_is_a_note(application) -> None:
    application.write(app=IN_ORDER["data that two tasks fetch"])
    application.start()
    app = application.load("app")

    async def main() -> list[Any]:
        return await asyncio.gather(app.profile("alice"), app.profile("alice"))

    kept = asyncio.run(main())
    assert kept[0] is not kept[1]
    (finding,) = application.found("IA601")
    assert finding.severity is Severity.NOTE
    assert "_profiles[user_id]" in finding.message


def test_one_function_by_two_names_is_one_place(application) -> None:
    application.write(app=BAD["nonlocal"], again="from PACKAGE.app import get, getter\nalso = get\n")
    application.start()
    application.load("again")
    raced(application.load("app"))
    assert len(application.found("IA601")) == 1


NESTED = """\
class Config:
    pass
_config = None
def get():
    global _config
    if _config is None:
        made = Config()
        log("loading")
        _config = made
        return made
    return _config
_lines = []
def log(line):
    if len(_lines) < 1:
        _lines.append(line)
        _lines.append(get())
"""


def test_a_call_inside_the_first_one(application) -> None:
    application.write(app=NESTED)
    application.start()
    app = application.load("app")
    assert app.get() is not app._lines[1]
    (finding,) = application.found("IA601")
    assert "2 objects at once (2 calls, one inside another" in finding.message


def test_of_dicts_nobody_knows_how_many_stay(application) -> None:
    application.write(app=HEAD + BAD["nonlocal"].replace("Factory()", "{}"))
    application.start()
    raced(application.load("app"))
    (finding,) = application.found("IA601")
    assert finding.severity is Severity.NOTE
    assert "still there" not in finding.message
