"""Pools and threads: what an earlier job left there, and what was never taken along."""

from __future__ import annotations

import tomllib

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

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


KEPT = """
kept = []

def bring(job):
    kept.append(copy_context())
    return kept[{place}].run, job
"""


@pytest.mark.parametrize(("place", "found"), [(0, [("IA503", "alice", "bob", READ)]), (-1, [])])
def test_a_context_that_is_kept_for_all_later_jobs(outcome_of, place: int, found: list) -> None:
    source = KEPT.replace("{place}", str(place)) + pool(
        job="*bring(job), given", submitted=[("alice", None), ("bob", None)]
    )
    outcome = outcome_of(source)
    assert outcome.result == ["alice", "alice" if found else "bob"]
    assert outcome.found == found


def test_a_kept_context_in_which_the_job_sets_its_own_user(outcome_of) -> None:
    source = KEPT.replace("{place}", "0") + pool(SET, "*bring(job), given", [("alice", "alice"), ("bob", "bob")])
    assert outcome_of(source).found == []


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


FALLING_BACK = """
class Account:
    def __init__(self, user):
        self.user_id = user

class Archive:
    def __init__(self, user):
        self.account = Account(user)
        self.kept = []

    def keep(self, text):
        self.kept.append((current_user.get() or self.account.user_id, text))

def current():
    return current_user.get()

def current_or(default=None):
    return current_user.get() or default

class Rows:
    def of_current_user(self):
        return [row for row in (("alice", 1), ("bob", 2)) if current_user.get() in (None, row[0])]

def job(user, text):
    {job}

def request(pool, user):
    current_user.set(user)
    return {submit}.result()

def main():
    with ThreadPoolExecutor() as pool:
        return copy_context().run(request, pool, "user-alice")
"""


@pytest.mark.parametrize(
    ("job", "submit"),
    [
        ("return current_user.get() or user", 'pool.submit(job, user, "report")'),
        ("return current() or user", 'pool.submit(job, user, "report")'),
        ("return current_or() or user", 'pool.submit(job, user, "report")'),
        ("return current_or(user)", 'pool.submit(job, user, "report")'),
        ("return current_user.get() or user.user_id", 'pool.submit(job, Account(user), "report")'),
        ("return current_user.get() or text['by']", 'pool.submit(job, None, {"by": user})'),
        ("pass", 'pool.submit(Archive(user).keep, "report")'),
        ("pass", "pool.submit(lambda: current_user.get() or user)"),
        ("return current_user.get() or user", 'pool.submit(functools.partial(job, text="report"), user)'),
    ],
)
def test_a_job_that_has_been_told_whose_it_is_loses_nothing(outcome_of, job: str, submit: str) -> None:
    source = "import functools\n" + FALLING_BACK.replace("{job}", job).replace("{submit}", submit)
    assert outcome_of(source).found == []


@pytest.mark.parametrize(
    ("job", "submit"),
    [
        ("return current()", 'pool.submit(job, None, "report")'),
        ("return current()", 'pool.submit(job, None, "a report of user-alice")'),
        ("return Rows().of_current_user()", 'pool.submit(job, None, "report")'),
        # What asks has been told of nobody, whatever its callers know.
        ("return helper(text)", 'pool.submit(job, user, "report")'),
    ],
)
def test_a_job_that_goes_on_as_nobody(outcome_of, job: str, submit: str) -> None:
    helpers = "\ndef helper(text):\n    return deeper(text)\n\ndef deeper(text):\n    return text, current()\n"
    outcome = outcome_of(FALLING_BACK.replace("{job}", job).replace("{submit}", submit) + helpers)
    assert [one[:3] for one in outcome.found] == [("IA504", None, "user-alice")]


def test_a_job_of_a_request_whose_context_never_had_a_user_loses_none(load_app) -> None:
    """Who the request is for is known from its headers alone: the job finds what the request would have found."""
    source = """
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from wsgiref.util import setup_testing_defaults
from flask import Flask

current_user = ContextVar("current_user", default=None)
pool = ThreadPoolExecutor(1)
app = Flask(__name__)

@app.get("/")
def page():
    return str(pool.submit(current_user.get).result()) + str(pool.submit(job).result())

def job():
    return current_user.get()

def main():
    with pool:
        return app.test_client().get("/", headers={"X-User": "alice.liddell"}).text
"""
    app = load_app(source)
    text = f'[ambient]\ncontextvar = "{app.__name__}:current_user"\n[identity]\ndetect = ["headers"]\n'
    with Auditor(parse_config(tomllib.loads(text))) as auditor:
        assert app.main() == "NoneNone"
        assert auditor.runtime.tally.requests_named == 1
    assert auditor.runtime.barrier.counts == {}
    assert [entry.finding.rule for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"] == []


CONSUMER = """
class Outbox:
    def __init__(self):
        self.letters, self.worker, self.sent = queue.Queue(), None, []

    def send(self, text):
        if self.worker is None:
            self.worker = threading.Thread(target=self.work)
            self.worker.start()
        self.letters.put(text)

    def work(self):
        {before}
        for text in iter(self.letters.get, None):
            self.sent.append((current_user.get(), text))

def main():
    outbox = Outbox()
    for user in ("alice", "bob"):
        copy_context().run(lambda: (current_user.set(user), outbox.send("letter of " + user)))
    outbox.send(None)
    outbox.worker.join()
    return outbox.sent
"""


def test_a_thread_that_takes_what_anybody_queues_is_nobody_s(outcome_of) -> None:
    """That alice's request has started it does not make it hers: she loses nothing."""
    outcome = outcome_of(CONSUMER.replace("{before}", "pass"))
    assert outcome.result == [(None, "letter of alice"), (None, "letter of bob")]
    assert outcome.found == []


def test_what_such_a_thread_asks_before_is_asked_for_whoever_has_started_it(outcome_of) -> None:
    outcome = outcome_of(CONSUMER.replace("{before}", "self.sent.append(current_user.get())"))
    assert outcome.found == [("IA504", None, "alice", "self.sent.append(current_user.get())")]
