"""Undoing: everything as it was, whatever came in between, however often."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import time
from collections import Counter
from types import FunctionType
from unittest import mock

import application_kinds as kinds
import pytest
from audited_source import auditing, make_auditor, make_module

from isolation_audit.instrument.patching import patches
from isolation_audit.model.contexts import current_scope

pytestmark = pytest.mark.usefixtures("installation")

SOURCE = """
import functools, collections

class Base:
    def run(self, user_id): return user_id
class Engine(Base):
    def __init__(self, user_id="alice"): self.user_id = user_id
    def work(self): return "work"
class Child(Engine):
    pass
class Queue(collections.OrderedDict):
    pass
class Plain:
    def method(self): return "method"
partial = functools.partial(max, 1)
"""

CONFIG = """
[[engines]]
target = "APP:Engine"
owner = ["self.user_id"]

[[engines]]
target = "APP:Plain"

[[emitters]]
target = "APP:Queue"
methods = { move_to_end = "moved", update = "updated" }

[[emitters]]
target = "APP:partial"

[[scopes]]
target = "APP:Engine.run"
user = ["args.user_id"]
"""


def state_of(module):
    """Identities of everything that a patch could touch."""
    state = {("module", name): id(value) for name, value in vars(module).items() if name != "LOG"}
    for cls in vars(module).values():
        if isinstance(cls, type):
            for base in type.mro(cls):
                for name, value in vars(base).items():
                    if base.__module__ == module.__name__:
                        state[id(base), name] = id(value)
                    function = getattr(value, "__func__", value)
                    if type(function) is FunctionType:
                        state[id(base), name, "code"] = id(function.__code__)
    for name, value in vars(module).items():
        if type(value) is FunctionType:
            state["code", name] = id(value.__code__)
    return state


def test_everything_is_as_it_was_for_every_kind_of_class_and_callable():
    module = kinds.application()
    module.Strict()
    before = state_of(module)
    auditor = make_auditor(kinds.config_of(module.__name__))
    with auditor:
        assert state_of(module) != before
        module.Base().plain("alice")
        module.Mapping(a=1)
    assert state_of(module) == before


def test_fifty_rounds_leave_nothing_behind():
    module = make_module(SOURCE)
    before = state_of(module)

    def round_trip():
        with make_auditor(CONFIG, module):
            module.Engine("alice").run("alice")
            module.Plain().method()
            module.Queue(a=1).move_to_end("a")
            assert module.partial(2) == 2
        assert state_of(module) == before

    round_trip()
    gc.collect()
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    for _ in range(50):
        round_trip()
    gc.collect()
    assert len(gc.get_objects()) - objects < 50
    assert sys.getallocatedblocks() - blocks < 1_000


def test_a_call_that_the_end_of_the_audit_overtakes_leaves_its_scope():
    module = make_module("def run(user_id, meanwhile): return meanwhile()\n")
    auditor = make_auditor('[[scopes]]\ntarget = "APP:run"\nuser = ["args.user_id"]\n', module)
    auditor.start()

    def stop():
        assert current_scope().user_id == "alice"
        auditor.stop()

    module.run("alice", stop)
    assert current_scope() is None


def test_starting_and_stopping_twice_changes_nothing_more():
    module = make_module(SOURCE)
    before = state_of(module)
    auditor = make_auditor(CONFIG, module).start()
    during = state_of(module)
    auditor.start()
    assert state_of(module) == during
    auditor.stop()
    auditor.stop()
    assert state_of(module) == before


def test_a_class_that_is_made_during_the_audit_is_left_clean():
    with auditing(SOURCE, CONFIG) as (module, _auditor):
        made = type("Made", (module.Engine,), {"work": lambda self: "made", "__module__": module.__name__})
        original = vars(made)["work"]
        assert made("alice").work() == "made"
    assert vars(made)["work"] is original
    assert set(vars(made)) - {"__static_attributes__", "__firstlineno__"} == {"work", "__module__", "__doc__"}


def test_a_call_that_outlives_the_audit_has_nothing_placed_any_more():
    source = "class Engine:\n    def __init_subclass__(cls): STOP()\n    def work(self): return 1\n"
    module = make_module(source)
    with make_auditor('[[engines]]\ntarget = "APP:Engine"\n', module) as auditor:
        module.STOP = auditor.stop
        exec("class Late(Engine):\n    def more(self): return 2", vars(module))
        late = module.Late.more.__code__
    assert late.co_consts == (None, 2)
    assert len(auditor.instrumentation._patches) == 0


def test_a_mock_that_is_still_there_at_the_end_takes_nothing_with_it():
    module = make_module(SOURCE)
    before, left = state_of(module), list(patches._left_behind)
    for _ in range(20):
        auditor = make_auditor(CONFIG, module).start()
        with mock.patch.object(module.Queue, "update", autospec=True), mock.patch.object(module, "partial"):
            auditor.stop()
        # Ours came back with the mock's exit; nobody listens any more, and the next one to come or go takes it out.
        module.Queue(a=1)
        assert module.partial(5) == 5
    make_auditor(CONFIG, module).start().stop()
    assert state_of(module) == before
    assert patches._left_behind == left


def test_aliases_taken_before_are_patched_and_restored():
    module = make_module(SOURCE)
    alias = make_module(f"from {module.__name__} import partial as renamed")
    original = module.partial
    with make_auditor(CONFIG, module) as auditor:
        assert alias.renamed is module.partial is not original
        alias.renamed(3)
        assert auditor.runtime.tally.seen[f"{module.__name__}:partial"] == 1
    assert alias.renamed is module.partial is original


def test_a_c_function_of_somebody_else_is_replaced_in_the_own_package_only():
    module = make_module("send = len")
    with make_auditor('[[emitters]]\ntarget = "APP:send"', module) as auditor:
        assert module.send("abc") == 3
        assert len is vars(sys.modules["builtins"])["len"] is not module.send
        assert auditor.runtime.tally.seen.total() == 1
    assert module.send is len


@pytest.mark.parametrize("release", ["reload", "again"])
def test_reloading_over_and_over_keeps_one_generation(release):
    module = make_module(SOURCE)
    auditor = make_auditor(CONFIG, module)
    with auditor:
        table = auditor.instrumentation._patches
        size = len(table)
        for _ in range(30):
            exec(compile(SOURCE, "reloaded.py", "exec"), vars(module))
            auditor.instrumentation.refresh()
            if release == "again":
                auditor.instrumentation.refresh()
            assert len(table) == size
        module.Engine("alice").run("bob")
        assert auditor.runtime.tally.seen[f"{module.__name__}:Engine"] >= 1
        assert auditor.recorder.counts["IA902"] >= 30


CALLED = """
import asyncio

