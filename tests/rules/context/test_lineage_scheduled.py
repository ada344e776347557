"""APScheduler: jobs that run as whoever has started or woken the scheduler, and those that mind whose they are."""

from __future__ import annotations

import asyncio

import pytest
from auditing import current_user

from isolation_audit.rules.context.lineage import Lineage

pytest.importorskip("apscheduler.schedulers.asyncio")

from apscheduler.job import Job

PROGRAM = """
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler

scheduler, seen = None, []

def read(user):
    seen.append((user, current_user.get()))

async def remind(user):
    {work}

def remind_in_a_thread(user):
    {work}

def remind_nobody(user):
    seen.append((user, user))

def failing(user):
    read(user)
    raise LookupError(user)

def start():
    global scheduler
    scheduler = {scheduler}(timezone="UTC", executors={executors})
    scheduler.start()

async def request(user):
    current_user.set(user)
    if scheduler is None:
        start()
    {schedule}

async def serve():
    {before}
    for user in ("alice", "bob"):
        await asyncio.create_task(request(user))
    for _ in range(200):
        if len(seen) >= 2:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    scheduler.shutdown()
    await asyncio.sleep(0.01)

def main():
    import logging
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    asyncio.run(serve())
    return sorted(seen)
"""

IN_ONE_GO = """import datetime
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds={due})
    scheduler.add_job({function}, "date", run_date=due, args=[user])"""


def program(
    function: str = "remind",
    work: str = "read(user)",
    scheduler: str = "AsyncIOScheduler",
    executors: str = "{}",
    before: str = "pass",
    due: str = "0.05",
) -> str:
    source = PROGRAM.replace("{schedule}", IN_ONE_GO)
    parts = {
        "function": function,
        "work": work,
        "scheduler": scheduler,
        "executors": executors,
        "before": before,
        "due": due,
    }
    for name, text in parts.items():
        source = source.replace("{" + name + "}", text)
    return source


READ = "seen.append((user, current_user.get()))"


def test_a_job_runs_as_whoever_was_the_last_to_wake_the_scheduler(outcome_of) -> None:
    outcome = outcome_of(program(due="0.5"))
    assert outcome.result == [("alice", "bob"), ("bob", "bob")]
    assert outcome.found == [("IA503", "bob", "alice", READ)]


def test_a_job_that_fails_is_told_of_as_well(outcome_of) -> None:
    outcome = outcome_of(program("failing", due="0.5", executors="{'default': {'type': 'debug'}}"))
    assert len(outcome.result) == 2
    assert [one[0] for one in outcome.found] == ["IA503"]


@pytest.mark.parametrize(
    "changes",
    [
        {"work": "current_user.set(user); read(user)"},
        {"function": "remind_nobody"},
        {"before": "contextvars.Context().run(start)", "work": "current_user.set(None); seen.append(user)"},
        # Threads have nobody's context, and what is scheduled needs none.
        {"function": "remind_in_a_thread"},
        {"function": "remind_in_a_thread", "scheduler": "BackgroundScheduler"},
    ],
)
def test_jobs_that_mind_whose_they_are_are_silent(outcome_of, changes: dict[str, str]) -> None:
    outcome = outcome_of(program(**changes))
    assert len(outcome.result) == 2
    assert outcome.found == []


def test_one_user_s_own_scheduler_is_silent(outcome_of) -> None:
    outcome = outcome_of(program().replace('("alice", "bob")', '("alice", "alice")'))
    assert outcome.result == [("alice", "alice")] * 2
    assert outcome.found == []


def test_a_job_of_nobody_s_is_not_compared(outcome_of) -> None:
    """As one that a store has read from its database: nobody knows any more whose it is."""
    source = """
from apscheduler.schedulers.asyncio import AsyncIOScheduler

seen = []

async def nightly():
    seen.append(current_user.get())

async def request(scheduler):
    current_user.set("alice")
    scheduler.start()

async def serve():
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(nightly, "interval", seconds=0.02)
    await asyncio.create_task(request(scheduler))
    while not seen:
        await asyncio.sleep(0.01)
    scheduler.shutdown()
    await asyncio.sleep(0.01)

def main():
    asyncio.run(serve())
    return seen[0]
"""
    outcome = outcome_of(source)
    assert outcome.result == "alice"
    assert outcome.found == []


def test_what_is_patched_comes_back_and_faults_stay_inside(audit, monkeypatch) -> None:
    from apscheduler.executors.base import run_job

    codes = [Job.__init__.__code__, run_job.__code__]

    def broken(*_args: object) -> None:
        raise ArithmeticError("planted")

    monkeypatch.setattr(Lineage, "begin_scheduled", broken)
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.start(paused=True)
    job = audit.as_user("alice", scheduler.add_job, current_user.get, "date")
    assert run_job(job, "default", [job.trigger.run_date], "apscheduler") != []
    scheduler.shutdown()
    assert audit.faults.pop("apscheduler.executors.base:run_job") == 1
    audit.auditor.stop()
    assert not {Job.__init__.__code__, run_job.__code__} & {*codes}
    assert asyncio.iscoroutinefunction(run_job) is False
