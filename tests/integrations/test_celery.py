"""Celery's workers as processes: whose user a task finds in the worker, and whose task it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from doors import clean_environment
from isolation_audit.model.pseudonyms import Pseudonyms

pytest.importorskip("celery")

WORKERS = Path(__file__).with_name("workers")
SOURCE = (WORKERS / "jobs.py").read_text().splitlines()


@pytest.fixture
def redis(tmp_path):
    """A running Redis; see ``redis_server.RedisServer``."""
    from redis_server import redis_server, skip_before_redis_py_5_3

    skip_before_redis_py_5_3("today's kombu does not work with redis-py before 5.3")
    with redis_server(tmp_path) as server:
        yield server


def publish(scenario, folder, *words, broker="", config="", audited=True, **environment):
    """What came back, and (ambient user, owner, line of code, times) of each finding."""
    (folder / "isolation-audit.toml").write_text(f'[ambient]\ncontextvar = "jobs:current_user"\n{config}')
    audit = ["-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--"] if audited else []
    done = subprocess.run(
        [sys.executable, *audit, str(WORKERS / "publish.py"), scenario, *words],
        cwd=folder,
        env=clean_environment(
            PYTHONPATH=str(WORKERS),
            PYTHONWARNINGS="ignore",
            JOBS_FOLDER=str(folder),
            JOBS_BROKER=broker or "filesystem://",
            JOBS_BACKEND=broker or (folder / "results").as_uri(),
            **environment,
        ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers, worker = json.loads(done.stdout.splitlines()[-1])
    if not audited:
        return SimpleNamespace(answers=answers, worker=worker)
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["summary"]["faults"] == 0, done.stderr
    found = [
        (
            one["rule"],
            one["witnesses"]["ambient"],
            one["witnesses"]["owner"],
            SOURCE[one["site"]["line"] - 1].strip() if one["site"] else None,
            one["count"],
        )
        for one in report["findings"]
        if one["severity"] != "note"
    ]
    return SimpleNamespace(answers=answers, worker=worker, found=found, report=report, err=done.stderr)


def shared(redis):
    """The broker, the results, and what the processes know of ids in one Redis."""
    return {"broker": redis.url, "config": f'[bindings]\nstore = "{redis.url}"\n'}


READ = "user = current_user.get()"


def test_a_worker_that_knows_nobody_finds_the_user_of_an_earlier_task(tmp_path):
    run = publish("left", tmp_path, "--pool", "threads")
    assert run.answers == ["alice"] * 5
    assert run.found == [("IA503", "alice", None, READ, 4)]


@pytest.mark.server
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_with_a_shared_store_the_publisher_is_named_and_ones_own_user_is_silent(tmp_path, redis, pool):
    run = publish("left", tmp_path, "--pool", pool, **shared(redis))
    assert run.answers == ["alice"] * 5
    assert run.found == [("IA503", "alice", "bob", READ, 3)]


HEADS = {"config": "[baggage]\nmessages = true\naccept = true\n", "ISOLATION_AUDIT_KEY": "a key that is made for tests"}


@pytest.mark.server
@pytest.mark.once
@pytest.mark.parametrize(("scenario", "pool"), [("left", "prefork"), ("minded", "solo")])
def test_without_a_store_the_message_s_headers_name_the_publisher(tmp_path, redis, scenario, pool):
    """Over Redis; the worker knows nobody but by the headers, and so bob by his pseudonym alone."""
    run = publish(scenario, tmp_path, "--pool", pool, broker=redis.url, **HEADS)
    if scenario == "minded":
        assert run.found == []
        return
    assert run.answers == ["alice"] * 5
    bob = "user-" + Pseudonyms(key=HEADS["ISOLATION_AUDIT_KEY"]).hash("bob")
    assert run.found == [("IA503", "alice", bob, READ, 3)]


@pytest.mark.server
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_tasks_that_mind_their_user_are_silent_however_they_end(tmp_path, redis, pool):
    run = publish("minded", tmp_path, "--pool", pool, **shared(redis))
    alice = [[None, "alice"], "alice", "nothing asked", *ends("alice", pool)]
    bob = [["alice", "bob"], "bob", "nothing asked", *ends("bob", pool)]
    assert run.answers == [*alice, *bob, ["TaskRevokedError", "revoked"]]
    assert run.found == []


@pytest.mark.server
def test_what_was_found_in_a_process_that_a_time_limit_kills_is_told(tmp_path, redis):
    """Also what was found in the task that never came to its end; the next process knows nothing of alice."""
    run = publish("killed", tmp_path, "--pool", "prefork", **shared(redis))
    assert run.answers == ["alice", "alice", ["TimeLimitExceeded", "2"], None]
    assert run.found == [("IA503", "alice", "bob", READ, 1), ("IA503", "alice", "bob", "current_user.get()", 1)]


@pytest.mark.server
def test_tasks_that_mind_their_user_and_are_killed_are_silent(tmp_path, redis):
    run = publish("killed_and_minded", tmp_path, "--pool", "prefork", **shared(redis))
    killed = ["TimeLimitExceeded", "2"]
    assert run.answers == [
        *([None, "alice"], killed, "nothing asked", None),
        *([None, "bob"], killed, "nothing asked", None),
    ]
    assert run.found == []


@pytest.mark.server
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_tasks_that_a_clock_starts_are_nobodys_and_silent(tmp_path, redis, pool):
    run = publish("patrolled", tmp_path, *beat(tmp_path, pool), JOBS_BEAT="jobs.patrol", **shared(redis))
    pairs = [[None, "alice"], [None, "bob"], [None, "alice"]]
    assert run.answers == [answer for pair in pairs for answer in (pair, "nothing asked")]
    assert set((tmp_path / "patrols").read_text().split()) == {"None"}
    assert run.found == []


@pytest.mark.server
def test_a_task_that_a_clock_starts_finds_the_user_of_an_earlier_task(tmp_path, redis):
    run = publish("patrolled_after", tmp_path, *beat(tmp_path, "prefork"), JOBS_BEAT="jobs.patrol", **shared(redis))
    assert "alice" in (tmp_path / "patrols").read_text().split()
    ((rule, ambient, owner, line, _count),) = run.found
    assert (rule, ambient, owner, line) == ("IA503", "alice", None, r'trace.write(f"{current_user.get()}\n")')


def beat(folder, pool):
    """A worker with Celery's clock in it."""
    return "--pool", pool, "--beat", "--schedule", str(folder / "schedule")


@pytest.mark.server
def test_a_worker_of_greenlets_is_left_alone_and_ends(tmp_path, redis):
    run = publish("left", tmp_path, "--pool", "gevent", **shared(redis))
    assert run.answers == ["alice", None, None, None, None]
    assert run.worker == 0
    assert run.found == [("IA904", None, None, None, 1)]
    (finding,) = [one for one in run.report["findings"] if one["severity"] != "note"]
    assert finding["target"] == "gevent.monkey"


def ends(user, pool):
    """A chain, a group, a chord, a task that is retried, one that fails, and one that takes too long."""
    pair = [[user, user], [user, user]]
    limited = ["SoftTimeLimitExceeded"] if pool == "prefork" else []
    return [[user, user], pair, [pair, user], [user, 2], ["LookupError", user], *limited]
