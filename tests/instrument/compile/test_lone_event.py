"""Clean events that are in no other one: begun and ended by the shim itself, counted and nested as all others."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from audited_source import auditing, counts, make_auditor, make_module

import isolation_audit
from isolation_audit import user_scope
from isolation_audit.instrument import tally
from isolation_audit.model.contexts import emission_variable

OURS = str(Path(isolation_audit.__file__).parent)

SOURCE = """
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

class Emitter:
    def __init__(self, user_id=None, sink=None):
        self.user_id = user_id
        self.sink = sink
    def emit_started(self, data=None):
        return self.sink.send(data["to"], data) if self.sink else data
    def emit_broken(self, data=None): raise KeyError(data)
    async def emit_later(self, wait): await wait()
    def emit_steps(self, data=None): yield data

class Sink:
    def send(self, to, data): return to

def in_turn(emitter, count, before_last=None):
    for number in range(count):
        if number == count - 1 and before_last is not None:
            before_last()
        emitter.emit_started()
"""

CONFIG = """
[ambient]
contextvar = "APP:current_user"
[[emitters]]
target = "APP:Emitter"
owner = ["self.user_id"]
methods = { "emit_*" = "*" }
[[emitters]]
target = "APP:Sink"
addressee = ["args.to"]
layer = "sink"
methods = { send = "started" }
"""


@pytest.fixture
def app_and_auditor():
    with auditing(SOURCE, CONFIG) as (app, auditor):
        app.current_user.set("alice")
        yield app, auditor
        assert emission_variable.get() is None
        assert not auditor.runtime.barrier.counts


def calls_of_ours_in_the_last(app, count):
    """The functions of ours that the last one of so many events of alice's calls."""
    seen = []

    def note(frame, event, _argument):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            seen.append(frame.f_code.co_qualname.rpartition(".")[2])

    emitter = app.Emitter("alice")
    try:
        app.in_turn(emitter, count, before_last=lambda: sys.setprofile(note))
    finally:
        sys.setprofile(None)
    return seen


def test_it_takes_no_call_of_ours(app_and_auditor):
    app, auditor = app_and_auditor
    assert not calls_of_ours_in_the_last(app, 6)
    counted = auditor.runtime.tally
    assert counted.events == {"emitter": 6}
    assert counted.passages == {"emitter": 6}
    assert {user.id: count for user, count in counted.events_of.items()} == {"alice": 6}
    assert counted.seen[f"{app.__name__}:Emitter"] == 7, "one was built"


def test_it_takes_none_either_where_more_users_came_before_than_are_counted(app_and_auditor, monkeypatch):
    monkeypatch.setattr(tally, "USERS", 3)
    app, auditor = app_and_auditor
    for user in ("bob", "carol", "dave", "eve"):
        app.current_user.set(user)
        app.Emitter(user).emit_started()
    app.current_user.set("alice")
    assert not calls_of_ours_in_the_last(app, 6)
    events = auditor.runtime.tally.events_of
    assert {user.id: count for user, count in events.items()} == {"dave": 1, "eve": 1, "alice": 6}


def test_an_inner_layer_finds_the_event_that_is_under_way(app_and_auditor):
    app, auditor = app_and_auditor
    emitter = app.Emitter("alice", app.Sink())
    for _ in range(6):
        assert emitter.emit_started({"to": "alice"}) == "alice"
    counted = auditor.runtime.tally
    assert counted.events == {"emitter": 6}
    assert counted.passages == {"emitter": 6, "sink": 6}
    emitter.emit_started({"to": "bob"})
    assert counts(auditor) == {"IA202": 1}
    assert counted.passages == {"emitter": 7, "sink": 7}


def test_an_event_that_raises_has_ended_as_well(app_and_auditor):
    app, auditor = app_and_auditor
    emitter = app.Emitter("alice")
    for _ in range(6):
        with pytest.raises(KeyError) as raised:
            emitter.emit_broken(7)
        assert raised.value.__context__ is None
        assert emission_variable.get() is None
    assert auditor.runtime.tally.events == {"emitter": 6}


def test_events_in_scopes_count_for_them(app_and_auditor):
    app, auditor = app_and_auditor
    emitter = app.Emitter("bob")
    with user_scope("bob"):
        from isolation_audit.model.contexts import current_scope

        scope = current_scope()
        app.current_user.set("bob")
        for _ in range(6):
            emitter.emit_started()
        assert scope.events == 6
        assert scope.work.answered
    assert auditor.runtime.tally.first_event.seen == 1


def test_each_task_has_its_own_event(app_and_auditor):
    app, auditor = app_and_auditor
    emitters = {name: app.Emitter(name) for name in ("alice", "bob")}

    async def one(name, other_is_there):
        app.current_user.set(name)
        claimed = []

        async def wait():
            event = emission_variable.get()
            await other_is_there.wait()
            assert emission_variable.get() is event
            claimed.append(event.claimed.id)

        for _ in range(6):
            await emitters[name].emit_later(wait)
        return claimed

    async def main():
        there = asyncio.Barrier(2)
        return await asyncio.gather(one("alice", there), one("bob", there))

    assert asyncio.run(main()) == [["alice"] * 6, ["bob"] * 6]
    assert auditor.runtime.tally.events == {"emitter": 12}


