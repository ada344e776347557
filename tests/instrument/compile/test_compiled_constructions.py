"""Constructions behind compiled hooks: an object that is built like the last one gets its record, and nothing else."""

from __future__ import annotations

import gc
import pickle
import sys
import threading
import weakref
from pathlib import Path

import pytest
from audited_source import auditing, counts, make_auditor, make_module

import isolation_audit
from isolation_audit import user_scope
from isolation_audit.instrument.cells import Cells
from isolation_audit.instrument.compile.tagging import ConstructionSite
from isolation_audit.model.owner_records import Record
from isolation_audit.rules.lifetime.lifetimes import Lifetimes
from isolation_audit.targets.construction import ConstructionPoint

OURS = str(Path(isolation_audit.__file__).parent)

SOURCE = """
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

class Context:
    def __init__(self, user_id):
        self.user_id = user_id

class Engine:
    def __init__(self, user_id=None, context=None):
        self.user_id = user_id
        self.context = context
        if user_id == "nobody":
            raise ValueError(user_id)
    def ask(self): return self

class Slotted:
    __slots__ = ("user_id",)
    def __init__(self, user_id):
        self.user_id = user_id

class Eager:
    def __init__(self, user_id):
        self.user_id = user_id
        self.ask()
    def ask(self): return self

def build(count, user_id="alice", before_last=None):
    built = []
    for number in range(count):
        if number == count - 1 and before_last is not None:
            before_last()
        built.append(Engine(user_id))
    return built

def build_elsewhere(user_id="alice"):
    return Engine(user_id)
"""

SPECIAL = (
    SOURCE
    + """
class Special(Engine):
    def __init__(self, user_id):
        super().__init__(user_id)
        self.ready = True
"""
)

VARIABLE = '[ambient]\ncontextvar = "APP:current_user"\n'
BY_SELF = '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\n'
BY_ARGUMENT = '[[engines]]\ntarget = "APP:Engine"\nowner = ["args.user_id"]\n'
BY_NOTHING = '[[engines]]\ntarget = "APP:Engine"\n'


def ours_at_the_last(app, count=6, **given):
    """The functions of ours that run while the last of so many objects is built at one place."""
    seen = []

    def note(frame, event, _argument):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            seen.append(frame.f_code.co_qualname.rpartition(".")[2])

    gc.collect()  # what goes in between would call what knows it weakly
    try:
        built = app.build(count, before_last=lambda: sys.setprofile(note), **given)
    finally:
        sys.setprofile(None)
    return built, seen


def record_of(auditor, obj):
    record = auditor.runtime.objects.get(obj)
    assert record is not None
    return record


def place_of(record) -> tuple[str, int]:
    code, lasti = record.origin[0]
    return code.co_name, lasti


@pytest.mark.parametrize("config", [BY_SELF, BY_ARGUMENT, VARIABLE + BY_SELF, BY_NOTHING])
def test_a_construction_like_the_last_one_takes_one_call_of_ours(config):
    with auditing(SOURCE, config) as (app, auditor), user_scope("alice"):
        built, _seen = ours_at_the_last(app)
        records = [record_of(auditor, one) for one in built]
        assert {one.owner.id for one in records} == {"alice"}
        assert len({one.origin for one in records}) == 1
        assert place_of(records[0])[0] == "build"
    with auditing(SOURCE, VARIABLE + config.removeprefix(VARIABLE)) as (app, auditor):
        app.current_user.set("alice")
        built, seen = ours_at_the_last(app)
        assert seen == ["tag"], "outside of units of work nothing is left to do but to record it"
        last = record_of(auditor, built[-1])
        assert last.owner.id == "alice"
        assert last.built_by == (f"{app.__name__}:Engine",)
        assert place_of(last) == place_of(record_of(auditor, built[0]))
        assert len({id(record_of(auditor, one).origin) for one in built[1:]}) == 1, "one tuple for all"
    assert not counts(auditor)
    assert not auditor.runtime.barrier.counts


def test_in_a_unit_of_work_a_known_place_is_not_looked_for_again():
    """Who builds, and whether a factory does, is found on the stack once; each unit still has its objects watched."""
    with auditing(SOURCE, BY_SELF) as (app, auditor), user_scope("alice"):
        built, seen = ours_at_the_last(app)
        assert not {"builder", "on_built", "_ask", "_publish"} & set(seen)
        assert {"_watch", "_put"} <= set(seen), "how long it lives"
        assert len(seen) <= 30
        lifetimes = auditor.runtime.part(Lifetimes)
        assert all(map(lifetimes.watches, built))
        _built, first = ours_at_the_last(app, count=1)
        assert "on_built" in first, "another place"


