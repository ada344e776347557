"""Feeding the sinks: at once where something has happened, and hardly ever where nothing has."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.config import Config, parse_config
from isolation_audit.coverage.counts import activity
from isolation_audit.exporters import drainer as drainers
from isolation_audit.exporters.drainer import Drainer
from isolation_audit.foundation.wakeup import Wakeup
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.exporters.base import Batch

LONG = 30.0


class Process:
    """What a drainer looks at: each look is noted, and one may wait for some more of them."""

    def __init__(self) -> None:
        self.recorder: Any = SimpleNamespace(
            new=deque(),
            scopes=deque(maxlen=9),
            scopes_dropped=0,
            scopes_overrun=0,
            occurrences=deque(),
            occurrences_dropped=0,
            wake=Wakeup(),
            takes_scopes=True,
        )
        self.activity = 0
        self.looks = threading.Semaphore(0)

    def look(self) -> None:
        self.looks.release()

    def looked(self, times: int) -> None:
        while self.looks.acquire(blocking=False):
            pass
        for _ in range(times):
            assert self.looks.acquire(timeout=LONG)


class Fed:
    name = "fed"

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.came = threading.Semaphore(0)

    def drain(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.came.release()

    def close(self) -> None: ...

    def next(self) -> Batch:
        assert self.came.acquire(timeout=LONG)
        return self.batches[-1]


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def sink() -> Fed:
    return Fed()


@pytest.fixture
def feeding(process: Process, sink: Fed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drainer]:
    monkeypatch.setattr(drainers, "INTERVAL", 0.005)
    drainer = Drainer(process.recorder, Barrier(), [sink], dict, process.look, lambda: process.activity)
    drainer.start()
    yield drainer
    drainer.stop(LONG)


def test_where_nothing_happens_nobody_is_fed_again(feeding: Drainer, process: Process, sink: Fed) -> None:
    sink.next()
    process.looked(5)
    assert len(sink.batches) == 1


def test_what_has_happened_and_what_is_found_is_told_at_the_next_look(
    feeding: Drainer, process: Process, sink: Fed
) -> None:
    sink.next()
    process.activity += 1
    assert sink.next().entries == []
    process.looked(3)
    assert len(sink.batches) == 2
    process.recorder.new.append("a finding")
    assert sink.next().entries == ["a finding"]
    process.recorder.scopes.append("a scope")
    assert sink.next().scopes == ["a scope"]


def test_now_and_then_they_are_fed_all_the_same(feeding: Drainer, sink: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drainers, "AT_LEAST", 0.0)
    for _ in range(4):
        sink.next()


def test_the_end_is_always_told(feeding: Drainer, sink: Fed) -> None:
    sink.next()
    feeding.stop(LONG)
    assert [batch.last for batch in sink.batches] == [False, True]


def test_every_count_of_the_tally_is_activity() -> None:
    tally = Tally()
    before = tally.activity()
    assert tally.activity() == before
    tally.jobs_named += 1
    tally.first_event.observe(0.2)
    tally.exits["GET /page", "crossing"] += 1
    changed = [one != other for one, other in zip(before, tally.activity(), strict=True)]
    assert sum(changed) == 3


def test_findings_and_scopes_are_activity_and_the_standard_librarys_calls_are_none() -> None:
    with Auditor(parse_config({"engines": [{"target": "app.engine:Engine", "optional": True}]})) as auditor:
        before = auditor._activity()
        quiet = next(one for one in auditor.instrumentation.integrated if one.quiet)
        quiet.calls[0] += 1
        assert auditor._activity() == before
        with user_scope("alice"):
            pass
        after = auditor._activity()
        assert after != before
        loud = next(one for one in auditor.instrumentation.integrated if not one.quiet)
        loud.calls[0] += 1
        assert auditor._activity() != after


def test_activity_is_told_without_a_report() -> None:
    with Auditor(Config()) as auditor:
        integrated = auditor.instrumentation.integrated
        first = activity(auditor.runtime, integrated)
        auditor.runtime.barrier.counts["somewhere"] += 1
        assert activity(auditor.runtime, integrated) != first


def test_where_much_happens_sinks_are_fed_more_often_than_anything_is_looked_for(
    process: Process, sink: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(drainers, "time", SimpleNamespace(monotonic=lambda: now[0]))
    drainer = Drainer(process.recorder, Barrier(), [sink], dict, process.look, lambda: process.activity)
    drainer._round()  # the first is no look
    for _ in range(40):
        now[0] += drainers.INTERVAL / 10
        process.recorder.scopes.append("a scope")
        drainer._round()
        assert not process.recorder.scopes
    looks = 0
    while process.looks.acquire(blocking=False):
        looks += 1
    assert looks == 8
    now[0] = -1e6
    process.recorder.scopes.append("a scope")
    drainer._round()
    assert process.looks.acquire(blocking=False), "a clock that was set back holds nothing up"


def test_where_nothing_happens_targets_are_looked_at_more_and_more_rarely(
    process: Process, sink: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(drainers, "time", SimpleNamespace(monotonic=lambda: now[0]))
    drainer = Drainer(process.recorder, Barrier(), [sink], dict, process.look, lambda: process.activity)

    def looks(rounds: int) -> int:
        seen = 0
        for _ in range(rounds):
            now[0] += drainers.INTERVAL
            drainer._round()
            while process.looks.acquire(blocking=False):
                seen += 1
        return seen

    drainer._round()  # the first is no look
    looks(20)
    assert looks(20) == 20 * drainers.INTERVAL / drainers.RARELY
    for _ in range(3):
        process.activity += 1
        assert looks(1) == 1, "twice a second, as long as anything happens"
