"""Uses of engines behind compiled hooks: whatever changes after a clean call, the next one is judged by what is now."""

from __future__ import annotations

import pickle
import sys
import threading
import weakref
from pathlib import Path

import pytest
from audited_source import auditing, counts, make_auditor, make_module

import isolation_audit
from isolation_audit import user_scope
from isolation_audit.config.paths import parse_path
from isolation_audit.instrument.compile.check import Read, can_give, compiled_paths, plain_read
from isolation_audit.instrument.compile.site import Site
from isolation_audit.instrument.patching.shims import exact_layout
from isolation_audit.model.contexts import Moment
from isolation_audit.model.remembered import remembered
from isolation_audit.model.requests import Request
from isolation_audit.model.scopes import Scope
from isolation_audit.model.users import Kind

pytestmark = pytest.mark.usefixtures("installation")

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
    def ask(self, question="?"): return [question]
    async def wait(self, question="?"): return [question]
    def stream(self, question="?"): yield question
    def within(self, context=None): return [context]

class Special(Engine):
    pass
"""

BY_SELF = '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\n'
BY_CONTEXT = '[[engines]]\ntarget = "APP:Engine"\nowner = ["args.context.user_id", "self.context.user_id"]\n'
VARIABLE = '[ambient]\ncontextvar = "APP:current_user"\n'


def calls_of_ours(call):
    """How many functions of ours run for one call, after those that teach it."""
    for _ in range(3):
        call()
    seen = []

    def note(frame, event, _argument):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            seen.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def driven(coroutine):
    """The result of a coroutine that waits for nothing; no event loop, because that is watched, too."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


def crossings(auditor) -> int:
    return counts(auditor).get("IA201", 0)


@pytest.mark.parametrize("config", [BY_SELF, VARIABLE + BY_SELF])
def test_a_clean_use_runs_none_of_our_functions(config):
    with auditing(SOURCE, config) as (app, auditor), user_scope("alice"):
        engine = app.Engine("alice")
        assert calls_of_ours(engine.ask) == []
        assert calls_of_ours(lambda: driven(engine.wait())) == []
        assert calls_of_ours(lambda: list(engine.stream())) == []
    assert not crossings(auditor)


def test_an_owner_behind_a_context_is_read_in_line():
    with auditing(SOURCE, BY_CONTEXT) as (app, auditor), user_scope("alice"):
        engine = app.Engine(context=app.Context("alice"))
        assert calls_of_ours(engine.ask) == []
        given = app.Context("alice")
        assert calls_of_ours(lambda: engine.within(given)) == []
        given.user_id = "bob"
        engine.within(given)
        assert crossings(auditor) == 1
        engine.context.user_id = "bob"
        engine.ask()
    assert crossings(auditor) == 2


@pytest.mark.parametrize("config", [BY_SELF, VARIABLE + BY_SELF])
def test_every_other_user_is_seen(config):
    with auditing(SOURCE, config) as (app, auditor):
        engine, others = app.Engine("alice"), app.Engine("bob")
        with user_scope("alice"):
            for _ in range(3):
                engine.ask()
            others.ask()
            assert crossings(auditor) == 1, "another object"
            engine.user_id = "carol"
            engine.ask()
            assert crossings(auditor) == 2, "another owner of the same object"
            engine.user_id = "alice"
            for _ in range(3):
                engine.ask()
            with user_scope("bob"):
                engine.ask()
                assert crossings(auditor) == 3, "another scope"
            engine.ask()
            assert crossings(auditor) == 3
        with user_scope("dave"):
            engine.ask()
        assert crossings(auditor) == 4, "the next unit of work"


BY_RECORD = '[[engines]]\ntarget = "APP:Engine"\n'


def test_the_owner_in_an_object_s_record():
    """Nothing says whose an object is but its first use: the very object is compared."""
    with auditing(SOURCE, BY_RECORD) as (app, auditor):
        one, other = app.Engine(), app.Engine()
        with user_scope("alice"):
            assert calls_of_ours(one.ask) == []
        with user_scope("bob"):
            assert calls_of_ours(other.ask) == []
            one.ask()
            assert crossings(auditor) == 1
            other.ask()
            assert crossings(auditor) == 1
        app.Engine.ask(None)
    assert not auditor.runtime.barrier.counts


