"""Whatever goes wrong inside the auditor: the application gets its results, and the fault is counted."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import signal
import threading

import pytest
from audited_source import auditing, counts, make_auditor, make_module, observed

from isolation_audit import Auditor, user_scope
from isolation_audit.config import Config
from isolation_audit.instrument.barrier import STACK_END, Barrier, inside
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.calls.subclassing import SubclassPoint
from isolation_audit.model import contexts, entering
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.open_units import open_units
from isolation_audit.targets.construction import ConstructionPoint, ConstructorPoint
from isolation_audit.targets.emission import EmissionPoint
from isolation_audit.targets.scope import ScopePoint
from isolation_audit.targets.use import UsePoint

pytestmark = pytest.mark.usefixtures("installation")

SOURCE = """
import functools
class Engine:
    def __init__(self, user_id="alice"): self.user_id = user_id
    @classmethod
    def make(cls, user_id): return cls(user_id)
    def use(self, value):
        if value == "raise": raise ValueError(value)
        return value
    async def wait(self, value): return value
class Emitter:
    def __init__(self, user_id="alice"): self.user_id = user_id
    def emit(self, value): return value
class Worker:
    def work(self, user_id): return user_id
part = functools.partial(max, 3)
"""

CONFIG = """
[limits]
faults = 5
[[engines]]
target = "APP:Engine"
owner = ["self.user_id"]
constructors = ["make"]
[[emitters]]
target = "APP:Emitter"
owner = ["self.user_id"]
[[emitters]]
target = "APP:part"
[[scopes]]
target = "APP:Worker.work"
user = ["args.user_id"]
"""

POINTS = [ConstructionPoint, ConstructorPoint, EmissionPoint, ScopePoint, SubclassPoint, UsePoint]


def run_application(module):
    made = type("Made", (module.Engine,), {"__module__": module.__name__})
    engine = module.Engine("bob")
    results = [made("x").user_id, engine.user_id, module.Engine.make("carol").user_id, engine.use(1)]
    with pytest.raises(ValueError, match="raise"):
        engine.use("raise")
    results += [asyncio.run(engine.wait(2)), module.Emitter().emit(3), module.part(4), module.Worker().work("dave")]
    return results


RESULTS = ["x", "bob", "carol", 1, 2, 3, 4, "dave"]
RARE = (MemoryError, RecursionError)
"""Caught as the others are: the long tests have them in every step of every point."""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("step", ["before", "after", "failed"])
@pytest.mark.parametrize(
    "error", [RuntimeError, StopIteration, *(pytest.param(one, marks=pytest.mark.long) for one in RARE)]
)
def test_a_fault_in_any_step_of_any_point_changes_no_result(point, step, error, monkeypatch):
    def explode(*_arguments):
        raise error("inside the auditor")

    with auditing(SOURCE, CONFIG) as (module, auditor):
        monkeypatch.setattr(point, step, explode)
        for _ in range(8):
            # A context of its own: a scope that can't be left is left behind in it.
            with user_scope("alice"):
                assert contextvars.copy_context().run(run_application, module) == RESULTS
        for place, count in auditor.runtime.barrier.counts.items():
            assert place.startswith(module.__name__)
            assert count >= 1
        assert not inside
        assert contexts.current_scope() is None
    if step == "before":
        assert auditor.runtime.barrier.total > 0


def test_after_its_allowance_a_place_is_switched_off_and_says_so(monkeypatch):
    with auditing(SOURCE, CONFIG) as (module, auditor):
        monkeypatch.setattr(UsePoint, "before", lambda *_: 1 / 0)
        engine = module.Engine("alice")
        for _ in range(50):
            engine.use(1)
        assert auditor.runtime.barrier.counts == {f"{module.__name__}:Engine": 5}
        monkeypatch.undo()
        with user_scope("bob"):
            engine.use(1)
        assert "IA201" not in counts(auditor)
        assert counts(auditor)["IA903"] == 5


def test_a_raising_listener_of_observations_is_counted_and_changes_nothing():
    with auditing(SOURCE, CONFIG) as (module, auditor):

        def explode(_observation):
            raise RuntimeError("publish")

        intact, auditor.runtime.publish = auditor.runtime.publish, explode
        assert run_application(module) == RESULTS
        auditor.runtime.publish = intact
        assert auditor.runtime.barrier.total > 0


def test_a_raising_listener_of_scopes_does_not_reach_the_with_block():
    class Explosive(entering.ScopeListener):
        def begin(self, _scope):
            raise RuntimeError("begin")

        def end(self, _scope):
            raise RuntimeError("end")

    listener = Explosive()
    entering.listen(listener)
    try:
        with user_scope("alice"):
            assert contexts.current_scope().user_id == "alice"
        assert contexts.current_scope() is None
    finally:
        entering.listen(None)
    assert listener.faults == {entering.PLACE: 2}


def test_what_goes_wrong_around_scopes_is_in_the_report(monkeypatch):
    with Auditor(Config()) as auditor:
        monkeypatch.setattr(open_units, "idle", False)
        monkeypatch.setattr(open_units, "began", None)  # so that it can't be called
        with user_scope("alice"):
            assert contexts.current_scope().user_id == "alice"
        monkeypatch.undo()
        assert auditor.snapshot()["summary"]["faults"] == 1


def test_an_owner_path_through_an_instrumented_method_is_not_watched_again():
    source = """
