"""Pools and threads: what an earlier job left there, and what was never taken along."""

from __future__ import annotations

import pytest

POOL = """
def job(user=None):
    {begin}
    return current_user.get()

def submit(pool, user, given):
    current_user.set(user)
    return pool.submit({job}).result()

def main():
    with ThreadPoolExecutor(1) as pool:
        return [copy_context().run(submit, pool, *one) for one in {submitted}]
"""


def pool(begin: str = "pass", job: str = "job, given", submitted: object = (("alice", "alice"), ("bob", None))) -> str:
    return POOL.replace("{begin}", begin).replace("{job}", job).replace("{submitted}", repr(submitted))


SET = "if user: current_user.set(user)"
READ = "return current_user.get()"


def test_the_user_of_an_earlier_job_is_still_there(outcome_of) -> None:
    outcome = outcome_of(pool(SET))
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == [("IA503", "alice", "bob", READ)]


def test_a_job_of_nobody_runs_as_the_user_of_an_earlier_job(outcome_of) -> None:
    outcome = outcome_of(pool(SET, submitted=[(None, "alice"), (None, None)]))
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == [("IA503", "alice", None, READ)]


def test_a_pool_whose_threads_were_made_for_one_user(outcome_of) -> None:
    source = pool().replace(
        "ThreadPoolExecutor(1)", "ThreadPoolExecutor(1, initializer=current_user.set, initargs=('alice',))"
    )
    outcome = outcome_of(source)
    assert outcome.found == [("IA503", "alice", "bob", READ)]


@pytest.mark.parametrize(
    ("begin", "job", "submitted"),
    [
        (SET, "job, given", [("alice", "alice"), ("bob", "bob"), ("alice", "alice"), ("alice", "alice")]),
        # The same user again, set anew: the variable's value does not even change.
        (SET, "job, given", [(None, "alice"), (None, "alice"), (None, "bob")]),
        ("pass", "copy_context().run, job", [("alice", None), ("bob", None)]),
        # Looks first, and then sets its own.
        ("if current_user.get() != user: current_user.set(user)", "job, given", [("alice", "alice"), ("bob", "bob")]),
    ],
)
def test_jobs_that_mind_their_context_are_silent(outcome_of, begin: str, job: str, submitted: list) -> None:
    outcome = outcome_of(pool(begin, job, submitted))
    assert outcome.result == [given or user for user, given in submitted]
    assert outcome.found == []


def test_what_asks_for_nobody_is_silent(outcome_of) -> None:
    source = pool(SET).replace("    return current_user.get()\n", "    return 1\n")
    assert outcome_of(source).found == []


def test_a_job_that_was_not_given_its_submitter(outcome_of) -> None:
    outcome = outcome_of(pool(submitted=[("alice", None)]))
    assert outcome.result == [None]
    assert outcome.found == [("IA504", None, "alice", READ)]


def test_run_in_executor_and_to_thread(outcome_of) -> None:
    source = """
def job():
    return current_user.get()

async def request():
    current_user.set("alice")
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(job), await loop.run_in_executor(None, job)

def main():
    return asyncio.run(request())
"""
    outcome = outcome_of(source)
    assert outcome.result == ("alice", None)
    assert outcome.found == [("IA504", None, "alice", READ)]


def test_a_thread_that_was_not_given_its_starter(outcome_of) -> None:
    source = """
def work(seen):
    seen.append(current_user.get())

def main():
    current_user.set("alice")
    seen = []
    for target, arguments in ((work, (seen,)), (copy_context().run, (work, seen)), (print, ())):
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        thread.join()
    return seen
"""
    outcome = outcome_of(source)
    assert outcome.result == [None, "alice"]
    assert outcome.found == [("IA504", None, "alice", "seen.append(current_user.get())")]


def test_a_profiler_of_the_application_stays_where_it_is(outcome_of) -> None:
    source = pool(SET).replace(
        "def job(user=None):", "def job(user=None):\n    import sys\n    sys.setprofile(profiler)"
    )
    source += "\ncalls = []\ndef profiler(frame, event, arg):\n    calls.append(event)\n"
    outcome = outcome_of(source)
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == [], "unknown, as long as somebody else profiles the thread"


def test_an_application_that_profiles_itself_sees_nothing_of_ours(outcome_of) -> None:
    source = """
import sys

def job():
    return sys.getprofile()

def main():
    current_user.set("alice")
    with ThreadPoolExecutor(1) as pool:
        for _ in range(40):
            pool.submit(job).result()
        return pool.submit(job).result()
"""
    assert outcome_of(source).result is None, "after a number of tries nobody looks any more"


def test_objects_that_answer_to_everything_are_not_asked(outcome_of) -> None:
    source = """
from unittest.mock import Mock

def main():
    current_user.set("alice")
    job = Mock(return_value=7)
    with ThreadPoolExecutor(1) as pool:
        got = pool.submit(job).result()
    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    return got, job.call_count, sorted(job._mock_children)
"""
    outcome = outcome_of(source)
    assert outcome.result == (7, 2, [])
    assert outcome.found == []