def test_what_is_remembered_of_an_object_keeps_nothing_alive():
    with auditing(SOURCE, BY_RECORD) as (app, _auditor), user_scope("alice"):
        engine = app.Engine()
        gone = weakref.ref(engine)
        assert calls_of_ours(engine.ask) == []
        del engine
        assert gone() is None


def test_another_value_of_the_application_s_variable_is_seen():
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        engine = app.Engine("alice")
        app.current_user.set("alice")
        assert calls_of_ours(engine.ask) == []
        token = app.current_user.set("bob")
        engine.ask()
        assert crossings(auditor) == 1
        app.current_user.reset(token)
        engine.ask()
        app.current_user.set(None)
        engine.ask()
        assert crossings(auditor) == 1


def test_what_another_context_has_is_seen():
    """Two threads, each with its own user, go in turn through one method."""
    with auditing(SOURCE, VARIABLE + BY_SELF) as (app, auditor):
        engines = {name: app.Engine(name) for name in ("alice", "bob")}
        turns, rounds = threading.Barrier(2), 50

        def work(name):
            app.current_user.set(name)
            for number in range(rounds):
                turns.wait()
                engines[name].ask()
                if number == rounds - 1:
                    engines["bob" if name == "alice" else "alice"].ask()

        threads = [threading.Thread(target=work, args=(name,)) for name in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert crossings(auditor) == 2
        assert auditor.runtime.tally.seen[f"{app.__name__}:Engine"] == 2 * rounds + 2 + 2, "two were built"


def test_a_name_that_turns_out_to_be_another_user_s_is_looked_at_again():
    with auditing(SOURCE, BY_SELF) as (app, auditor), user_scope("alice"):
        engine = app.Engine("alice@example.com")
        names, users = auditor.runtime.names, auditor.runtime.users
        from isolation_audit.model.user_names import Name

        names.learn(Name("alice", aliases=("alice@example.com",)), users.token("alice"))
        assert calls_of_ours(engine.ask) == []
        with user_scope("alice@example.com"):
            pass  # somebody has logged in by that name: it is a user of its own
        engine.ask()
    assert crossings(auditor) == 1


def test_a_class_that_becomes_a_target_of_its_own_takes_its_objects():
    config = BY_SELF + '[[engines]]\ntarget = "APP_LATER:Special"\nowner = ["self.context.user_id"]\n'
    app = make_module(SOURCE)
    later = f"{app.__name__}_later"
    auditor = make_auditor(config.replace("APP_LATER", later).replace("APP", app.__name__))
    with auditor, user_scope("alice"):
        engine = app.Special("alice", app.Context("bob"))
        assert calls_of_ours(engine.ask) == []
        sys.modules[later] = app
        auditor.instrumentation.refresh()
        engine.ask()
        assert crossings(auditor) == 1
    del sys.modules[later]


def test_each_call_counts_once():
    with auditing(SOURCE, BY_CONTEXT) as (app, auditor), user_scope("alice"):
        engine, place = app.Engine(context=app.Context("alice")), f"{app.__name__}:Engine"
        before = auditor.runtime.tally.seen[place]
        for _ in range(7):
            engine.ask()
        assert auditor.runtime.tally.seen[place] - before == 7
        assert auditor.runtime.tally.seen[place] - before == 7, "asked twice"
        asked = {one["path"]: (one["asked"], one["gave"]) for one in auditor.runtime.paths.as_list()}
        assert asked["args.context.user_id"] == (8, 1), "the constructor has one"
        assert asked["self.context.user_id"] == (7, 7)
        watched = next(one for one in auditor.instrumentation.targets if one.role == "engine")
        assert watched.calls[0] == 8


def test_what_is_counted_stays_when_the_hook_goes():
    with auditing(SOURCE, BY_SELF) as (app, auditor), user_scope("alice"):
        engine = app.Engine("alice")
        for _ in range(5):
            engine.ask()
        auditor.instrumentation.places.release_all()
        engine.ask()
        assert auditor.runtime.tally.seen[f"{app.__name__}:Engine"] == 6
        assert len(auditor.runtime.tally.cells) == 0


def test_undo_gives_back_the_very_code():
    app = make_module(SOURCE)
    methods = [app.Engine.ask, app.Engine.wait, app.Engine.stream, app.Engine.within, app.Engine.__init__]
    codes = [method.__code__ for method in methods]
    with make_auditor(VARIABLE + BY_SELF, app), user_scope("alice"):
        engine = app.Engine("alice")
        for _ in range(3):
            engine.ask()
        assert [method.__code__ for method in methods] != codes
    assert all(method.__code__ is code for method, code in zip(methods, codes, strict=True))


def test_nothing_lazy_is_evaluated():
    source = SOURCE + (
        "class Lazy(Engine):\n"
        "    asked = 0\n"
        "    def __init__(self): pass\n"
        "    @property\n"
        "    def user_id(self):\n"
        "        Lazy.asked += 1\n"
        "        return str(len('alice'))\n"
        "class Missing(Engine):\n"
        "    asked = 0\n"
        "    def __init__(self): pass\n"
        "    def __getattr__(self, name):\n"
        "        Missing.asked += 1\n"
        "        return 'alice'\n"
    )
    with auditing(source, BY_SELF) as (app, auditor), user_scope("alice"):
        usual, engine, other = app.Engine("alice"), app.Lazy(), app.Missing()
        for _ in range(4):
            usual.ask()
            engine.ask()
            other.ask()
        assert (app.Lazy.asked, app.Missing.asked) == (0, 0)
        # The method is handed an object that is no engine at all.
        app.Engine.ask(app.Context("bob"))
    assert not auditor.runtime.barrier.counts


def test_a_fault_in_a_comparison_stays_inside():
    with auditing(SOURCE, BY_SELF) as (app, auditor), user_scope("alice"):
        engine = app.Engine("alice")
        assert calls_of_ours(engine.ask) == []
        del engine.user_id
        assert engine.ask("x") == ["x"]
        engine.user_id = None
        assert engine.ask("x") == ["x"]
        assert not auditor.runtime.barrier.counts
    assert not crossings(auditor)


def test_an_object_that_outlives_its_unit_is_looked_at_each_time():
    with auditing(SOURCE, BY_SELF) as (app, auditor):
        with user_scope("alice"):
            engine = app.Engine("alice")
            for _ in range(3):
                engine.ask()
        auditor.settle(60.0)
        with user_scope("alice"):
            assert calls_of_ours(engine.ask) != []
        auditor.settle()
    assert not counts(auditor), "it was used in a later unit: it is made to last"


def test_what_is_remembered_keeps_nothing_of_a_unit():
    with auditing(SOURCE, BY_SELF) as (app, auditor), user_scope("alice"):
        engine = app.Engine("alice")
        for _ in range(3):
            engine.ask()
        (site,) = [one for one in auditor.runtime.tally.cells._cells if one.clean]
        kept = {type(value) for value in site.known}
        assert kept == {type, str, Moment, type([].append)}
        (moment,) = [value for value in site.known if type(value) is Moment]
        assert not any(type(one) in (Scope, Request) for one in moment.ambient)
        auditor._look_again()
        assert app.Engine not in site.known


def test_calls_that_take_turns_are_remembered_in_vain_for_a_while_only():
    with auditing(SOURCE, BY_RECORD) as (app, _auditor), user_scope("alice"):
        one, other = app.Engine(), app.Engine()
        before = len(remembered._places)
        for _ in range(50):
            one.ask()
            other.ask()
        assert len(remembered._places) - before <= 1, "a place is kept once"
        in_turns = len(calls_of_ours(lambda: (one.ask(), other.ask())))
        remembered.forget()
        assert calls_of_ours(one.ask) == []
        assert in_turns > 0


def test_what_was_forgotten_meanwhile_is_not_kept():
    class Place:
        forgotten = 0

        def forget(self):
            self.forgotten += 1

    place, version = Place(), remembered.version
    remembered.forget()
    assert not remembered.keep(place, version)
    assert place.forgotten == 1
    assert remembered.keep(place, remembered.version)
    remembered.forget()
    assert place.forgotten >= 2


def test_a_site_knows_no_call_where_it_is_unpickled():
    from isolation_audit.instrument.cells import Cells

    copy = pickle.loads(pickle.dumps(Site(3, Cells())))
    assert not hasattr(copy, "known")


def test_paths_that_can_be_read_in_line():
    def method(self, context, /, user=None, *rest, last=None): ...
    def open_ended(self, **more): ...

    layout = exact_layout(method, receiver=True)
    assert plain_read("owner", parse_path("self.a.b"), layout) == Read("owner", 0, ("a", "b"))
    assert plain_read("owner", parse_path("args.last.b"), layout) == Read("owner", 3, ("b",))
    assert plain_read("owner", parse_path("run_id:args.user"), layout) == Read("owner", 2)
    assert compiled_paths("owner", (parse_path("run_id:args.user"),), layout) is None
    assert compiled_paths("owner", (parse_path("run_id:args.user"),), layout, bound=True).binding == "run_id"
    for path in ("args.user['id']", "args.nothing", "args[0].b", "return.user"):
        assert plain_read("owner", parse_path(path), layout) is None
    assert can_give(parse_path("args.anything"), exact_layout(open_ended, receiver=True))

    def closed(self, user): ...

    assert not can_give(parse_path("args.context"), exact_layout(closed, receiver=True))
    assert can_give(parse_path("args.user"), exact_layout(closed, receiver=True))


def test_placeholders_and_system_users_are_as_before():
    config = '[identity]\nsystem = ["service:*"]\nplaceholders = ["anonymous"]\n' + BY_SELF
    with auditing(SOURCE, config) as (app, auditor):
        for owner, ambient in (("service:a", "alice"), ("alice", "service:a"), ("anonymous", "alice")):
            engine = app.Engine(owner)
            with user_scope(ambient):
                for _ in range(4):
                    engine.ask()
        assert auditor.runtime.users.token("anonymous").kind is Kind.PLACEHOLDER
        assert not crossings(auditor)


def test_no_state_is_torn_where_hooks_come_and_go_under_eight_threads():
    """Each thread makes so many calls; meanwhile hooks are put in and taken out as often as there is time for it."""
    calls = 3_000
    app = make_module(SOURCE)
    wrong, code = [], app.Engine.ask.__code__

    def work(name):
        engine = app.Engine(name)
        app.current_user.set(name)
        answers = ((engine.ask(name), list(engine.stream(name))) for _ in range(calls))
        wrong.extend(answer for answer in answers if answer != ([name], [name]))

    threads = [threading.Thread(target=work, args=(f"user-{number}",)) for number in range(8)]
    auditor = make_auditor(VARIABLE + BY_SELF, app)
    for thread in threads:
        thread.start()
    flips = 0
    while any(thread.is_alive() for thread in threads) or not flips:
        auditor.instrumentation.start()
        auditor.instrumentation.stop()
        assert app.Engine.ask.__code__ is code
        flips += 1
    for thread in threads:
        thread.join()
    assert not wrong
    assert not auditor.runtime.barrier.counts
    assert "IA201" not in counts(auditor)


BOUND = """
[ambient]
contextvar = "APP:current_user"
[identity]
bind = { run_id = "run_id" }
[[emitters]]
target = "APP:Bridge"
addressee = "run_id:args.run_id"
methods = { tell = "told" }
"""


def test_an_id_that_is_bound_to_a_user_is_read_in_line_until_it_is_bound_to_another():
    source = SOURCE + "\nclass Bridge:\n    def tell(self, run_id): return run_id\n"
    with auditing(source, BOUND) as (app, auditor), user_scope("alice"):
        token, learn = auditor.runtime.users.token, auditor.runtime.bindings.learn
        learn("run_id", "run_1", token("alice"))
        bridge = app.Bridge()
        assert "EmissionPoint.before" not in calls_of_ours(lambda: bridge.tell("run_1"))
        assert not counts(auditor)
        learn("run_id", "run_1", token("bob"))
        bridge.tell("run_1")
        assert counts(auditor) == {"IA202": 1}
        learn("run_id", "run_1", token("alice"))
        calls_of_ours(lambda: bridge.tell("run_1"))
        auditor.runtime.bindings.forget("run_id", "run_1")
        assert "EmissionPoint.before" in calls_of_ours(lambda: bridge.tell("run_1"))
        assert counts(auditor) == {"IA202": 1}
