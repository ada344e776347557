"""Functions with exchanged code: the same to callers, to inspect, to picklers, tracers and threads."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import inspect
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import threading
import typing
import warnings
import weakref
from importlib.metadata import PackageNotFoundError, version
from types import FunctionType, SimpleNamespace
from typing import Any

import application_kinds as kinds
import pytest
from audited_source import auditing, make_auditor, make_module, observed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.cells import Cells
from isolation_audit.instrument.compile.check import Check
from isolation_audit.instrument.patching.shims import CodePatch, UnshimmableError, exact_layout
from isolation_audit.instrument.reading.layout import MISSING, Reader
from isolation_audit.instrument.shim_codes import is_generated, own_code

NAMES = ("a", "b", "c", "d", "e")


class Note:
    """An interceptor that keeps what it is told."""

    place = "test"

    def __init__(self):
        self.calls = []

    def before(self, values):
        self.calls.append(("before", values))
        return values

    def after(self, state, result):
        self.calls.append(("after", result))

    def failed(self, state, error):
        self.calls.append(("failed", error))


AUDIT = SimpleNamespace(
    config=SimpleNamespace(ambient=SimpleNamespace(contextvar=None)),
    ambient=None,
    tally=SimpleNamespace(cells=Cells()),
    objects=None,
)


@pytest.fixture(params=["shim", "inlined"], autouse=True)
def installation(request):
    """Each test runs with a shim, and with a check in the function's own code that never finds a call clean."""
    INSTALLED[:] = [request.param]
    return request.param


INSTALLED = ["shim"]


def patched(function, note=None):
    patch = CodePatch(function)
    note = note or Note()
    if INSTALLED == ["inlined"]:
        note.compiled_check = Check((), exact_layout(function, receiver=False), AUDIT)
    patch.probe.add(note, Barrier(), [0])
    assert (own_code(function.__code__) is not None) is (INSTALLED == ["inlined"])
    return patch


@st.composite
def signatures(draw):
    names = list(draw(st.permutations(NAMES)))[: draw(st.integers(0, 5))]
    cut = sorted(draw(st.integers(0, len(names))) for _ in range(2))
    only, plain, keywords = names[: cut[0]], names[cut[0] : cut[1]], names[cut[1] :]
    defaults = draw(st.integers(0, len(only) + len(plain)))
    written = []
    for index, name in enumerate(only + plain):
        written.append(f"{name}=D{index}" if index >= len(only) + len(plain) - defaults else name)
        if only and index == len(only) - 1:
            written.append("/")
    rest = draw(st.booleans())
    if rest or keywords:
        written.append("*rest" if rest else "*")
    written += [f"{name}=D9" if draw(st.booleans()) else name for name in keywords]
    more = draw(st.booleans())
    written += ["**more"] if more else []
    everything = [*names, *(["rest"] if rest else []), *(["more"] if more else [])]
    return f"def f({', '.join(written)}): return [{', '.join(everything)}]"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    signatures(),
    st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from([*NAMES, "x", "rest"]), st.integers(), max_size=4),
)
def test_any_signature_takes_and_refuses_the_same_calls(source, calls, kwargs):
    def outcome(function, args):
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            return str(error)

    space = {f"D{number}": object() for number in range(10)}
    exec(source, space)
    function = space["f"]
    bare = [outcome(function, args) for args in calls]
    signature = inspect.signature(function)
    note = Note()
    patch = patched(function, note)
    assert [outcome(function, args) for args in calls] == bare
    assert inspect.signature(function) == signature
    entered = [values for kind, values in note.calls if kind == "before"]
    assert [list(values) for values in entered] == [one for one in bare if isinstance(one, list)]
    patch.undo()
    assert [outcome(function, args) for args in calls] == bare


def test_returned_objects_are_the_very_same():
    def function(self, value):
        return value

    patched(function)
    for value in (object(), [], asyncio.Future, iter(())):
        assert function(None, value) is value


def test_exceptions_keep_their_identity_context_and_cause():
    cause, error = KeyError("cause"), ValueError("error")

    def function():
        raise error from cause

    patched(function)
    outer = LookupError("outer")
    with pytest.raises(ValueError, match="error") as caught:
        try:
            raise outer
        except LookupError:
            function()
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert caught.value.__context__ is outer