class Key:
    def __hash__(self):
        Engine.made += 1
        Engine.__new__(Engine).name()
        return 1
class Engine:
    made = 0
    def __init__(self):
        self.calls, self.key = 0, Key()
        self.users = {self.key: "alice"}
    def name(self): return "alice"
    def work(self): return "work"
"""
    with auditing(source, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.users[self.key]"]') as (module, auditor):
        engine = module.Engine()
        assert engine.work() == "work"
        assert engine.name() == "alice"
        assert module.Engine.made > 1, "the application's code ran inside the auditor"
        assert auditor.runtime.tally.built.total() == 1
        assert auditor.runtime.barrier.counts == {}


def test_a_time_limit_that_strikes_inside_the_auditor_reaches_the_application():
    class TimeIsUpError(Exception):
        pass

    def handler(_number, _frame):
        raise TimeIsUpError

    source = """
import time
class Key:
    def __hash__(self):
        if Engine.slow: time.sleep(5)
        return 1
class Engine:
    slow = True
    def __init__(self):
        self.key = Key()
        self.users = {self.key: "alice"}
    def work(self): return "work"
"""
    with auditing(source, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.users[self.key]"]') as (module, auditor):
        module.Engine.slow = False
        engine = module.Engine()
        module.Engine.slow = True
        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(TimeIsUpError):
                engine.work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert not inside
        assert auditor.runtime.barrier.counts == {}
        module.Engine.slow = False
        with user_scope("bob"):
            assert engine.work() == "work"
        assert counts(auditor) == {"IA201": 1}


def test_an_interrupt_between_two_interceptors_closes_what_the_first_opened():
    closed = []

    class First:
        place = "first"

        def before(self, values):
            return values

        def failed(self, state, error):
            closed.append(type(error))

    class Second(First):
        def before(self, values):
            raise KeyboardInterrupt

    probe = Probe(len)
    probe.add(First(), Barrier(), [0])
    probe.add(Second(), Barrier(), [0])
    with pytest.raises(KeyboardInterrupt):
        probe.before(("abc",))
    assert closed == [KeyboardInterrupt]
    assert not inside


def test_a_deep_recursion_fails_with_its_own_error_and_switches_nothing_off():
    source = "class Engine:\n    def dive(self, depth): return self.dive(depth + 1)\n    def work(self): return 1\n"
    with auditing(source, '[[engines]]\ntarget = "APP:Engine"') as (module, auditor):
        engine = module.Engine()
        for _ in range(30):
            with pytest.raises(RecursionError):
                engine.dive(0)
        with user_scope("alice"):
            engine.work()
        with user_scope("bob"):
            engine.work()
        assert counts(auditor)["IA201"] == 1
        assert not inside


@pytest.mark.parametrize("user", ["alice", "bob"])
@pytest.mark.parametrize("word", ["work", "break"])
def test_an_application_at_the_end_of_its_stack_keeps_all_but_three_frames(user, word):
    source = """
class Engine:
    user_id = "alice"
    def work(self, word):
        if word == "break": raise LookupError
def dive(engine, word, depth):
    if depth: return dive(engine, word, depth - 1)
    try: engine.work(word)
    except LookupError: pass
"""

    def deepest(config):
        with auditing(source, config) as (module, auditor), user_scope(user):
            for depth in range(500, 1000):
                try:
                    module.dive(module.Engine(), word, depth)
                except RecursionError:
                    return depth, auditor.runtime.barrier.counts
        raise AssertionError("it never ended")

    engine = (
        '[limits]\nfaults = 1000\n[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\nmethods = ["work"]\n'
    )
    bare, _none = deepest("")
    audited, counts = deepest(engine + '[[scopes]]\ntarget = "APP:Engine.work"\nuser = ["self.user_id"]\n')
    assert bare - audited <= 3
    assert counts[STACK_END] > 0
    assert not inside
    assert current_scope() is None


def test_a_coroutine_collected_while_the_auditor_runs_still_leaves_its_scope():
    source = """
import types
@types.coroutine
def pause():
    yield
class Worker:
    async def work(self, user_id):
        await pause()
class Key:
    def __hash__(self):
        if Engine.hook: Engine.hook()
        return 1
class Engine:
    hook = None
    def __init__(self):
        self.key = Key()
        self.users = {self.key: "alice"}
    def work(self): return 1
"""
    config = """
