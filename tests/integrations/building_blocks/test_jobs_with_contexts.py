"""Items of threads' queues: those that bring their own context are looked at in one call, and all others as ever."""

from __future__ import annotations

import queue
import threading
from contextvars import copy_context
from typing import Any

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.config import Config
from isolation_audit.integrations.building_blocks.jobs_with_contexts import JobsPut, JobsTaken
from isolation_audit.model.contexts import current_unit, turn_variable
from isolation_audit.model.current_inputs import current_inputs


@pytest.fixture
def auditor() -> Any:
    with Auditor(Config()) as running:
        yield running


def joined(auditor: Auditor) -> set[type]:
    found = {type(getattr(probe, "_joined", None)) for probe in auditor.instrumentation.probes()}
    return found & {JobsPut, JobsTaken}


def worker(items: queue.Queue[Any], answers: queue.SimpleQueue[Any]) -> threading.Thread:
    """A thread like anyio's: it runs each job in the context that the job brings."""

    def run() -> None:
        while (item := items.get()) is not None:
            if type(item) is tuple:
                context, job = item
                answers.put(context.run(job))
            else:
                answers.put(("plain", item))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_job_runs_as_a_turn_of_its_own_in_the_context_that_it_brings(auditor: Auditor) -> None:
    assert joined(auditor) == {JobsPut, JobsTaken}
    items: queue.Queue[Any] = queue.Queue()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    thread = worker(items, answers)
    turns = []
    for _ in range(2):
        with user_scope("alice"):
            items.put((copy_context(), turn_variable.get))
        turns.append(answers.get(timeout=60))
    items.put(None)
    thread.join(60)
    assert turns[0] is not turns[1]
    assert all(turn.over for turn in turns), "the next item ends it"


def test_other_items_on_the_same_queue_are_looked_at_as_ever(auditor: Auditor) -> None:
    items: queue.Queue[Any] = queue.Queue()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    thread = worker(items, answers)
    with user_scope("alice"):
        items.put("letter")
        assert answers.get(timeout=60) == ("plain", "letter")
        items.put((copy_context(), lambda: "job"))
        assert answers.get(timeout=60) == "job"
        items.put("second letter")
        assert answers.get(timeout=60) == ("plain", "second letter")
    items.put(None)
    thread.join(60)
    assert not auditor.snapshot()["summary"]["faults"]


def test_each_look_is_counted_for_both_and_no_fault_reaches_the_application(auditor: Auditor) -> None:
    items: queue.Queue[Any] = queue.Queue(maxsize=1)
    context = copy_context()
    probe = next(one for one in auditor.instrumentation.probes() if type(one._joined) is JobsPut)
    before = [cell[0] for cell in probe.cells()]
    items.put((context, None))
    with pytest.raises(queue.Full):
        items.put((context, None), block=False)
    assert [cell[0] - was for cell, was in zip(probe.cells(), before, strict=True)] == [2, 2]
    assert copy_context().run(items.get) == (context, None)
    with pytest.raises(queue.Empty):
        items.get(block=False)
    assert not auditor.snapshot()["summary"]["faults"]


def test_a_thread_that_takes_such_jobs_works_for_all_whoever_has_started_it(auditor: Auditor) -> None:
    items: queue.Queue[Any] = queue.Queue()
    works_for = []

    def run() -> None:
        works_for.append(current_unit().runs_for)
        while (item := items.get()) is not None:
            item[0].run(item[1])
            works_for.append(current_unit().runs_for)

    with user_scope("alice"):
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        items.put((copy_context(), str))
        items.put(None)
        thread.join(60)
        assert works_for == [current_inputs(), None]
    assert works_for[0] is not None
    assert not auditor.snapshot()["summary"]["faults"]