def test_inspect_sees_no_difference():
    module = kinds.application()

    def seen():
        found = {}
        for cls in (
            module.Base,
            module.Data,
            module.Frozen,
            module.Nothing,
            module.OnlyNew,
            module.NewChild,
            module.Mapping,
        ):
            with contextlib.suppress(ValueError):
                found[cls.__name__] = str(inspect.signature(cls))
            found[cls.__name__, "source"] = inspect.isclass(cls)
        for owner in (module, module.Base, module.Adopted):
            for name in dir(owner):
                value = getattr(owner, name)
                if name.startswith("__") or not callable(value) or isinstance(value, type):
                    continue
                with contextlib.suppress(ValueError, TypeError):
                    found[owner.__name__, name, "signature"] = str(inspect.signature(value))
                for question in ("iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction", "isfunction"):
                    found[owner.__name__, name, question] = getattr(inspect, question)(value)
                for attribute in ("__name__", "__defaults__", "__kwdefaults__", "__annotations__", "__doc__"):
                    found[owner.__name__, name, attribute] = str(getattr(value, attribute, None))
                if type(value) is FunctionType and owner is not module.Adopted:
                    found[owner.__name__, name, "line"] = value.__code__.co_firstlineno, value.__code__.co_filename
                    found[owner.__name__, name, "wrapped"] = getattr(value, "__wrapped__", None)
        return found

    bare = seen()
    with make_auditor(kinds.config_of(module.__name__)):
        audited = seen()
    # What stands before an inherited foreign method has no defaults of its own (its signature shows them), and what is
    # bound by a partialmethod is wrapped in wrapt's.
    known = {("Adopted", "plain", "__defaults__"), ("Adopted", "static", "__defaults__"), ("Base", "half", "line")}
    different = {key: (bare[key], audited.get(key)) for key in bare if bare[key] != audited.get(key)}
    assert set(different) - known - {("Base", "half", "wrapped")} == set(), different


def test_source_and_type_hints_stay_readable():
    before = inspect.getsource(hinted)
    patch = patched(hinted)
    assert inspect.getsource(hinted) == before
    assert typing.get_type_hints(hinted) == {"value": int, "return": str}
    patch.undo()


def hinted(value: int) -> str:
    """Hinted."""
    return str(value)


def test_a_generator_is_the_original_s_own():
    def generator(value):
        got = yield value
        return got

    bare = generator(1).gi_code
    patched(generator)
    made = generator(1)
    assert made.gi_code is (bare if INSTALLED == ["shim"] else generator.__code__)
    assert inspect.getgeneratorstate(made) == inspect.GEN_CREATED
    assert inspect.isgeneratorfunction(generator)
    assert next(made) == 1
    with pytest.raises(StopIteration) as stop:
        made.send(2)
    assert stop.value.value == 2


def test_a_generator_swallows_its_exit_as_before():
    def generator():
        try:
            yield 1
        except GeneratorExit:
            return "value"

    bare = generator()
    next(bare)
    expected = bare.close()
    patched(generator)
    made = generator()
    next(made)
    assert made.close() == expected


def test_async_generators_are_closed_once_at_the_end_of_the_loop():
    closed, problems = [], []

    async def stream():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(1)

    patched(stream)
    kept = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        kept.append(stream())
        await anext(kept[0])

    asyncio.run(main())
    assert closed == [1]
    assert problems == []


def test_an_async_generator_closed_in_another_task_ends_there():
    closed = []

    async def stream():
        try:
            while True:
                yield 1
        finally:
            closed.append(asyncio.current_task())

    patched(stream)

    async def main():
        running = stream()
        await anext(running)
        await asyncio.create_task(running.aclose())

    asyncio.run(main())
    assert len(closed) == 1


def test_a_cancelled_task_tells_the_interceptor_and_its_awaiter():
    note = Note()

    async def work():
        await asyncio.sleep(10)

    patched(work, note)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [kind for kind, _ in note.calls] == ["before", "failed"]
    assert isinstance(note.calls[1][1], asyncio.CancelledError)


class Picklable:
    def __init__(self, user_id="alice"):
        self.user_id = user_id

    def method(self):
        return self.user_id


def module_function(value):
    return value * 2


