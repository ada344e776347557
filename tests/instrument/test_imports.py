"""Modules that come late, come again, come broken; classes that come later still."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
import types
from types import SimpleNamespace

import pytest
from audited_source import counts, make_auditor, make_module, observed

from isolation_audit import user_scope
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point, targets
from isolation_audit.targets import instrumentation

SOURCE = """
class Engine:
    def __init__(self, user_id="alice"): self.user_id = user_id
    def work(self): return "work"
"""


@pytest.fixture
def application(tmp_path, monkeypatch):
    """Write modules; whatever is imported from them is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return name

    yield write
    for name in set(sys.modules) - before:
        if not name.startswith("isolation_audit"):  # what an audit loads when it is needed is no application's
            sys.modules.pop(name)


def config(name):
    return f'[[engines]]\ntarget = "{name}:Engine"\nowner = ["self.user_id"]'


def crossing(module):
    with user_scope("bob"):
        assert module.Engine("alice").work() == "work"


def test_a_module_imported_later_is_instrumented(application):
    name = application("late_module", SOURCE)
    with make_auditor(config(name)) as auditor:
        crossing(importlib.import_module(name))
        assert counts(auditor) == {"IA201": 1}


def test_a_hook_that_raises_does_not_fail_the_import(application):
    name = application("raising_hook", SOURCE)
    auditor = make_auditor(config(name))

    def explode(_observation):
        raise RuntimeError("in publish")

    auditor.runtime.publish = explode
    for watched in auditor.instrumentation.targets:
        watched.apply = lambda _module, _target: 1 / 0
    with auditor:
        assert importlib.import_module(name).Engine().work() == "work"
        assert auditor.runtime.barrier.total >= 1
        auditor.runtime.publish = lambda _observation: None


def test_a_missing_target_does_not_fail_the_import_either(application):
    name = application("missing_target", "x = 1")
    with make_auditor(config(name)) as auditor:
        assert importlib.import_module(name).x == 1
        assert counts(auditor) == {"IA901": 1}


def test_an_import_that_fails_is_waited_for_again(application):
    name = application("broken_module", "raise ValueError('at first')")
    with make_auditor(config(name)) as auditor:
        with pytest.raises(ValueError, match="at first"):
            importlib.import_module(name)
        application("broken_module", SOURCE)
        crossing(importlib.import_module(name))
        assert counts(auditor) == {"IA201": 1}


def test_a_reload_is_noticed_reported_and_instrumented(application):
    name = application("reloaded_module", SOURCE)
    with make_auditor(config(name)) as auditor:
        module = importlib.import_module(name)
        crossing(module)
        importlib.reload(module)
        auditor.instrumentation.refresh()
        crossing(module)
        assert counts(auditor) == {"IA201": 2, "IA902": 1}


def test_a_reload_of_what_an_integration_watches_is_noticed_within_some_looks(application, monkeypatch):
    name = application("reloaded_library", SOURCE)
    work = Interceptor()
    work.place = f"{name}:Engine.work"
    points = [Point(work.place, lambda _layout: work)]
    integration = SimpleNamespace(distribution="reloaded", since="1", points=lambda _runtime: points)
    auditor = make_auditor(config("elsewhere"))
    places = auditor.instrumentation.places
    auditor.instrumentation.integrated += targets("reloaded", integration, auditor.runtime, places)
    with auditor:
        module = importlib.import_module(name)
        watched = auditor.instrumentation.integrated[-1]
        module.Engine().work()
        assert watched.calls == [1]
        importlib.reload(module)
        monkeypatch.setattr(instrumentation, "_EVERY", 3)
        for _ in range(3):
            auditor.instrumentation.look()
        module.Engine().work()
        assert watched.calls == [2]


def passing_by(name, other, auditor, monkeypatch):
    """``other`` stands in the place of a module while somebody looks, as eventlet does it for an import."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, name, other)
        auditor.instrumentation.refresh()
    auditor.instrumentation.refresh()


@pytest.mark.parametrize("called", ["green.socket", "socket"])
def test_what_stands_in_for_a_module_for_a_moment_is_left_alone(called, application, monkeypatch):
    first = socket.socket.accept
    other = types.ModuleType(called)
    exec("class socket:\n    def accept(self): return 'green'", vars(other))
    with make_auditor(config(application("elsewhere_module", SOURCE))) as auditor:
        passing_by("socket", other, auditor, monkeypatch)
        assert other.socket().accept() == "green"
        assert "IA902" not in counts(auditor)
        states = {str(one.target): one.state.value for one in auditor.instrumentation.integrated}
        assert states["socket:socket.accept"] == "applied"
    assert socket.socket.accept is first


def test_what_has_come_to_stay_in_the_place_of_a_module_is_told(application, monkeypatch):
    other = types.ModuleType("socket")
    exec("class socket:\n    def accept(self): return 'green'", vars(other))
    with make_auditor(config(application("elsewhere_module", SOURCE))) as auditor, monkeypatch.context() as patch:
        patch.setitem(sys.modules, "socket", other)
        auditor.instrumentation.refresh()
        auditor.instrumentation.refresh()
        assert counts(auditor) == {"IA902": 1}


def test_a_module_thrown_out_and_imported_again(application):
    name = application("again_module", SOURCE)
    with make_auditor(config(name)) as auditor:
        for expected in (1, 2, 3):
            crossing(importlib.import_module(name))
            assert counts(auditor)["IA201"] == expected
            del sys.modules[name]
            auditor.instrumentation.refresh()


def test_nobody_is_told_after_the_end(application):
    name = application("after_the_end", SOURCE)
    with make_auditor(config(name)) as auditor:
        pass
    module = importlib.import_module(name)
    code = module.Engine.work.__code__
    crossing(module)
    assert counts(auditor).get("IA201") is None
    assert "__ia_states" not in code.co_varnames


EMITTER = """
class Emitter:
    def __init__(self, name="all", *, user_id=None): self.user_id = user_id
    def emit(self, to): pass
