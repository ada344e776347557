"""What is kept of objects, ids and labels, and that none of it outgrows or outlives its bounds."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import types
from types import SimpleNamespace

import pytest

from isolation_audit.exceptions import UsageError
from isolation_audit.model.bindings import LIVE, Bindings
from isolation_audit.model.owner_records import Objects
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.tables import let_go, loaded_modules
from isolation_audit.model.users import User, Users

KEY = "a key that is made for tests"


class Thing:
    """Something to own."""


def test_a_record_belongs_to_the_object_itself():
    objects = Objects()
    thing = Thing()
    record = objects.record(thing)
    assert objects.record(thing) is objects.get(thing) is record
    assert vars(thing) == {}
    for other in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert objects.get(other) is None


def test_a_hundred_thousand_short_lives_leave_nothing_and_inherit_nothing():
    objects = Objects()
    owner = User("alice")
    reused = set()
    for _ in range(100_000):
        thing = Thing()
        assert objects.get(thing) is None
        objects.record(thing).owner = owner
        reused.add(id(thing))
        del thing
    gc.collect()
    assert len(objects) == 0
    assert len(reused) < 1_000, "identities were used again, and nothing came with them"


def test_objects_in_cycles_are_forgotten_when_they_are_collected():
    objects = Objects()
    for _ in range(100):
        thing = Thing()
        thing.me = thing
        objects.record(thing)
    del thing
    gc.collect()
    assert len(objects) == 0


def test_what_takes_no_weak_reference_has_no_record():
    class Slotted:
        __slots__ = ()

    objects = Objects()
    for value in (Slotted(), 5, "text", (), None):
        assert objects.record(value) is None
        assert objects.get(value) is None


def test_comparison_and_hash_of_objects_are_never_used():
    class Jealous:
        def refuse(self, *_):
            raise AssertionError("asked")

        __eq__ = __hash__ = __bool__ = refuse

    objects = Objects()
    thing = Jealous()
    assert objects.record(thing) is objects.get(thing)


def test_threads_that_meet_an_object_at_once_share_its_record():
    objects = Objects()
    things = [Thing() for _ in range(300)]
    barrier = threading.Barrier(8)
    found = []

    def meet():
        barrier.wait()
        found.append([objects.record(thing) for thing in things])

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is other for records in found for one, other in zip(records, found[0], strict=True))


def test_bindings_are_bounded_by_age_and_count_what_they_drop():
    users = Users()
    alice, bob = users.token("alice"), users.token("bob")
    bindings = Bindings(("run_id",), limit=3)
    for number in range(3):
        bindings.learn("run_id", f"run{number}", alice)
    bindings.learn("run_id", "run0", bob)
    bindings.learn("run_id", "run3", alice)
    bindings.learn("thread_id", "run1", bob)
    assert bindings.user_of("run_id", "run0") is bob
    assert bindings.user_of("run_id", "run1") is None
    assert bindings.user_of("thread_id", "run1") is bob
    assert (bindings.evicted, len(bindings)) == (1, 4)


def test_bindings_take_and_find_strings_only():
    class Odd(str):
        __slots__ = ()

        def __hash__(self):
            raise AssertionError("hashed")

    bindings = Bindings()
    alice = User("alice")
    for value in (None, 5, "", object(), b"x"):
        bindings.learn("run_id", value, alice)
        assert bindings.user_of("run_id", value) is None
    assert len(bindings) == 0
    bindings.learn("run_id", Odd("run"), alice)
    assert bindings.user_of("run_id", Odd("run")) is bindings.user_of("run_id", "run") is alice
    assert bindings.user_of("unheard_of", "run") is None


def test_pseudonyms_agree_by_key_and_tell_nothing_else(monkeypatch):
    alice = User("alice")
    assert (
        Pseudonyms(key=KEY).label(alice) == Pseudonyms(key=KEY).label(alice) != Pseudonyms(key=KEY[::-1]).label(alice)
    )
    assert Pseudonyms().label(alice) != Pseudonyms().label(alice)
    assert "alice" not in Pseudonyms(key=KEY).label(alice)
    assert Pseudonyms(raw=True).label(alice) == "alice"
    assert len(Pseudonyms().hash("\ud800")) == 12
    monkeypatch.setenv("ISOLATION_AUDIT_KEY", KEY)
    assert Pseudonyms().label(alice) == Pseudonyms(key=KEY).label(alice)


@pytest.mark.parametrize(
    "weak", ["", "k", "0123456789abcdef", "1" * 64, "12345678901234567890", "correct horse", "abcdefghijklmnopqrst"]
)
def test_a_key_that_can_be_guessed_is_refused(monkeypatch, weak):
    for given in ({"key": weak}, {}):
        monkeypatch.setenv("ISOLATION_AUDIT_KEY", weak)
        with pytest.raises(UsageError, match=r"too easy to guess.*token_hex") as caught:
            Pseudonyms(**given)
        assert len(weak) < 10 or weak not in str(caught.value)


@pytest.mark.parametrize(
    "strong", ["8f3c" * 4 + "0d1e2b5a" * 2, "q8Zr1LmXv5TkW0yBn7JcHs", "a sentence that nobody will guess"]
)
def test_a_key_of_128_bits_is_taken(strong):
    assert Pseudonyms(key=strong).shared


def test_a_live_id_tells_its_earlier_user_and_a_recycled_one_does_not():
    now = [0.0]
    bindings = Bindings(clock=lambda: now[0])
    alice, bob = User("alice"), User("bob")
    assert bindings.learn("connection_id", "c1", alice) is None
    assert bindings.learn("connection_id", "c1", User("alice")) is None, "another token of the same user"
    assert bindings.learn("run_id", "c1", bob) is None, "each kind of id is a table of its own"
    now[0] = LIVE - 1
    assert bindings.learn("connection_id", "c1", bob).id == "alice"
    now[0] += LIVE + 1
    assert bindings.learn("connection_id", "c1", alice) is None
    assert bindings.user_of("connection_id", "c1") is alice


def test_bindings_that_nobody_uses_go_with_age():
    now = [0.0]
    bindings = Bindings(age=10.0, clock=lambda: now[0])
    alice = User("alice")
    bindings.learn("run_id", "old", alice)
    now[0] = 11.0
    bindings.learn("run_id", "new", alice)
    assert bindings.user_of("run_id", "old") is None
    assert (len(bindings), bindings.evicted) == (1, 1)


def test_an_id_that_is_seen_again_by_many_threads_is_never_unknown_meanwhile():
    bindings = Bindings(["run_id"], limit=50)
    users = [User(f"user-{number}") for number in range(4)]
    for number, user in enumerate(users):
        bindings.learn("run_id", f"run-{number}", user)
    end = threading.Event()
    unknown = []

    def learn(number):
        while not end.is_set():
            bindings.learn("run_id", f"run-{number}", users[number])

    def look():
        for _ in range(20_000):
            unknown.extend(number for number in range(4) if bindings.user_of("run_id", f"run-{number}") is None)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=learn, args=(number,)) for number in range(4)]
    try:
        for thread in threads:
            thread.start()
        look()
    finally:
        end.set()
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
    assert unknown == []


def test_many_threads_neither_outgrow_the_bounds_nor_lose_count():
    bindings = Bindings(["run_id"], limit=100)
    faults = []

    def learn(thread):
        user = User(f"user-{thread}")
        try:
            for number in range(2_000):
                assert bindings.learn("run_id", f"{thread}-{number}", user) is None
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=learn, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert 100 <= len(bindings) <= 100 + len(threads)
    assert abs(bindings.evicted + len(bindings) - 8 * 2_000) <= 8 * 2_000 // 100


def test_ids_that_are_only_handles_are_bound_and_never_told_to_the_listener():
    told = []
    bindings = Bindings(limit=1)
    bindings.listener = SimpleNamespace(learned=lambda name, user: told.append(name), forgotten=told.append)
    bindings.handles.add("task")
    alice = User("alice")
    for kind in ("task", "run"):
        for number in "12":
            bindings.learn(kind, kind + number, alice)
    assert bindings.user_of("task", "task2") is alice
    assert bindings.evicted == 2
    assert told == ["run1", "run2", "run1"]


def test_what_came_first_is_let_go_a_hundredth_of_the_table_at_once():
    table = dict.fromkeys(range(1_001))
    assert list(let_go(table, 1_001)) == []
    assert list(let_go(table, 1_000)) == list(range(11))
    assert list(let_go(table, 1_000)) == []
    small = dict.fromkeys("abcd")
    assert (list(let_go(small, 3)), "".join(small)) == (["a"], "bcd")


@pytest.fixture
def _threads_take_turns_quickly():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_threads_take_turns_quickly")
def test_many_threads_let_each_entry_go_once():
    table, gone, faults = {}, [], []

    def fill(thread):
        try:
            for number in range(3_000):
                table[thread, number] = None
                gone.extend(let_go(table, 500))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(table) <= 500
    assert len(gone) == len(set(gone)) == 6 * 3_000 - len(table)


def test_all_modules_are_given_while_a_garbage_collection_lets_others_be_imported(monkeypatch):
    come = iter(range(2))

    def import_one(phase, _info):
        if phase == "stop" and (number := next(come, None)) is not None:
            monkeypatch.setitem(sys.modules, f"come_in_between_{number}", types.ModuleType("come_in_between"))

    before = gc.get_threshold()
    gc.callbacks.append(import_one)
    gc.set_threshold(20)
    try:
        names = [name for name, _module in loaded_modules()]
    finally:
        gc.callbacks.remove(import_one)
        gc.set_threshold(*before)
    assert {"sys", __name__} <= {*names}
