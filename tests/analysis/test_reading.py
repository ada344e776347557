"""Which functions only read, told from their bytecode."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from isolation_audit.analysis.reading import only_reads

logger = logging.getLogger(__name__)
counter = 0


class Engine:
    def __init__(self) -> None:
        self.active, self.jobs, self.started, self.items = True, [1], 0.0, {"a": 1}

    def is_active(self) -> bool:
        return self.active

    def is_late(self) -> bool:
        logger.debug("asked")
        return self.active and time.monotonic() - self.started > 5

    def stats(self) -> dict[str, Any]:
        return {"jobs": len(self.jobs), "old": sum(1 for job in self.jobs if job > 1), "a": self.items.get("a")}

    def names(self) -> list[str]:
        return [str(job) for job in self.jobs]

    def touch(self) -> bool:
        self.started = time.monotonic()
        return self.active

    def put(self) -> bool:
        self.items["a"] = 2
        return True

    def drop(self) -> None:
        del self.items["a"]

    def take(self) -> int:
        return self.jobs.pop()

    def run(self) -> Any:
        return work(self)

    def call(self) -> Any:
        return self.jobs[0]()  # type: ignore[operator]

    def count(self) -> None:
        global counter
        counter += 1

    async def wait(self) -> bool:
        return self.active

    def each(self) -> Any:
        yield self.active

    def later(self) -> Any:
        return lambda: self.active


def work(engine: Engine) -> Any:
    return engine


@pytest.mark.parametrize("name", ["is_active", "is_late", "stats", "names"])
def test_these_only_read(name: str) -> None:
    assert only_reads(getattr(Engine, name).__code__)


@pytest.mark.parametrize("name", ["touch", "put", "drop", "take", "run", "call", "count", "wait", "each", "later"])
def test_these_do_more(name: str) -> None:
    assert not only_reads(getattr(Engine, name).__code__)
