"""What a job leaves behind in context variables other than the user's own, and a later job finds there."""

from __future__ import annotations

import sys

import pytest
from auditing import Audit, config

from isolation_audit.auditor import Auditor
from isolation_audit.rules.context.context_residue import ContextResidue

POOL = """
tenant = ContextVar("tenant", default=None)
seen = []

def job(user, signs_in):
    current_user.set(user)
    {begin}
    {read}

def work(user, signs_in):
    {job}

def main():
    with ThreadPoolExecutor(1) as pool:
        for one in (("alice", True), ("bob", False), ("alice", False), ("bob", False)):
            pool.submit(work, *one).result()
    return seen
"""

SET = 'if signs_in: tenant.set({"schema": f"rows_of_{user}"})'
READ = "seen.append(tenant.get())"
LEAK = [("IA503", "bob", "alice", READ)]


def program(begin: str = SET, read: str = READ, job: str = "job(user, signs_in)") -> str:
    return POOL.replace("{begin}", begin).replace("{read}", read).replace("{job}", job)


def test_what_was_set_for_alice_is_read_for_bob(outcome_of) -> None:
    outcome = outcome_of(program())
    assert outcome.result == [{"schema": "rows_of_alice"}] * 4
    assert outcome.found == LEAK
    assert [entry.count for entry in outcome.auditor.recorder.entries() if entry.finding.rule == "IA503"] == [2]


@pytest.mark.parametrize(
    "begin",
    [
        'if signs_in: tenant.set("rows_of_" + user)',
        'if signs_in: tenant.set([("rows of", user)])',
        "if signs_in: account = threading.Event(); account.of = {'user': user}; tenant.set(account)",
    ],
)
def test_values_of_many_kinds(outcome_of, begin: str) -> None:
    assert outcome_of(program(begin)).found == LEAK


@pytest.mark.parametrize("value", ['{"plan": "annual"}', '["Joanna", "channel", "ann2"]', '"planning"'])
def test_a_short_id_inside_of_a_word_names_nobody(outcome_of, value: str) -> None:
    source = program(f"if signs_in: tenant.set({value})").replace('"alice"', '"ann"')
    assert outcome_of(source).found == []


@pytest.mark.parametrize("value", ['{"plan": "annual", "of": user}', '"annual plan of " + user', '"rows_of_" + user'])
def test_the_same_id_as_a_whole_names_its_user(outcome_of, value: str) -> None:
    source = program(f"if signs_in: tenant.set({value})").replace('"alice"', '"ann"')
    assert outcome_of(source).found == [("IA503", "bob", "ann", READ)]


def test_an_id_that_begins_with_another_one_is_its_own_user_s(outcome_of) -> None:
    source = program('if signs_in: tenant.set("rows of " + user)').replace('"alice"', '"bob-marley"')
    assert outcome_of(source).found == [("IA503", "bob", "bob-marley", READ)]


def test_it_is_found_too_where_it_is_read_before_the_user_is_known(outcome_of) -> None:
    source = program(read=f"{READ}; current_user.set(user)").replace("    current_user.set(user)\n", "", 1)
    assert [one[:3] for one in outcome_of(source).found] == [one[:3] for one in LEAK]


def test_a_submitter_s_user_counts_where_the_job_has_none(outcome_of) -> None:
    source = """
schema = ContextVar("schema", default=None)

def activate(name):
    schema.set(f"of_{name}")

def query():
    return schema.get()  # for bob

def request(pool, user, signs_in):
    current_user.set(user)
    if signs_in:
        pool.submit(activate, user).result()
    return pool.submit(query).result()

def main():
    with ThreadPoolExecutor(1) as pool:
        return [copy_context().run(request, pool, *one) for one in (("alice", True), ("bob", False))]
"""
    outcome = outcome_of(source)
    assert outcome.result == ["of_alice", "of_alice"]
    assert outcome.found == [("IA503", "bob", "alice", "return schema.get()  # for bob")]


def test_a_long_lived_task_keeps_what_one_item_has_set(outcome_of) -> None:
    source = """
tenant = ContextVar("tenant", default=None)

async def work(jobs, seen):
    while True:
        user, signs_in, done = await jobs.get()
        current_user.set(user)
        if signs_in:
            tenant.set(f"of {user}")
        seen.append(tenant.get())
        done.set()

async def request(jobs, user, signs_in):
    current_user.set(user)
    done = asyncio.Event()
    await jobs.put((user, signs_in, done))
    await done.wait()

async def scenario():
    jobs, seen = asyncio.Queue(), []
    worker = asyncio.create_task(work(jobs, seen))
    for one in (("alice", True), ("bob", False), ("alice", False)):
        await asyncio.create_task(request(jobs, *one))
    worker.cancel()
    return seen

def main():
    return asyncio.run(scenario())
"""
    outcome = outcome_of(source)
    assert outcome.result == ["of alice"] * 3
    assert outcome.found == [("IA503", "bob", "alice", "seen.append(tenant.get())")]