def test_objects_that_outlive_their_unit_are_told_wherever_they_were_built_before():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        app.current_user.set("alice")
        app.build(6)
        with user_scope("alice"):
            kept = app.build(6)
        assert all(map(auditor.runtime.part(Lifetimes).watches, kept))
    assert counts(auditor)["IA501"] >= 1


def test_counts_are_exact():
    with auditing(SOURCE, BY_SELF + 'methods = "ask"\n') as (app, auditor):
        target = f"{app.__name__}:Engine"
        app.build(20)
        app.build(20, "bob")
        for _ in range(5):
            with pytest.raises(ValueError, match="nobody"):
                app.Engine("nobody")
        with user_scope("alice"):
            app.build(10)
        tally = auditor.runtime.tally
        assert tally.seen[target] == 50
        assert tally.built[target] == 50
        (path,) = [one for one in auditor.runtime.paths.as_list() if one["path"] == "self.user_id"]
        assert (path["asked"], path["gave"]) == (50, 50)
        points = [one for probe in auditor.instrumentation.probes() for one in probe._guarded]
        assert {one.calls[0] for one in points if type(one.interceptor) is ConstructionPoint} == {55}, "those that fail"


def test_every_object_has_its_own_owner_and_the_place_where_it_was_built():
    with auditing(SOURCE, BY_SELF) as (app, auditor):
        for user_id in ("alice", "bob", "alice", "carol"):
            assert {record_of(auditor, one).owner.id for one in app.build(4, user_id)} == {user_id}
        near, far = app.build(3), [app.build_elsewhere() for _ in range(3)]
        assert {place_of(record_of(auditor, one))[0] for one in near} == {"build"}
        assert {place_of(record_of(auditor, one))[0] for one in far} == {"build_elsewhere"}
        callers = [record_of(auditor, app.build_elsewhere()).origin[1] for _ in range(3)]
        again = record_of(auditor, app.build_elsewhere()).origin[1]
        assert len(set(callers)) == 1
        assert again not in callers, "called from another line: the frames beyond are compared as well"


def test_a_crossing_names_the_place_where_its_object_was_built():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        app.current_user.set("alice")
        built, seen = ours_at_the_last(app)
        assert seen == ["tag"]
        app.current_user.set("bob")
        built[-1].ask()
        assert counts(auditor) == {"IA201": 1}
        (finding,) = [entry.finding for entry in auditor.recorder.entries()]
        assert finding.origin.stack[0].function == "build"


def test_whose_it_is_follows_whoever_is_at_work():
    with auditing(SOURCE, VARIABLE + BY_NOTHING) as (app, auditor):

        def build_for_each(*users):
            owners = []
            for user_id in users:
                app.current_user.set(user_id)
                owners.append(record_of(auditor, app.Engine()).owner)
            return [owner and owner.id for owner in owners]

        users = ["alice", "alice", "alice", "alice", "bob", "bob", "bob", None, "alice"]
        assert build_for_each(*users) == users


def test_a_subclass_with_a_constructor_of_its_own_is_registered_once_at_its_end():
    with auditing(SPECIAL, BY_SELF) as (app, auditor):
        places = [app.Special("alice") for _ in range(6)]
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 6
        assert {record_of(auditor, one).owner.id for one in places} == {"alice"}
        assert {record_of(auditor, one).origin[0][0].co_name for one in app.build(4)} == {"build"}
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 10


def test_a_subclass_whose_constructor_has_no_compiled_hook_is_registered_at_its_end_as_well():
    """Its user is an item of what it takes, which is not read in line; the base class's is."""
    source = (
        SOURCE
        + """
class Odd(Engine):
    def __init__(self, *given):
        super().__init__("bob")
        self.user_id = given[0]
"""
    )
    with auditing(source, BY_SELF) as (app, auditor):
        app.build(4)
        built = [app.Odd("carol") for _ in range(4)]
        assert {record_of(auditor, one).owner.id for one in built} == {"carol"}
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 8
    with auditing(source, BY_ARGUMENT) as (app, auditor):
        app.build(4)
        built = [app.Odd("carol") for _ in range(4)]
        assert {record_of(auditor, one).built_by for one in built} == {(f"{app.__name__}:Engine",)}
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 8


def test_an_object_that_is_used_in_its_constructor():
    config = '[[engines]]\ntarget = "APP:Eager"\nowner = ["self.user_id"]\n'
    with auditing(SOURCE, VARIABLE + config) as (app, auditor):
        app.current_user.set("alice")
        built = [app.Eager("alice") for _ in range(6)]
        assert {record_of(auditor, one).owner.id for one in built} == {"alice"}
        assert auditor.runtime.tally.built[f"{app.__name__}:Eager"] == 6
    assert not counts(auditor)