"""


@pytest.mark.parametrize(
    ("owner", "escaped"),
    [
        ("", False),
        ('owner = "self.user_id"', False),
        ('owner = "args.to"', False),
        ('owner = ["args.user_id", "self.user_id"]', False),
        ('owner = "args.user_id"', True),
        ('owner = "args[0]"', True),
    ],
)
def test_an_emitter_from_before_is_late_only_where_its_constructor_says_whose_it_is(owner, escaped):
    module = make_module(EMITTER)
    early = module.Emitter()
    text = f'[[emitters]]\ntarget = "APP:Emitter"\naddressee = "args.to"\nmethods = {{ emit = "*" }}\n{owner}\n'
    with make_auditor(text, module) as auditor:
        assert counts(auditor).get("IA902", 0) == escaped
        with user_scope("alice"):
            early.emit("bob")
        assert counts(auditor)["IA202"] == 1


def test_an_emitter_that_its_module_makes_and_keeps_is_not_late(application):
    name = application("keeps_an_emitter", EMITTER + "emitter = Emitter()\n")
    text = f'[[emitters]]\ntarget = "{name}:Emitter"\naddressee = "args.to"\nmethods = {{ emit = "*" }}\n'
    with make_auditor(text) as auditor:
        module = importlib.import_module(name)
        with user_scope("alice"):
            module.emitter.emit("bob")
        assert counts(auditor) == {"IA202": 1}


def test_objects_from_before_are_reported_and_bound_at_their_first_use():
    module = make_module("class Engine:\n    def work(self): return 1\n")
    early = module.Engine()
    with make_auditor('[[engines]]\ntarget = "APP:Engine"', module) as auditor:
        assert counts(auditor) == {"IA902": 1}
        with user_scope("alice"):
            early.work()
        with user_scope("bob"):
            early.work()
        assert counts(auditor) == {"IA902": 1, "IA201": 1}


def test_subclasses_of_any_making_are_seen():
    module = make_module(SOURCE)
    with make_auditor(config(module.__name__)) as auditor:
        seen = observed(auditor)
        space = vars(module)
        exec("class Own(Engine):\n    def extra(self): return 'extra'", space)
        exec("from dataclasses import dataclass\n@dataclass\nclass Data(Engine):\n    user_id: str = 'alice'", space)
        exec("@dataclass(slots=True)\nclass Slots(Engine):\n    number: int = 1\n    user_id: str = 'alice'", space)
        auditor.instrumentation.refresh()
        with user_scope("bob"):
            assert module.Own("alice").extra() == "extra"
            assert module.Data("alice").work() == "work"
            assert module.Slots(5, "alice").work() == "work"
        assert [type(one).__name__ for one in seen].count("Built") == 3
        assert [type(one).__name__ for one in seen].count("Used") == 3


def test_a_dataclass_with_a_foreign_base_keeps_its_generated_constructor():
    foreign = make_module("class Plugin:\n    def __init__(self, *args): self.args = args\n", "foreign_plugin")
    module = make_module(SOURCE)
    with make_auditor(config(module.__name__)) as auditor:
        vars(module)["Plugin"] = foreign.Plugin
        source = "from dataclasses import dataclass\n@dataclass\nclass Child(Plugin, Engine):\n    number: int\n"
        exec(source, vars(module))
        assert module.Child(5).number == 5
        exec("class Loose(Plugin, Engine): pass", vars(module))
        auditor.instrumentation.refresh()
        assert module.Loose(1, 2).args == (1, 2)
        assert auditor.runtime.tally.built.total() == 1
    assert "__init__" not in vars(module.Loose)


def test_classes_made_on_many_threads_are_patched_once():
    module = make_module(SOURCE)
    with make_auditor(config(module.__name__)) as auditor:
        barrier = threading.Barrier(8)

        def make():
            barrier.wait()
            for _ in range(20):
                made = type("Made", (module.Engine,), {"__module__": module.__name__, "more": lambda self: 1})
                assert made("alice").more() == 1

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert auditor.runtime.barrier.counts == {}
        assert auditor.runtime.tally.built.total() == 160


def test_a_base_shared_by_two_targets_is_watched_for_both():
    source = """
class Base:
    def work(self): return 1
class One(Base): pass
class Two(Base): pass
class Three(Base): pass
class Nearer(One): pass
"""
    module = make_module(source)
    engines = "".join(f'[[engines]]\ntarget = "APP:{name}"\n' for name in ("One", "Two", "Nearer"))
    with make_auditor(engines, module) as auditor:
        seen = observed(auditor)
        for name in ("One", "Two", "Three", "Nearer"):
            obj = getattr(module, name)()
            for user in ("alice", "bob"):
                with user_scope(user):
                    obj.work()
        used = [str(one.entry.target).split(":")[1] for one in seen if type(one).__name__ == "Used"]
        assert used == ["One", "Two", "Nearer"]
        assert dict(auditor.runtime.tally.built) == {f"{module.__name__}:{name}": 1 for name in used}


def test_an_inherited_scope_is_a_scope_of_the_named_class_only():
    source = (
        "class Base:\n    def run(self, user_id, seen): return seen()\nclass One(Base): pass\nclass Two(Base): pass\n"
    )
    module = make_module(source)
    with make_auditor('[[scopes]]\ntarget = "APP:One.run"\nuser = ["args.user_id"]', module) as auditor:

        def current():
            return getattr(auditor.runtime.ambient.current(), "id", None)

        assert module.One().run("alice", current) == "alice"
        assert module.Two().run("alice", current) is None
