"""Bindings go from process to process through a real Redis; whatever becomes of Redis, nobody waits for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.content.index import Mark
from isolation_audit.content.witness import foreign
from isolation_audit.foundation.own_threads import own_threads
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.shared_bindings import SharedBindings
from isolation_audit.model.users import STRANGER, Kind, Users, same
from isolation_audit.stores.redis_stream import QUEUE, RedisStream
from redis_server import free_port, redis_server, wait_for

pytestmark = pytest.mark.server

KEY = "a key that is made for tests"


class Worker:
    """What one process has: its users, its bindings, and its end of the store."""

    def __init__(self, url, *, key=KEY, raw=False, limit=1_000, **settings):
        self.config = parse_config(
            {"bindings": {"store": url, "timeout": "500ms", **settings}, "limits": {"bindings": limit}}
        )
        self.pseudonyms = Pseudonyms(key=key, raw=raw)
        self.users = Users(digest=self.pseudonyms.digest, system=["service:*"])
        self.bindings = Bindings(["run_id"], limit=limit, age=self.config.bindings.age)
        self.barrier = Barrier()
        self.notices = []
        self.conflicts = []
        self.elsewhere = SharedBindings(
            self.users,
            self.bindings,
            self.pseudonyms,
            lambda elsewhere: RedisStream(
                self.config, self.pseudonyms, elsewhere.hear, self.barrier, self.notices.append
            ),
            lambda *conflict: self.conflicts.append(conflict),
        )

    def learn(self, identifier, user_id):
        return self.bindings.learn("run_id", identifier, self.users.token(user_id))

    def user_of(self, identifier):
        return self.bindings.user_of("run_id", identifier)

    def knows(self, identifier, user_id):
        """True where the id is bound to this user, be it by name or by digest."""
        found = self.user_of(identifier)
        return found is not None and same(found, self.users.token(user_id))

    @property
    def counts(self):
        return self.elsewhere.counts


@contextmanager
def workers(url, number=2, **settings):
    made = [Worker(url, **settings) for _ in range(number)]
    for one in made:
        one.elsewhere.start()
    try:
        yield made
    finally:
        for one in made:
            one.elsewhere.close()
            assert one.barrier.total == 0


def test_what_one_learns_the_other_knows_under_a_pseudonym(redis):
    with workers(redis.url) as (one, two):
        one.learn("run-1", "alice")
        stranger = wait_for(lambda: two.user_of("run-1"), "the binding")
        alice, bob = two.users.token("alice"), two.users.token("bob")
        assert same(stranger, alice)
        assert same(alice, stranger)
        assert not same(stranger, bob)
        assert two.pseudonyms.label(stranger) == one.pseudonyms.label(alice)
        assert two.users.token(stranger.id) is stranger
        stored = b"".join(
            field for _, entry in redis.client().xrange(redis.client().keys()[0]) for field in entry.values()
        )
        assert b"alice" not in stored
        assert b"run-1" not in stored
        assert one.counts == {"failures": 0, "lost": 0, "rejected": 0, "late": 0}


def test_ids_go_as_they_are_only_where_raw_ids_are_asked_for(redis):
    with workers(redis.url, raw=True) as (one, two):
        one.learn("run-0", "\ud800")
        one.learn("run-1", "alice")
        assert wait_for(lambda: two.user_of("run-1"), "the binding").id == "alice"


def test_another_key_is_another_audience(redis):
    with workers(redis.url) as (one, two), workers(redis.url, 1, key="another key that is made for tests") as (other,):
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        assert other.user_of("run-1") is None


def test_who_comes_later_knows_what_was_told_before_and_for_how_long(redis):
    with workers(redis.url, 1) as (one,):
        one.learn("run-1", "alice")
        one.learn("task", "service:cleaner")
    with workers(redis.url, 1) as (late,):
        wait_for(lambda: late.user_of("run-1"), "the snapshot")
        assert late.learn("run-1", "bob").id != "bob", "alice's run is in use: a conflict"
        assert late.user_of("task") is None, "what is a service's concerns nobody"
    assert 0 < redis.client().ttl(redis.client().keys()[0]) <= 3600


def test_what_is_too_old_is_not_taken_up_again(redis):
    with workers(redis.url, 1, age="1s") as (one,):
        one.learn("run-1", "alice")
    time.sleep(1.2)
    client = redis.client()
    assert client.keys() == [], "a store that nobody uses empties itself"
    with workers(redis.url, 1, age="1s") as (late,):
        late.learn("run-2", "alice")
        wait_for(client.keys, "the stream")
        assert late.user_of("run-1") is None


def test_an_id_that_was_asked_for_too_early_is_counted(redis):
    with workers(redis.url) as (one, two):
        assert two.user_of("run-1") is None
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        assert two.counts["late"] == 1


def test_an_id_seen_for_two_users_in_two_processes_is_told_once(redis):
    with workers(redis.url) as (one, two):
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        earlier = two.learn("run-1", "bob")
        assert two.pseudonyms.label(earlier) == two.pseudonyms.text("alice")
        wait_for(lambda: one.knows("run-1", "bob"), "the newer binding")
        assert one.conflicts == two.conflicts == [], "the one who saw it has said so"


def test_processes_that_claim_the_same_ids_at_once_agree_in_the_end(redis):
    with workers(redis.url, 3) as made:
        start = threading.Barrier(3)

        def claim(number):
            for run in range(200):
                start.wait(60)
                made[number].learn(f"run-{run}", f"user-{number}")

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        def agreed():
            whose = [[one.pseudonyms.label(one.user_of(f"run-{run}")) for run in range(200)] for one in made]
            return whose[0] == whose[1] == whose[2]

        wait_for(agreed, "them to agree")
        conflicts = [conflict for one in made for conflict in one.conflicts]
        assert conflicts, "nobody knew better, so it is noticed when the news come"
        assert all(kind == "run_id" and not same(earlier, user) for kind, earlier, user in conflicts)


def test_many_bindings_and_processes_that_race(redis):
    with workers(redis.url, 3, limit=5_000) as made:

        def learn(number):
            for run in range(1_000):
                made[number].learn(f"run-{number}-{run}", f"user-{run % 7}")

        threads = [threading.Thread(target=learn, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in made:
            for other in range(3):
                wait_for(lambda one=one, other=other: one.user_of(f"run-{other}-999"), "the last one")
                assert all(one.knows(f"run-{other}-{run}", f"user-{run % 7}") for run in range(1_000))
            assert one.counts["lost"] == one.counts["failures"] == 0


def test_bounded_in_both_places(redis):
    with workers(redis.url, limit=100) as (one, two):
        for run in range(3_000):
            one.learn(f"run-{run}", "alice")
        wait_for(lambda: two.user_of("run-2999"), "the last one")
        assert two.bindings.evicted > 0
        assert one.bindings.evicted == 2_900
        assert len(two.elsewhere._heard) <= 100
        assert [len(ids) for ids in one.elsewhere._ours.values()] == [pytest.approx(100, abs=2)]
        assert redis.client().xlen(redis.client().keys()[0]) < 1_000


def test_redis_is_killed_and_comes_back(redis):
    with workers(redis.url) as (one, two):
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        redis.kill()
        for run in range(1_000):
            one.learn(f"down-{run}", "alice")
        assert two.user_of("run-1") is not None
        assert two.user_of("down-1") is None
        wait_for(lambda: one.counts["failures"] and two.counts["failures"], "the failures")
        redis.start()
        wait_for(lambda: two.knows("down-999", "alice"), "what was learned meanwhile")
        assert one.counts["lost"] == 0
        assert len(one.notices) == len(two.notices) == 1
        assert f"redis://127.0.0.1:{redis.port}/0" in one.notices[0]


def test_redis_hangs(redis):
    with workers(redis.url) as (one, two):
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        with redis.hanging():
            # Comes to an end while the server answers nothing: nobody waits for it.
            for run in range(QUEUE + 2_000):
                one.learn(f"run-{run}", "alice")
            wait_for(lambda: one.counts["failures"], "a timeout")
            assert one.counts["lost"] > 0, "the queue is bounded, and what it gives up is counted"
        wait_for(lambda: two.knows(f"run-{QUEUE + 1_999}", "alice"), "the newest ones")


def test_the_end_is_bounded_while_redis_hangs(redis):
    worker = Worker(redis.url)
    worker.elsewhere.start()
    worker.learn("run-1", "alice")
    wait_for(lambda: redis.client().keys(), "the first binding")
    with redis.hanging():
        worker.learn("run-2", "alice")
        worker.elsewhere.close()  # comes back while the server still hangs
    assert worker.counts["lost"] == 1


def test_nobody_listens_at_the_start():
    port = free_port()
    with workers(f"redis://planted:Password8Zq@127.0.0.1:{port}/3?health_check_interval=0", 1) as (one,):
        one.learn("run-1", "alice")
        wait_for(lambda: one.counts["failures"] > 2, "further attempts")
        assert one.knows("run-1", "alice")
        (notice,) = one.notices
        assert f"redis://127.0.0.1:{port}/3" in notice
        assert "planted" not in notice
        assert "Password8Zq" not in notice
        assert "Password8Zq" not in repr(one.config)


def test_a_wrong_password(tmp_path):
    with redis_server(tmp_path, "--requirepass", "right") as server:
        wrong = server.url.replace("redis://", "redis://:Wrong8Zq@")
        with workers(wrong, 1) as (one,):
            one.learn("run-1", "alice")
            wait_for(lambda: one.counts["failures"] > 2, "further attempts")
            assert one.knows("run-1", "alice")
            assert "Wrong8Zq" not in one.notices[0]
        assert one.counts["lost"] == 1
        with workers(server.url.replace("redis://", "redis://:right@")) as (one, two):
            one.learn("run-1", "alice")
            wait_for(lambda: two.knows("run-1", "alice"), "the binding")


def test_foreign_entries_are_counted_and_nothing_else(redis):
    with workers(redis.url) as (one, two):
        one.learn("run-1", "alice")
        wait_for(lambda: two.user_of("run-1"), "the binding")
        client = redis.client()
        stream = client.keys()[0]
        junk = [
            {"x": "y"},
            {"id": "short", "user": "f" * 32, "conflict": "0"},
            {"id": "f" * 32, "user": b"\xff\xfe", "conflict": "0"},
            {"id": b"\xff", "user": "f" * 32, "conflict": "0"},
            {"id": "f" * 32, "user": "alice", "conflict": "0"},
            {"id": "f" * 32, "user": "f" * 32},
            {"id": "f" * 1_000_000, "user": "f" * 32, "conflict": "0"},
        ]
        for entry in junk:
            client.xadd(stream, entry)
        one.learn("run-2", "alice")
        wait_for(lambda: two.knows("run-2", "alice"), "what came after the junk")
        assert two.counts["rejected"] == len(junk)
        assert two.counts["failures"] == 0


def test_a_key_of_another_type_in_the_way(redis):
    client = redis.client()
    with workers(redis.url, 1) as (one,):
        one.learn("run-1", "alice")
        stream = wait_for(client.keys, "the stream")[0]
    client.delete(stream)
    client.set(stream, "not a stream")
    with workers(redis.url) as (one, two):
        one.learn("run-2", "alice")
        wait_for(lambda: one.counts["failures"] and two.counts["failures"], "the failures")
        assert "WRONGTYPE" in one.notices[0]
        client.delete(stream)
        wait_for(lambda: two.knows("run-2", "alice"), "the binding")


def test_a_full_redis_refuses_and_takes_again(redis):
    client = redis.client()
    with workers(redis.url) as (one, two):
        client.config_set("maxmemory", "1")
        one.learn("run-1", "alice")
        wait_for(lambda: one.counts["failures"], "the refusal")
        client.config_set("maxmemory", "0")
        wait_for(lambda: two.knows("run-1", "alice"), "the binding")


_FORKING = """
import json, os, sys, time
import isolation_audit
from isolation_audit import user_scope