@pytest.mark.parametrize("function", [Picklable.method, Picklable.__init__, module_function, hinted])
def test_functions_pickle_by_reference(function):
    patch = patched(function)
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.copy(function) is copy.deepcopy(function) is function
    patch.undo()


def test_instances_pickle_and_copy_without_a_trace():
    patches = [patched(Picklable.__init__), patched(Picklable.method)]
    obj = Picklable("bob")
    dumped = pickle.dumps(obj)
    assert b"isolation" not in dumped
    assert vars(pickle.loads(dumped)) == vars(copy.deepcopy(obj)) == vars(copy.copy(obj)) == {"user_id": "bob"}
    for patch in patches:
        patch.undo()


def test_an_audited_function_runs_in_a_spawned_process():
    patch = patched(module_function)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(module_function, [1, 2]) == [2, 4]
    patch.undo()


def test_proxied_callables_copy_and_pickle_as_what_they_wrap():
    module = make_module("import functools\npart = functools.partial(max, 1)\nsend = len")
    original = module.part
    with make_auditor('[[emitters]]\ntarget = "APP:part"\n[[emitters]]\ntarget = "APP:send"', module):
        assert module.part is not original
        loaded = pickle.loads(pickle.dumps(module.part))
        assert (type(loaded), loaded(0), copy.deepcopy(module.part)(3)) == (type(original), 1, 3)
        assert type(copy.copy(module.part)) is type(original)
        assert pickle.loads(pickle.dumps(module.send)) is len
        assert b"isolation" not in pickle.dumps(module.part)


def test_a_function_pickled_by_value_needs_no_auditor_where_it_arrives():
    cloudpickle = pytest.importorskip("cloudpickle")
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def outer(k):\n    def inner(a, *, b=1): return a + b + k\n    return inner", space)
    inner = space["outer"](10)
    patched(inner)
    dumped = cloudpickle.dumps(inner)
    code = f"import pickle, sys; print(pickle.loads({dumped!r})(1, b=2), 'isolation_audit' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["13", "False"]


def test_a_tracer_beside_it_sees_the_function_s_own_lines():
    lines = []

    def function(value):
        value += 1
        return value

    first = function.__code__.co_firstlineno
    patched(function)

    def trace(frame, event, _argument):
        if frame.f_code.co_name == "function" and event == "line":
            lines.append(frame.f_lineno - first)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert function(1) == 2
    finally:
        sys.settrace(before)
    assert set(lines) == {0, 1, 2}


@pytest.mark.parametrize("core", ["ctrace", "pytrace"])
def test_coverage_counts_the_same_lines_and_branches(tmp_path, core, installation):
    try:
        version("coverage")
    except PackageNotFoundError:
        pytest.skip("coverage is not installed")
    pytest.importorskip("coverage")
    (tmp_path / "app.py").write_text(
        textwrap.dedent("""
        def work(value):
            if value:
                return 1
            return 2

        def stream(count):
            for number in range(count):
                yield number
        """)
    )
    script = textwrap.dedent("""
        import coverage, sys
        measured = coverage.Coverage(branch=True, include=["*/app.py"], data_file=None, config_file=False)
        measured.start()
        import app
        if len(sys.argv) > 1:
            from isolation_audit.instrument.patching.shims import CodePatch
            from types import SimpleNamespace
            from isolation_audit.instrument.barrier import Barrier
            from isolation_audit.instrument.cells import Cells
            from isolation_audit.instrument.compile.check import Check
            from isolation_audit.instrument.calls.interceptors import Interceptor
            from isolation_audit.instrument.patching.shims import exact_layout
            audit = SimpleNamespace(config=SimpleNamespace(ambient=SimpleNamespace(contextvar=None)), ambient=None)
            audit.tally, audit.objects = SimpleNamespace(cells=Cells()), None
            for function in (app.work, app.stream):
                patch, point = CodePatch(function), Interceptor()
                point.place = "test"
                if sys.argv[1] == "inlined":
                    point.compiled_check = Check((), exact_layout(function, receiver=False), audit)
                patch.probe.add(point, Barrier(), [0])
        app.work(1), list(app.stream(2))
        measured.stop()
        _, statements, _, missing, _ = measured.analysis2(app)
        numbers = measured._analyze(app.__file__).numbers
        print(statements, missing, numbers.n_branches, numbers.n_missing_branches, numbers.n_partial_branches)
    """)
    results = []
    for argument in ([], [installation]):
        ran = subprocess.run(
            [sys.executable, "-c", script, *argument],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"COVERAGE_CORE": core, "PYTHONPATH": str(tmp_path), "PATH": ""},
        )
        assert ran.returncode == 0, ran.stderr
        results.append(ran.stdout)
    assert results[0] == results[1]


