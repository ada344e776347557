"""Celery's tasks in one process: publishing, running, and what is bound to whom."""

from __future__ import annotations

import pytest

pytest.importorskip("celery")

CELERY = """
from celery import Celery
from celery.app.trace import trace_task

app = Celery("app", broker="memory://", backend="cache+memory://", set_as_current=False)
binding = None

@app.task(name="job", shared=False)
def job(user=None):
    if user: current_user.set(user)
    seen = current_user.get()
    if binding: binding()
    return seen

@app.task(name="parent", shared=False)
def parent(user=None):
    if user: current_user.set(user)
    return job.delay().id

def as_user(user, call, *args, **kwargs):
    def inside():
        current_user.set(user)
        return call(*args, **kwargs)
    return copy_context().run(inside)

def elsewhere(user, identifier):
    # Another process, as it were: nothing of this context is there.
    def publish():
        current_user.set(user)
        job.apply_async(task_id=identifier)
    thread = threading.Thread(target=publish)
    thread.start()
    thread.join()

def work(identifier, *args, task=job):
    return trace_task(task, identifier, args, {}, {"id": identifier, "delivery_info": {}}, app=app).retval

def main():
"""
ID = "00000000-0000-4000-8000-000000000001"
READ = "seen = current_user.get()"


def program(main: str) -> str:
    return CELERY + main


def users_of(outcome) -> dict[str, str]:
    """Task id -> publisher."""
    table = outcome.auditor.runtime.bindings._tables.get("celery_task_id", {})
    return {identifier: binding.user.id for identifier, binding in table.items()}


def test_both_users_are_named(outcome_of) -> None:
    source = program("""
    alice, bob = as_user("alice", job.delay).id, as_user("bob", job.delay).id
    return [work(alice, "alice"), work(bob), work(alice)]
""")
    outcome = outcome_of(source)
    assert outcome.found == [("IA503", "alice", "bob", READ)]


def test_a_task_of_nobody(outcome_of) -> None:
    source = program("""
    nobodys = job.delay().id
    return [work(as_user("alice", job.delay).id, "alice"), work(nobodys)]
""")
    outcome = outcome_of(source)
    assert outcome.found == [("IA503", "alice", None, READ)]


@pytest.mark.parametrize(("publisher", "found"), [("alice", []), ("bob", [("IA503", "alice", "bob", READ)])])
def test_a_binding_that_arrives_after_its_task(outcome_of, publisher: str, found: list) -> None:
    source = program(f"""
    global binding
    work(as_user("alice", job.delay).id, "alice")
    binding = lambda: elsewhere({publisher!r}, {ID!r})
    return work({ID!r})
""")
    outcome = outcome_of(source)
    assert outcome.result == "alice"
    assert outcome.found == found


def test_a_task_that_looks_and_then_sets_its_user_is_silent_also_when_its_binding_is_late(outcome_of) -> None:
    source = program(f"""
    def late():
        elsewhere("bob", {ID!r})
        current_user.set("bob")
    global binding
    work(as_user("alice", job.delay).id, "alice")
    binding = late
    return work({ID!r})
""")
    outcome = outcome_of(source)
    assert users_of(outcome)[ID] == "bob"
    assert outcome.found == []


def test_a_user_of_the_worker_itself_is_silent(outcome_of) -> None:
    source = program("""
    current_user.set("worker")
    return [work(as_user(user, job.delay).id) for user in ("alice", "bob")]
""")
    outcome = outcome_of(source)
    assert outcome.result == ["worker", "worker"]
    assert outcome.found == []


def test_tasks_that_set_their_user_are_silent(outcome_of) -> None:
    source = program("""
    return [work(as_user(user, job.delay).id, user) for user in ("alice", "bob", "alice", "alice")]
""")
    assert outcome_of(source).found == []


@pytest.mark.parametrize(
    ("published", "given", "expected"),
    [("bob", "", "bob"), ("bob", '"carol", ', "carol"), (None, "", None), (None, '"carol", ', "carol")],
)
def test_what_a_task_publishes_is_never_whose_user_was_left_there(outcome_of, published, given, expected) -> None:
    source = program(f"""
    work(as_user("alice", job.delay).id, "alice")
    return work(as_user({published!r}, parent.delay).id, {given}task=parent)
""")
    outcome = outcome_of(source)
    assert users_of(outcome).get(outcome.result) == expected


def test_a_retry_is_still_the_first_publishers(outcome_of) -> None:
    source = program(f"""
    for user in ("alice", "bob"):
        as_user(user, job.apply_async, task_id={ID!r})
""")
    outcome = outcome_of(source)
    assert users_of(outcome) == {ID: "alice"}
    assert outcome.found == []


def test_ids_that_the_application_made_are_nobodys(outcome_of) -> None:
    source = program("""
    for user in ("alice", "bob"):
        as_user(user, job.apply_async, task_id="nightly")
""")
    outcome = outcome_of(source)
    assert users_of(outcome) == {}
    assert outcome.found == []


@pytest.mark.parametrize("call", ["job.delay().get()", "job.apply().get()", "job()"])
def test_what_runs_inside_of_its_caller_is_the_callers(outcome_of, call: str) -> None:
    source = program(f"""
    app.conf.task_always_eager = True
    work(as_user("alice", job.delay).id, "alice")
    return {call}
""")
    outcome = outcome_of(source)
    assert outcome.result == "alice"
    assert outcome.found == []
    assert users_of(outcome) == {}


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_message_is_the_same_with_and_without_the_auditor(outcome_of, load_app, protocol: int) -> None:
    source = program(f"""
    app.conf.task_protocol = {protocol}
    as_user("alice", job.apply_async, ("bob",), task_id={ID!r}, headers={{"mine": 1}}, queue="mine")
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("mine", no_ack=True)
    drop = ("delivery_tag", "reply_to")
    properties = {{key: value for key, value in message.properties.items() if key not in drop}}
    return message.headers, message.body, properties
""")
    from auditing import HEAD

    bare = load_app(HEAD + source).main()
    outcome = outcome_of(source)
    assert outcome.result == bare
    assert users_of(outcome) == {ID: "alice"}


def test_a_task_id_in_a_payload_gives_nobody_away(outcome_of) -> None:
    source = program("""
    return as_user("alice", job.delay).id
""")
    outcome = outcome_of(source)
    assert users_of(outcome) == {outcome.result: "alice"}
    marks, _complete = outcome.auditor.runtime.content.marks({"task": outcome.result})
    assert marks == []


@pytest.mark.parametrize("raised", ["KeyError('x')", "SystemExit(3)"])
def test_whatever_a_task_raises_goes_on_and_the_next_one_begins_anew(outcome_of, raised: str) -> None:
    source = program(f"""
    def raising():
        raise {raised}
    global binding
    binding = raising
    try:
        first = work(as_user("alice", job.delay).id, "alice")
    except SystemExit as error:
        first = error
    binding = None
    return repr(first), work(as_user("bob", job.delay).id)
""")
    outcome = outcome_of(source)
    assert raised.replace("'", "") in str(outcome.result[0]).replace("'", "")
    assert outcome.result[1] == "alice"
    assert outcome.found == [("IA503", "alice", "bob", READ)]