class Engine:
    def __init__(self, user_id): self.user_id = user_id
    def ask(self, number): return self.user_id, number
    def parts(self, number): yield self.user_id; yield number
    async def answer(self, number): return self.user_id, number

class Sink:
    def send(self, to, number): return to, number

def work(user_id, number):
    engine = Engine(user_id)
    answer = asyncio.run(engine.answer(number)) if number % 100 == 0 else None
    return engine.ask(number), (*engine.parts(number),), answer, Sink().send(user_id, number)
"""

WATCHED = """
[[engines]]
target = "APP:Engine"
owner = ["self.user_id"]

[[emitters]]
target = "APP:Sink"
methods = { send = "sent" }
addressee = ["args.to"]

[[scopes]]
target = "APP:work"
user = ["args.user_id"]
"""


@pytest.mark.parametrize(("calls", "audits"), [(20_000, 4), pytest.param(1_000_000, 200, marks=pytest.mark.long)])
def test_threads_call_on_while_audits_start_and_stop(calls, audits):
    module = make_module(CALLED)
    before = state_of(module)
    wrong, made, enough = [], Counter(), threading.Event()

    def use(user_id):
        for number in itertools.count():
            told = user_id, number
            try:
                got = module.work(user_id, number)
            except BaseException as error:
                got = error
            if got != (told, told, told if number % 100 == 0 else None, told):
                wrong.append(got)
            made[user_id] += 5
            if enough.is_set():
                return

    threads = [threading.Thread(target=use, args=(f"user-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        while audits > 0 or made.total() < calls:
            audits -= 1
            with make_auditor(WATCHED, module) as auditor:
                before_it = made.total()
                while made.total() < before_it + 500:  # calls begin under this audit, and some end after it
                    time.sleep(0.001)
            assert auditor.snapshot()["summary"]["faults"] == 0
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert state_of(module) == before