def test_objects_that_take_no_weak_reference_and_those_that_do_are_told_apart():
    config = '[[engines]]\ntarget = "APP:Slotted"\nowner = ["self.user_id"]\n'
    with auditing(SOURCE, config) as (app, auditor):
        for _ in range(6):
            app.Slotted("alice")
        assert auditor.runtime.tally.built[f"{app.__name__}:Slotted"] == 6
        assert not auditor.runtime.barrier.counts


def test_nothing_is_kept_alive_and_records_go_with_their_objects():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        app.current_user.set("alice")
        built, seen = ours_at_the_last(app, 50)
        assert seen == ["tag"]
        gone = weakref.ref(built[-1])
        assert len(auditor.runtime.objects) == 50
        built.clear()
        gc.collect()
        assert gone() is None
        assert len(auditor.runtime.objects) == 0


FACTORIES = """
[[factories]]
target = "APP:build_elsewhere"
builds = "APP:Engine"

"""


def test_a_factory_that_comes_later_is_seen_by_places_that_were_known():
    with auditing(SOURCE, VARIABLE + BY_SELF + FACTORIES) as (app, auditor):
        app.current_user.set("alice")
        engines = app.build(6)
        engines.append(app.build_elsewhere())
        assert not counts(auditor), "as long as no factory was at work, everybody builds"
        engines += app.build(2)
        assert counts(auditor) == {"IA107": 2}, "each is built by a direct call while the factory's own is there"


def test_a_monitor_of_a_stranger_s_is_told_of_each():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        from isolation_audit.instrument.tracking.observations import Built

        told = []
        auditor.dispatch.handlers[Built] = (*auditor.dispatch.handlers[Built], ("Stranger", told.append))
        app.current_user.set("alice")
        app.build(6)
        assert len(told) == 6


def test_a_monitor_that_fails_is_told_no_more_and_the_others_are():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        from isolation_audit.instrument.tracking.observations import Again, Built

        def fails(_built):
            raise RuntimeError

        def fails_again(_built):
            return Again(fails)

        auditor.dispatch.handlers[Built] = (*auditor.dispatch.handlers[Built], ("Stranger", fails_again))
        app.current_user.set("alice")
        built = app.build(60)
        assert auditor.runtime.barrier.counts["monitor Stranger"] >= 1
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 60
        assert {record_of(auditor, one).owner.id for one in built} == {"alice"}


def test_no_record_is_torn_where_hooks_come_and_go_under_eight_threads():
    """Each object that has a record has its own user's; what is built while no hook is there has none."""
    app = make_module(SOURCE)
    code, wrong, each = app.Engine.__init__.__code__, [], 1_500
    auditor = make_auditor(VARIABLE + BY_SELF, app)

    def work(name):
        app.current_user.set(name)
        for _ in range(each):
            engine = app.Engine(name)
            record = auditor.runtime.objects.get(engine)
            if engine.user_id != name or (record is not None and record.owner and record.owner.id != name):
                wrong.append(engine)

    threads = [threading.Thread(target=work, args=(f"user-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    flips = 0
    while any(thread.is_alive() for thread in threads) or not flips:
        auditor.instrumentation.start()
        auditor.instrumentation.stop()
        assert app.Engine.__init__.__code__ is code
        flips += 1
    for thread in threads:
        thread.join()
    assert not wrong
    assert not auditor.runtime.barrier.counts


def test_eight_threads_count_each_of_their_constructions():
    each = 2_000
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):

        def work(name):
            app.current_user.set(name)
            app.build(each, name)

        threads = [threading.Thread(target=work, args=(f"user-{number % 3}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert auditor.runtime.tally.built[f"{app.__name__}:Engine"] == 8 * each
        assert not auditor.runtime.barrier.counts


def test_a_record_is_compared_by_what_it_is_and_has_what_nobody_has_set():
    class Odd:
        def __eq__(self, _other):
            raise AssertionError

        __hash__ = None

    odd = Odd()
    one, other = Record(odd, None), Record(odd, lambda _gone: None)
    assert one != other
    assert len({one, other}) == 2
    assert (one.owner, one.built_by, one.shared, one.origin_label) == (None, (), False, "")
    with pytest.raises(AttributeError):
        _ = one.nothing


def test_a_site_of_a_constructor_knows_nothing_where_it_is_unpickled():
    copy = pickle.loads(pickle.dumps(ConstructionSite(3, Cells())))
    assert not hasattr(copy, "known")