def test_a_generator_s_event_is_over_before_its_first_step(app_and_auditor):
    app, auditor = app_and_auditor
    for _ in range(6):
        steps = app.Emitter("alice").emit_steps(1)
        assert emission_variable.get() is None
        assert list(steps) == [1]
    assert auditor.runtime.tally.events == {"emitter": 6}


def test_hooks_that_are_taken_out_meanwhile_leave_no_event_behind():
    app = make_module(SOURCE)
    auditor = make_auditor(CONFIG, app)
    emitter = app.Emitter("alice")
    with auditor:
        app.current_user.set("alice")

        async def nothing():
            return

        async def stop():
            assert emission_variable.get() is not None
            auditor.stop()

        async def main():
            for _ in range(6):
                await emitter.emit_later(nothing)
            await emitter.emit_later(stop)
            return emission_variable.get()

        assert asyncio.run(main()) is None
    assert not auditor.runtime.barrier.counts


def test_a_fault_in_it_is_counted_and_stays_inside(app_and_auditor, monkeypatch):
    app, auditor = app_and_auditor
    emitter = app.Emitter("alice")
    app.in_turn(emitter, 3)
    from isolation_audit.targets import lone_event

    def fails():
        raise RuntimeError

    monkeypatch.setattr(lone_event, "current_scope", fails)
    with user_scope("alice"):
        app.in_turn(emitter, 2)
        assert not auditor.runtime.barrier.counts
        assert emitter.emit_started("x") == "x"
    assert auditor.runtime.barrier.counts == {f"{app.__name__}:Emitter": 1}
    auditor.runtime.barrier.counts.clear()


def test_eight_threads_count_each_event_while_hooks_come_and_go():
    app = make_module(SOURCE)
    auditor = make_auditor(CONFIG, app)
    each, wrong = 1_500, []

    def work(name):
        app.current_user.set(name)
        emitter = app.Emitter(name, app.Sink())
        answers = (emitter.emit_started({"to": name}) for _ in range(each))
        wrong.extend(answer for answer in answers if answer != name or emission_variable.get() is not None)

    def run():
        threads = [threading.Thread(target=work, args=(f"user-{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        return threads

    threads = run()
    while any(thread.is_alive() for thread in threads):
        auditor.instrumentation.start()
        auditor.instrumentation.stop()
    auditor.runtime.tally.clear()
    with auditor:
        for thread in run():
            thread.join()
        assert auditor.runtime.tally.events == {"emitter": 8 * each}
        assert auditor.runtime.tally.passages == {"emitter": 8 * each, "sink": 8 * each}
        assert sum(auditor.runtime.tally.events_of.values()) == 8 * each
    assert not wrong
    assert not auditor.runtime.barrier.counts
    assert not counts(auditor).keys() & {"IA201", "IA202", "IA204"}


def test_points_that_only_wait_for_a_first_use_are_taken_back_and_leave_the_others_alone():
    """Each class with a name that the configuration knows is watched until it is used: see IA108."""
    source = SOURCE + "\nclass Emitter2(Emitter): pass\n"
    with auditing(source, CONFIG) as (app, auditor):
        probe = next(
            one
            for one in auditor.instrumentation.probes()
            if {type(guarded.interceptor).__name__ for guarded in one._guarded} == {"ConstructionPoint", "ClassPoint"}
        )
        app.Emitter("alice")
        assert len(probe) == 2
        auditor.settle(60.0)
        assert [type(guarded.interceptor).__name__ for guarded in probe._guarded] == ["ConstructionPoint"]
        for _ in range(4):
            app.Emitter("alice")
        assert auditor.runtime.tally.seen[f"{app.__name__}:Emitter"] == 5
        assert not counts(auditor)
        assert not auditor.runtime.barrier.counts


def test_a_class_without_a_constructor_gives_back_the_points_in_its_methods_once_it_is_used():
    source = (
        SOURCE
        + """
class Notifier:
    @staticmethod
    def notify(to): return to
    @classmethod
    def tell(cls, to): return to
"""
    )
    config = """
[[emitters]]
target = "APP:Notifier"
addressee = ["args.to"]
methods = { notify = "told", tell = "told" }
"""
    with auditing(source, CONFIG + config) as (app, auditor):
        app.current_user.set("alice")
        assert app.Notifier.notify("alice") == app.Notifier.tell("alice") == "alice"
        auditor.settle(60.0)
        watched = {
            probe.original.__name__: [type(guarded.interceptor).__name__ for guarded in probe._guarded]
            for probe in auditor.instrumentation.probes()
            if getattr(probe.original, "__name__", "") in ("notify", "tell")
        }
        assert watched == {"notify": ["EmissionPoint"], "tell": ["EmissionPoint"]}
        assert app.Notifier.notify("alice") == app.Notifier.tell("alice") == "alice"
        assert auditor.runtime.tally.events == {"emitter": 4}
        assert not counts(auditor)