@pytest.mark.parametrize(
    ("begin", "read", "job"),
    [
        ('tenant.set(f"of {user}")', READ, "job(user, signs_in)"),
        (SET, "pass", "job(user, signs_in)"),
        ('if tenant.get() != f"of {user}": tenant.set(f"of {user}")', READ, "job(user, signs_in)"),
        ('token = tenant.set(f"of {user}")', f"{READ}; tenant.reset(token)", "job(user, signs_in)"),
        (SET, READ, "copy_context().run(job, user, signs_in)"),
        ('if tenant.get() is None: tenant.set({"jobs": 5, "theme": "green"})', READ, "job(user, signs_in)"),
        ('if signs_in: tenant.set(["alice", "bob", "carol"])', READ, "job(user, signs_in)"),
        ("if tenant.get() is None: tenant.set(threading.Event())", "tenant.get().last = user", "job(user, signs_in)"),
        ('if signs_in: current_user.set(None); tenant.set("of alice")', READ, "job(user, signs_in)"),
    ],
)
def test_what_is_no_user_s_or_set_anew_is_silent(outcome_of, begin: str, read: str, job: str) -> None:
    assert outcome_of(program(begin, read, job)).found == []


def test_what_a_job_starts_has_a_copy_and_leaves_nothing(outcome_of) -> None:
    started = (
        "thread = threading.Thread(target=copy_context().run, args=(seen.append, 5)); thread.start(); thread.join()"
    )
    assert outcome_of(program(read=started)).found == []


def test_layers_of_one_request_are_one_reader(outcome_of) -> None:
    source = """
from wsgiref.util import setup_testing_defaults
from flask import Flask, g, request

tenant = ContextVar("tenant", default=None)
app = Flask(__name__)
seen = []

@app.get("/<user>")
def page(user):
    current_user.set(user)
    if user == "alice":
        tenant.set(f"of {user}")
    seen.append(tenant.get())
    return "ok"

def main():
    client = app.test_client()
    for user in ("alice", "bob"):
        client.get("/" + user)
    return seen
"""
    outcome = outcome_of(source)
    assert outcome.result == ["of alice"] * 2
    assert outcome.found == [("IA503", "bob", "alice", "seen.append(tenant.get())")]


STRUCTLOG = """
import structlog

lines = []
structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, lambda _logger, _name, event: lines.append(event) or ""],
    logger_factory=structlog.ReturnLoggerFactory(),
)
log = structlog.get_logger()

def job(user, signs_in):
    current_user.set(user)
    {begin}
    if signs_in:
        structlog.contextvars.bind_contextvars(account=user)
    log.info("paid")  # by bob

def main():
    with ThreadPoolExecutor(1) as pool:
        for one in (("alice", True), ("bob", False), ("alice", False)):
            pool.submit(job, *one).result()
    return [line.get("account") for line in lines]
"""


def test_structlog(outcome_of) -> None:
    pytest.importorskip("structlog")
    outcome = outcome_of(STRUCTLOG.replace("{begin}", "pass"))
    assert outcome.result == ["alice"] * 3
    assert outcome.found == [("IA503", "bob", "alice", 'log.info("paid")  # by bob')]


def test_structlog_with_a_word_that_contains_an_id(outcome_of) -> None:
    pytest.importorskip("structlog")
    source = (
        STRUCTLOG.replace("{begin}", "pass").replace('"alice"', '"ann"').replace("account=user", 'account="annual"')
    )
    assert outcome_of(source).found == []


@pytest.mark.parametrize(
    "begin", ["structlog.contextvars.clear_contextvars()", "structlog.contextvars.bind_contextvars(account=user)"]
)
def test_structlog_that_is_cleared_or_bound_anew(outcome_of, begin: str) -> None:
    pytest.importorskip("structlog")
    assert outcome_of(STRUCTLOG.replace("{begin}", begin)).found == []


def test_faults_change_nothing(monkeypatch, load_app) -> None:
    def broken(*_args):
        raise RuntimeError("broken on purpose")

    for method in ("begin", "end", "touched"):
        monkeypatch.setattr(ContextResidue, method, broken)
    app = load_app("from concurrent.futures import ThreadPoolExecutor\n"
                   "from contextvars import ContextVar\nfrom auditing import current_user\n" + program())  # fmt: skip
    with Auditor(config()) as auditor:
        audit = Audit(auditor)
        assert app.main() == [{"schema": "rows_of_alice"}] * 4
    assert audit.faults
    assert sys.getprofile() is None


def test_nothing_is_kept_alive_by_what_a_job_has_started(outcome_of) -> None:
    source = """
import gc, weakref

class Thing:
    pass

held = ContextVar("held", default=None)

async def consumer(queue):
    current_user.set("alice")
    thing = Thing()
    held.set(thing)
    reference = weakref.ref(thing)
    del thing
    await queue.get()
    held.set(None)  # nobody has it any more, and the item's work goes on in another task
    return asyncio.create_task(asyncio.sleep(5)), reference

async def producer(queue):
    current_user.set("bob")
    await queue.put(["an item"])

async def scenario():
    queue = asyncio.Queue()
    await asyncio.create_task(producer(queue))
    task, reference = await asyncio.create_task(consumer(queue))
    gc.collect()
    alive = reference() is not None
    task.cancel()
    return alive

def main():
    return asyncio.run(scenario())
"""
    assert outcome_of(source).result is False