[[scopes]]
target = "APP:Worker.work"
user = ["args.user_id"]
[[engines]]
target = "APP:Engine"
owner = ["self.users[self.key]"]
"""
    with auditing(source, config) as (module, auditor):
        engine = module.Engine()
        work = module.Worker().work("bob")
        work.send(None)
        assert auditor.runtime.tally.scopes == 0
        holder = [work]
        del work

        def drop():
            holder.clear()
            gc.collect()

        module.Engine.hook = drop
        assert engine.work() == 1
        assert auditor.runtime.tally.scopes == 1


def test_faults_of_many_threads_are_all_counted():
    barrier = Barrier(allowance=10**6)
    threads = [
        threading.Thread(target=lambda: [barrier.fault("place", ValueError()) for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert barrier.total == 4000


def test_a_report_of_a_fault_that_fails_is_counted_too():
    barrier = Barrier(allowance=2)
    barrier.on_fault = lambda *_: 1 / 0
    assert [barrier.fault("place", ValueError()) for _ in range(2)] == [False, True]
    assert barrier.counts == {"place": 2, "recorder": 2}


TOUCHED = []


class Untouchable:
    """Whoever asks this object anything but its user_id has gone too far."""

    def __init__(self, user_id):
        self.__dict__["user_id"] = user_id

    def _refuse(self, *arguments):
        TOUCHED.append(arguments)
        raise RuntimeError("touched")

    __eq__ = __hash__ = __bool__ = __repr__ = __str__ = __len__ = __iter__ = __getattr__ = __setattr__ = _refuse
    __call__ = __contains__ = __getitem__ = __lt__ = __format__ = __dir__ = __index__ = __int__ = __ne__ = _refuse


class LyingProxy:
    @property
    def __class__(self):
        TOUCHED.append("class")
        return str


class Text(str):
    __slots__ = ()

    def __str__(self, *arguments):
        TOUCHED.append(arguments)
        raise RuntimeError("touched")

    __hash__ = __eq__ = __len__ = __bool__ = __str__


def test_application_objects_are_asked_for_the_configured_path_and_nothing_else():
    source = """
class Engine:
    def __init__(self, context): self.context = context
    def use(self, context): return context
class Emitter:
    def emit(self, to, data): return data
class Worker:
    def work(self, context): return context
"""
    config = """
[identity]
context_types = ["somewhere:Context"]
bind = { run_id = "user_id", thread_id = "user_id" }
[[engines]]
target = "APP:Engine"
owner = ["args.context.user_id", "self.context.user_id"]
[[emitters]]
target = "APP:Emitter"
addressee = ["args.to.user_id", "run_id:args.to", "thread_id:args.to.user_id"]
methods = { emit = "args.data" }
[[scopes]]
target = "APP:Worker.work"
user = ["args.context.user_id"]
"""
    values = [Untouchable("alice"), Untouchable(Untouchable("deep")), Untouchable(LyingProxy()), LyingProxy()]
    values += [Untouchable(Text("alice")), Untouchable(5), Untouchable(b"alice"), Untouchable(None)]
    with auditing(source, config) as (module, auditor):
        for value in values:
            for user in ("alice", "bob"):
                with user_scope(user):
                    engine = module.Engine(value)
                    assert engine.use(value) is value
                    assert module.Emitter().emit(value, value) is value
                    assert module.Worker().work(value) is value
        assert TOUCHED == []
        assert auditor.runtime.barrier.counts == {}


def test_metaclasses_are_not_asked_to_compare_hash_or_show_their_classes():
    source = """
class Meta(type):
    def refuse(cls, *arguments):
        TOUCHED.append(arguments)
        raise RuntimeError("touched")
    __eq__ = __hash__ = __repr__ = __instancecheck__ = __subclasscheck__ = __bool__ = __len__ = __setattr__ = refuse
    __delattr__ = __contains__ = __iter__ = refuse
class Engine(metaclass=Meta):
    def __init__(self, user_id): self.user_id = user_id
    def use(self): return 1
class Child(Engine):
    pass
early = Engine("zoe")
TOUCHED = []
"""
    module = make_module(source)
    config = '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\n[[emitters]]\ntarget = "APP:Engine"\n'
    config += '[[deprecations]]\ntarget = "APP:Engine"\n'
    with make_auditor(config, module) as auditor:
        exec("class Later(Child):\n    def more(self): return 2", vars(module))
        with user_scope("bob"):
            for cls in (module.Engine, module.Child, module.Later):
                assert cls("alice").use() == 1
        auditor.instrumentation.refresh()
        assert module.TOUCHED == []
        assert counts(auditor)["IA201"] == 3
        assert auditor.runtime.barrier.counts == {}


def test_slots_without_weak_references_are_built_used_and_counted():
    source = """
class Engine:
    __slots__ = ("user_id",)
    def __init__(self, user_id): self.user_id = user_id
    def use(self): return 1
"""
    with auditing(source, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]') as (module, auditor):
        seen = observed(auditor)
        with user_scope("bob"):
            assert module.Engine("alice").use() == 1
        assert [type(one).__name__ for one in seen] == ["Built", "Used"]
        assert seen[0].record is None
