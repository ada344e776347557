"""Starts a real worker, publishes tasks under users, and prints what came back: ``publish.py SCENARIO WORDS...``."""

import json
import signal
import subprocess
import sys
import time
from contextvars import copy_context

import jobs
from celery.exceptions import CeleryError, TimeLimitExceeded
from celery.result import GroupResult

WAIT = 30


def as_user(user, publish):
    """What ``publish`` gives in a context of its own with this user."""

    def inside():
        jobs.current_user.set(user)
        return publish()

    return copy_context().run(inside)


def got(result):
    if isinstance(result, GroupResult):
        return result.get(timeout=WAIT)
    try:
        return result.get(timeout=WAIT)
    except (LookupError, CeleryError, TimeLimitExceeded) as error:
        return [type(error).__name__, *map(str, error.args[:1])]


def left():
    """Alice's user stays in the worker; bob, nobody and alice herself come after her.

    The second step of bob's chain is published by the worker, and bob's all the same.
    """
    yield as_user("alice", lambda: jobs.remember.delay("alice"))
    yield as_user("bob", lambda: jobs.chain(jobs.idle.si(), jobs.recall.si())())
    yield as_user("bob", lambda: jobs.recall.apply_async())
    yield as_user(None, lambda: jobs.app.send_task("jobs.recall"))
    yield as_user("alice", lambda: jobs.recall.delay())


def minded():
    """Tasks that set their user, or never ask; in all ways to publish and to end."""
    for user in ("alice", "bob"):
        yield as_user(user, lambda: jobs.tidy.delay(user))
        yield as_user(user, lambda: jobs.remember.delay(user))
        yield as_user(None, lambda: jobs.idle.delay())
        yield from as_user(user, lambda: jobs.together(user))
        yield as_user(user, lambda: jobs.stubborn.delay(user))
        yield as_user(user, lambda: jobs.broken.delay(user))
        if "prefork" in sys.argv:  # no other pool has time limits
            yield as_user(user, lambda: jobs.slow.delay(user))
    as_user("bob", lambda: jobs.refused.delay())
    revoked = as_user("bob", lambda: jobs.idle.apply_async(countdown=2))
    revoked.revoke()
    yield revoked


def killed():
    """Alice's user stays in a process; it is killed in the middle of bob's task, and another one comes."""
    yield as_user("alice", lambda: jobs.remember.delay("alice"))
    yield as_user("bob", lambda: jobs.recall.delay())
    yield as_user("bob", lambda: jobs.stuck_and_careless.delay())
    yield as_user("bob", lambda: jobs.recall.delay())


def killed_and_minded():
    """The same with tasks that set their user."""
    for user in ("alice", "bob"):
        yield as_user(user, lambda: jobs.tidy.delay(user))
        yield as_user(user, lambda: jobs.stuck.delay(user))
        yield as_user(None, lambda: jobs.idle.delay())
        yield as_user(user, lambda: jobs.recall.delay())


def patrolled():
    """A clock starts tasks between those of users, who mind their user."""
    for user in ("alice", "bob", "alice"):
        yield as_user(user, lambda: jobs.tidy.delay(user))
        yield as_user(user, lambda: jobs.idle.delay())
    wait_for_patrols()


def patrolled_after():
    """A clock starts tasks in a worker in which alice's user has stayed."""
    yield as_user("alice", lambda: jobs.remember.delay("alice"))
    wait_for_patrols()


def wait_for_patrols():
    """Until three more have been there."""
    trace = jobs.FOLDER / "patrols"
    seen = len(trace.read_text().splitlines()) if trace.exists() else 0
    end = time.monotonic() + WAIT
    while not trace.exists() or len(trace.read_text().splitlines()) < seen + 3:
        assert time.monotonic() < end, "nobody patrols"
        time.sleep(0.05)


def main():
    scenario, *words = sys.argv[1:]
    worker = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "jobs",
        "worker",
        "-c",
        "1",
        "--without-gossip",
        "--without-mingle",
        *words,
    ]
    process = subprocess.Popen([*worker, "-l", "warning"], stdout=sys.stderr)
    try:
        answers = [got(result) for result in globals()[scenario]()]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
    print(json.dumps([answers, process.returncode]))


if __name__ == "__main__":
    main()