def test_eight_threads_at_once_miss_nothing():
    source = """
class Engine:
    def __init__(self, user_id): self.user_id = user_id
    def work(self): return self.user_id
"""
    with auditing(source, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]') as (module, auditor):
        wrong = []

        def hammer(number):
            from isolation_audit import user_scope

            with user_scope(f"user{number}"):
                results = [module.Engine(f"user{number}").work() for _ in range(500)]
            wrong.extend(result for result in results if result != f"user{number}")

        threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert auditor.runtime.tally.built.total() == 4000
        assert auditor.runtime.tally.seen.total() == 8000
        assert auditor.recorder.counts.total() == 0


def test_closures_share_their_cells_with_the_original():
    def make():
        count = 0

        def add(by):
            nonlocal count
            count += by
            return count

        def read():
            return count

        return add, read

    add, read = make()
    patched(add)
    assert [add(1), add(2), read()] == [1, 3, 3]


def test_private_parameter_names_survive():
    class Mangled:
        def method(self, __secret, *, __more=1):
            return __secret, __more

    patched(Mangled.method)
    assert Mangled().method(5) == (5, 1)


def test_odd_names_are_refused_and_leave_the_function_alone():
    def function(a):
        return a

    function.__code__ = odd = function.__code__.replace(co_varnames=("not a name",))
    with pytest.raises(UnshimmableError, match="not a name"):
        CodePatch(function)
    assert function.__code__ is odd


def test_a_shim_is_known_as_long_as_it_lives():
    def function():
        return 1

    patch = patched(function)
    shim = function.__code__
    assert is_generated(shim)
    assert not is_generated(patch.original_code)
    reference = weakref.ref(shim)
    patch.undo()
    del patch, shim
    gc.collect()
    assert reference() is None


def test_a_dead_shim_only_passes_on():
    def function(value):
        return value

    patch = patched(function, note := Note())
    patch.probe.clear()
    assert function(3) == 3
    assert note.calls == []


def test_a_decorator_s_arguments_are_read_by_the_names_of_the_function_below():
    import functools

    from isolation_audit.config import parse_path

    def traced(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @traced
    def method(self, context, user_id=None):
        return user_id

    layout = exact_layout(method, receiver=True)
    note = Note()
    patched(method, note)
    method("me", "context", "bob")
    method("me", "context", user_id="carol")
    method("me", "context")
    reader = Reader(parse_path("args.user_id"), layout, [0, 0])
    assert [reader.read(values) for kind, values in note.calls if kind == "before"] == ["bob", "carol", MISSING]
    assert layout.self_of(note.calls[0][1]) == "me"


def test_a_plain_wrapper_around_a_coroutine_function_is_a_scope_as_long_as_the_coroutine():
    source = """
import functools, asyncio
def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper
@traced
async def work(user_id, seen):
    await asyncio.sleep(0)
    seen()
"""
    with auditing(source, '[[scopes]]\ntarget = "APP:work"\nuser = ["args.user_id"]') as (module, auditor):
        users = []
        asyncio.run(module.work("alice", lambda: users.append(auditor.runtime.ambient.current().id)))
        assert users == ["alice"]


def test_a_coroutine_that_is_never_awaited_is_complained_about_once():
    source = "class Sender:\n    async def __call__(self, a): return a\nsend = Sender()\nasync def plain(a): return a"
    config = '[[emitters]]\ntarget = "APP:send"\n[[emitters]]\ntarget = "APP:plain"'
    with auditing(source, config) as (module, auditor):
        seen = observed(auditor)
        for function in (module.send, module.plain):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                function("x")
                gc.collect()
            assert [str(one.message).split("'")[1] for one in caught] == [
                "Sender.__call__" if function is module.send else "plain"
            ]
            function("x").close()
        assert seen == []
