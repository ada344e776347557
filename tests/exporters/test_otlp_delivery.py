"""The courier alone: what it retries, what it gives up, and how long it may take to end."""

from __future__ import annotations

import threading
import time
from enum import Enum
from typing import Any

import pytest

from isolation_audit.exporters import otlp_delivery as module
from isolation_audit.exporters.otlp_delivery import ATTEMPTS, BATCH, QUEUE, Delivery


class Result(Enum):
    SUCCESS = 0
    FAILURE = 1


class Fake:
    """An exporter that does what it is told."""

    def __init__(self, *, fail: int = 0, hang: float = 0.0, error: bool = False) -> None:
        self.fail, self.hang, self.error = fail, hang, error
        self.taken: list[list[Any]] = []
        self.calls = 0
        self.closed = threading.Event()

    def export(self, batch: Any, /) -> Result:
        self.calls += 1
        if self.hang:
            self.closed.wait(self.hang)
            return Result.FAILURE
        if self.fail:
            self.fail -= 1
            if self.error:
                raise ConnectionError("down")
            return Result.FAILURE
        self.taken.append(list(batch))
        return Result.SUCCESS

    def shutdown(self) -> None:
        self.closed.set()

    def records(self) -> list[Any]:
        return [record for batch in self.taken for record in batch]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)


def started(*exporters: Fake, troubles: list[str] | None = None) -> Delivery:
    names = ("logs", "spans")[: len(exporters)]
    told = troubles if troubles is not None else []
    return Delivery(names, lambda: dict(zip(names, exporters, strict=True)), lambda: told.append("trouble"))


def until(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_everything_arrives_in_order_and_in_batches() -> None:
    fake = Fake()
    courier = started(fake)
    for number in range(2_000):
        courier.post("logs", number)
    courier.close(2.0)
    assert fake.records() == list(range(2_000))
    assert max(map(len, fake.taken)) <= BATCH
    assert (courier.failures, courier.lost) == (0, 0)
    assert fake.closed.is_set()


def test_nothing_is_connected_before_there_is_something_to_send() -> None:
    connected: list[bool] = []
    courier = Delivery(("logs",), lambda: connected.append(True) or {"logs": Fake()}, lambda: None)
    time.sleep(0.05)
    courier.close(1.0)
    assert connected == []


@pytest.mark.parametrize("error", [False, True])
def test_a_receiver_that_comes_back_gets_what_it_missed(error: bool) -> None:
    fake, troubles = Fake(fail=3, error=error), list[str]()
    courier = started(fake, troubles=troubles)
    courier.post("logs", "early")
    until(lambda: fake.calls >= 2)
    courier.post("logs", "late")
    until(lambda: fake.taken)
    courier.close(1.0)
    assert fake.records() == ["early", "late"]
    assert (courier.failures, courier.lost) == (3, 0)
    assert troubles == ["trouble"]


def test_what_the_receiver_will_never_take_does_not_block_the_rest() -> None:
    bad, good = Fake(fail=ATTEMPTS), Fake()
    courier = started(bad, good)
    courier.post("logs", "poison")
    until(lambda: bad.calls >= 1)
    courier.post("spans", "span")
    until(lambda: good.taken)
    until(lambda: courier.lost == 1)
    courier.post("logs", "fine")
    courier.close(1.0)
    assert bad.records() == ["fine"]
    assert (courier.failures, courier.lost) == (ATTEMPTS, 1)


def test_a_full_queue_gives_up_the_oldest() -> None:
    fake = Fake(hang=300.0)
    courier = started(fake)
    courier.post("logs", "in hand")
    until(lambda: fake.calls == 1)
    for number in range(QUEUE + 10):
        courier.post("logs", number)
    assert courier.lost == 10
    courier.close(0.1)
    assert courier.lost == QUEUE + 11


def test_posting_does_not_wait_for_a_hanging_receiver() -> None:
    fake = Fake(hang=300.0)
    courier = started(fake)
    for number in range(10_000):
        courier.post("logs", number)
    assert not fake.closed.is_set(), "the receiver still hangs"
    courier.close(0.1)


def test_closing_is_bounded_and_breaks_off_what_hangs() -> None:
    fake = Fake(hang=300.0)
    courier = started(fake)
    courier.post("logs", 1)
    until(lambda: fake.calls == 1)
    courier.close(0.3)
    assert fake.closed.is_set()
    assert courier.lost == 1
    until(lambda: not courier._worker.alive)


def test_a_receiver_that_is_down_at_the_end_is_asked_once_more() -> None:
    fake = Fake(fail=1_000)
    courier = started(fake, Fake())
    courier.post("logs", 1)
    until(lambda: fake.calls >= 1)
    courier.close(1.0)
    assert courier.lost == 1
    assert fake.records() == []


def test_a_connection_that_cannot_be_made_is_a_failure() -> None:
    def connect() -> Any:
        raise OSError("no channel")

    courier = Delivery(("logs",), connect, lambda: None)
    courier.post("logs", 1)
    until(lambda: courier.failures >= 1)
    courier.close(0.5)
    assert courier.lost == 1