auditor = isolation_audit.instrument(sys.argv[1])
with user_scope("alice", run_id="parent"):
    pass

def known(run, user):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = auditor.runtime.bindings.user_of("run_id", run)
        if found is not None:
            return auditor.pseudonyms.label(found) == auditor.pseudonyms.text(user)
        time.sleep(0.02)
    return False

child = os.fork()
if child == 0:
    with user_scope("bob", run_id="child"):
        pass
    fine = known("sibling", "carol") and known("parent", "alice")
    isolation_audit.uninstrument()
    os._exit(0 if fine else 1)
with user_scope("carol", run_id="sibling"):
    pass
fine = known("child", "bob")
_, status = os.waitpid(child, 0)
print(json.dumps({"parent": fine, "child": os.waitstatus_to_exitcode(status), **auditor.snapshot()["summary"]}))
"""


def test_parent_and_forked_child_share(redis, tmp_path):
    config = tmp_path / "isolation-audit.toml"
    config.write_text(
        f'[identity]\nbind = {{ run_id = "run_id" }}\n[bindings]\nstore = "{redis.url}"\n[report]\nterminal = false\n'
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORKING, str(config)],
        env={**os.environ, "ISOLATION_AUDIT_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["parent"], told["child"]) == (True, 0)
    assert told["bindings_store"] == {"failures": 0, "lost": 0, "rejected": 0, "late": 1}
    assert told["faults"] == 0
    assert done.stderr == ""


def test_what_two_processes_contradict_is_a_finding_without_a_place(redis, monkeypatch):
    monkeypatch.setenv("ISOLATION_AUDIT_KEY", KEY)
    with Auditor(parse_config({"bindings": {"store": redis.url}})) as auditor, workers(redis.url, 1) as (other,):
        with redis.hanging():
            other.learn("run-1", "bob")
            with user_scope("alice", run_id="run-1"):
                pass
        wait_for(auditor.recorder.entries, "the contradiction")
    label = other.pseudonyms.text
    for entry in auditor.recorder.entries():
        finding = entry.as_dict()
        assert (finding["rule"], finding["site"]) == ("IA207", None)
        assert (finding["witnesses"]["owner"], finding["witnesses"]["addressee"]) == (label("alice"), label("bob"))


def test_no_kind_of_principal_is_read_into_a_digest():
    users = Users(placeholders=["[!a]*"], system=["?stranger*"], digest=Pseudonyms(key=KEY).digest)
    stranger = users.token(STRANGER + Pseudonyms(key=KEY).digest("alice"))
    assert stranger.kind is Kind.USER
    assert same(stranger, users.token("alice"))
    assert foreign([Mark(users.token("alice"))], [stranger]) is None
    assert foreign([Mark(users.token("alice"))], [users.token("arthur")]) is not None


def test_a_process_without_a_key_is_told_so(redis, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("ISOLATION_AUDIT_KEY", raising=False)
    Auditor(parse_config({"bindings": {"store": redis.url}}))
    assert "ISOLATION_AUDIT_KEY" in capsys.readouterr().err
    monkeypatch.setenv("ISOLATION_AUDIT_KEY", KEY)
    with Auditor(parse_config({"bindings": {"store": redis.url}})) as auditor:
        assert auditor.snapshot()["summary"]["bindings_store"]["failures"] == 0
    assert capsys.readouterr().err == ""
    with auditor:
        pass
    wait_for(lambda: not own_threads(), "the threads to end")


_CONNECTING = """
import sys
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit import user_scope
import time

auditor = Auditor(parse_config({"bindings": {"store": sys.argv[1], "timeout": "300ms"}}))
with auditor:
    before = set(sys.modules)
    with user_scope("alice", run_id="run-1"):
        pass
    time.sleep(0.7)
print(auditor.snapshot()["summary"]["bindings_store"]["failures"] > 0, *sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("there", [True, False])
def test_the_threads_import_nothing(redis, there):
    """A fork in the middle of an import leaves the child with a module that nobody can import."""
    url = f"redis://localhost:{redis.port if there else free_port()}"
    done = subprocess.run(
        [sys.executable, "-c", _CONNECTING, url],
        env={**os.environ, "ISOLATION_AUDIT_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    assert done.stdout.split() == [str(not there)]
