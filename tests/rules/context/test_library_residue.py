"""OpenTelemetry's context: attached in a pool's thread, or in a long-lived task, and never detached."""

from __future__ import annotations

import pytest

pytest.importorskip("opentelemetry.sdk.trace")

POOL = """
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider

tracer = TracerProvider().get_tracer("app")

def job(user, signs_in):
    current_user.set(user)
    {begin}
    return baggage.get_baggage("user.id")

def work(user, signs_in):
    {job}

def main():
    with ThreadPoolExecutor(1) as pool:
        return [pool.submit(work, *one).result() for one in (("alice", True), ("bob", False), ("alice", False))]
"""

ATTACH = 'if signs_in: context.attach(baggage.set_baggage("user.id", user))'
READ = 'return baggage.get_baggage("user.id")'


def program(begin: str, job: str = "return job(user, signs_in)") -> str:
    return POOL.replace("{begin}", begin).replace("{job}", job)


def test_what_was_attached_for_alice_is_current_for_bob(outcome_of) -> None:
    outcome = outcome_of(program(ATTACH))
    assert outcome.result == ["alice", "alice", "alice"]
    assert outcome.found == [("IA503", "bob", "alice", READ)]


def test_it_is_found_too_where_it_is_read_before_the_user_is_known(outcome_of) -> None:
    known_late = "found = baggage.get_baggage('user.id'); current_user.set(user); return found"
    source = program(ATTACH).replace("    current_user.set(user)\n", "", 1).replace(READ, known_late)
    outcome = outcome_of(source)
    assert [finding[:3] for finding in outcome.found] == [("IA503", "bob", "alice")]


@pytest.mark.parametrize(
    ("begin", "job"),
    [
        ("pass", "return job(user, signs_in)"),
        # Each job attaches its own, whatever is there; what is left is never looked at.
        ('context.attach(baggage.set_baggage("user.id", user, context.Context()))', "return job(user, signs_in)"),
        (ATTACH, "return copy_context().run(job, user, signs_in)"),
        ("pass", "token = context.attach(OWN); got = job(user, False); context.detach(token); return got"),
    ],
)
def test_contexts_that_are_not_left_behind(outcome_of, begin: str, job: str) -> None:
    job = job.replace("OWN", "baggage.set_baggage('user.id', user)")
    assert outcome_of(program(begin, job)).found == []


def test_spans_in_jobs_are_silent(outcome_of) -> None:
    spans = "with tracer.start_as_current_span('job'): return job(user, signs_in)"
    outcome = outcome_of(program("with tracer.start_as_current_span('inner'): pass", spans))
    assert outcome.found == []


def test_a_long_lived_task_keeps_what_one_item_has_attached(outcome_of) -> None:
    source = """
from opentelemetry import baggage, context

async def work(jobs, seen):
    while True:
        user, signs_in = await jobs.get()
        current_user.set(user)
        if signs_in:
            context.attach(baggage.set_baggage("user.id", user))
        seen.append(baggage.get_baggage("user.id"))
        jobs.task_done()

async def serve():
    jobs, seen = asyncio.Queue(), []
    worker = asyncio.create_task(work(jobs, seen))
    for one in (("alice", True), ("alice", False), ("bob", False)):
        jobs.put_nowait(one)
    await jobs.join()
    worker.cancel()
    return seen

def main():
    return asyncio.run(serve())
"""
    outcome = outcome_of(source)
    assert outcome.result == ["alice", "alice", "alice"]
    assert outcome.found == [("IA503", "bob", "alice", 'seen.append(baggage.get_baggage("user.id"))')]
