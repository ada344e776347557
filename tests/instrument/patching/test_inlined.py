"""Checks in the function's own code: the rest of it is what it was, whoever looks at it, and however it is called."""

from __future__ import annotations

import asyncio
import dis
import importlib
import inspect
import sys
import threading
import traceback
from types import FunctionType, SimpleNamespace

import pytest
from audited_source import auditing, counts

from isolation_audit import user_scope
from isolation_audit.instrument import stacks
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.cells import Cells
from isolation_audit.instrument.compile.check import Check
from isolation_audit.instrument.patching import inlined as inlined_module
from isolation_audit.instrument.patching.inlined import inlined
from isolation_audit.instrument.patching.shims import CodePatch, exact_layout
from isolation_audit.instrument.shim_codes import beneath, code_of, is_shim, original_code, own_code
from isolation_audit.model.contexts import moment_variable

AUDIT = SimpleNamespace(
    config=SimpleNamespace(ambient=SimpleNamespace(contextvar=None)),
    ambient=None,
    tally=SimpleNamespace(cells=Cells()),
    objects=None,
)
MODULES = ["argparse", "ast", "asyncio.base_events", "asyncio.streams", "asyncio.tasks", "contextlib", "dataclasses"]
MODULES += ["email.message", "enum", "functools", "heapq", "inspect", "json.decoder", "json.encoder", "logging"]
MODULES += ["shutil", "pprint", "queue", "re._parser", "subprocess", "tempfile", "textwrap", "tokenize", "typing"]


class Asked(Interceptor):
    """Keeps what it is asked; every call is clean where ``clean`` is true."""

    place = "test"

    def __init__(self, function, *, clean):
        self.seen = []
        self.compiled_check = check = Check((), exact_layout(function, receiver=False), AUDIT)
        if clean:
            check.site.known = (moment_variable.get(), moment_variable.get)

    def before(self, values):
        self.seen.append(values)


class Waiting(Asked):
    """The same, which waits for what each call gives."""

    def before(self, values):
        self.seen.append(values)
        return values

    def after(self, _state, result):
        self.seen.append(result)

    def failed(self, _state, error):
        self.seen.append(type(error))


def patched(function, kind=Asked, *, clean=False):
    patch = CodePatch(function)
    point = kind(function, clean=clean)
    patch.probe.add(point, Barrier(), [0])
    assert own_code(function.__code__) is not None
    return patch, point


def functions_of(module):
    """Functions of a module and of its classes, with the functions in them."""
    for value in vars(module).values():
        for one in [value, *(vars(value).values() if isinstance(value, type) else ())]:
            if type(one) is FunctionType and one.__module__ == module.__name__:
                yield one


def copied(function):
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def steps(code):
    return [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]


@pytest.mark.parametrize("name", MODULES)
def test_the_instructions_lines_and_handlers_of_real_functions_are_what_they_were(name):
    number = 0
    for function in functions_of(importlib.import_module(name)):
        original = function.__code__
        one = copied(function)
        patch, _point = patched(one)
        code, own = one.__code__, own_code(one.__code__)
        places = dict(enumerate(code.co_positions()))
        before = dict(enumerate(original.co_positions()))
        handlers, handlers_before = handlers_at(code), handlers_at(original)
        seen = []
        for step in dis.get_instructions(code):
            place = own.place(step.offset)
            if place is None or (step.opname == "NOP" and place[1] in seen):
                continue
            at = place[1]
            seen.append(at)
            assert places[step.offset // 2] == before[at // 2]
            found = handlers.get(step.offset)
            moved = None if found is None else (own.place(found[0])[1], *found[1:])
            assert moved == handlers_before.get(at)
        assert seen == [step.offset for step in dis.get_instructions(original)]
        mine = [step for step in steps(code) if (place := own.place(step.offset)) and step.opname != "NOP"]
        theirs = [step for step in steps(original) if step.opname != "NOP"]
        assert [(step.opname, said(step)) for step in mine] == [(step.opname, said(step)) for step in theirs]
        assert code.co_flags == original.co_flags
        assert inspect.getsource(code) == inspect.getsource(original)
        assert beneath(one).__code__ is original_code(code) is original
        patch.undo()
        assert one.__code__ is original
        number += 1
    assert number > 3


def said(step):
    """What an instruction says beside its name; of a jump how far it goes is told by where it leads."""
    return "jump" if step.opcode in dis.hasjrel else step.argval if step.argval.__class__ is not float else "number"


def handlers_at(code):
    """By the place of each instruction: its handler, the depth of the stack, and whether the place is pushed."""
    return {
        offset: (entry.target, entry.depth, entry.lasti)
        for entry in dis._parse_exception_table(code)
        for offset in range(entry.start, entry.end, 2)
    }


def busy(value, *rest, key="k", **more):
    try:
        for number in range(3):
            if number == value:
                continue
            inner = [number + len(rest) for _ in (1, 2)]
        if key == "raise":
            raise ValueError(key)
    except ValueError:
        return traceback.extract_stack()[-1].lineno
    finally:
        more["done"] = True
    return inner, sorted(locals())


exec("def one_line(value): return value")


def closing(value):
    def inner():
        return value

    return inner() + captured


captured = 1


def stream(value):
    got = yield value
    yield got


async def waiting(value):
    await asyncio.sleep(0)
    try:
        await asyncio.sleep(0)
    finally:
        value += 1
    return value


async def pieces(value):
    yield value
    await asyncio.sleep(0)
    yield value + 1


def run(function, *args, **kwargs):
    """What a call gives, of whatever kind the function is."""
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isgenerator(result):
        return [next(result), result.send(5)]
    if inspect.isasyncgen(result):

        async def collect():
            return [one async for one in result]

        return asyncio.run(collect())
    return result


CALLS = [
    (busy, (1, 2), {"x": 3}),
    (busy, (1,), {"key": "raise"}),
    (globals()["one_line"], (1,), {}),
    (closing, (1,), {}),
    (stream, (1,), {}),
    (waiting, (1,), {}),
    (pieces, (1,), {}),
]
IDS = [f"{function.__name__}-{number}" for number, (function, _args, _kwargs) in enumerate(CALLS)]
KINDS = [(Asked, True), (Asked, False), (Waiting, False)]


@pytest.mark.parametrize("call", CALLS, ids=IDS)
@pytest.mark.parametrize(("kind", "clean"), KINDS, ids=["clean", "asked", "waiting"])
def test_results_are_what_they_were(call, kind, clean):
    function, args, kwargs = call
    one = copied(function)
    bare = run(one, *args, **kwargs)
    _patch, point = patched(one, kind, clean=clean)
    for _ in range(40):  # specialised meanwhile
        assert run(one, *args, **kwargs) == bare
    assert len(point.seen) == (0 if clean else 40 if kind is Asked else 80)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "asked"])
def test_a_tracer_is_told_the_same(call, clean):
    function, args, kwargs = call
    one = copied(function)
    bare = traced(one, args, kwargs)
    assert any(event == "line" for event, _line in bare)
    patched(one, clean=clean)
    for _ in range(20):
        assert traced(one, args, kwargs) == bare


def traced(function, args, kwargs):
    events = []

    def trace(frame, event, _argument):
        if frame.f_code.co_name != function.__name__ or is_shim(frame.f_code):
            return None
        events.append((event, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(function, *args, **kwargs)
    finally:
        sys.settrace(before)
    return events


def test_nobody_sees_the_frame_before_the_function_begins():
    def outer():
        return inner(1)

    def inner(value):
        return value

    found = []

    class Looking(Asked):
        def before(self, values):
            found.append([frame.f_code.co_name for frame, _line in traceback.walk_stack(sys._getframe(1))])
            found.append(stacks.capture(2))

    patched(inner, Looking)
    outer()
    names, stack = found
    assert names[:4] == ["before", "inner", "outer", "test_nobody_sees_the_frame_before_the_function_begins"]
    assert [code.co_name for code, _lasti in stack][:1] == ["outer"] or stack[0][0].co_name == "before"


@pytest.mark.parametrize(("kind", "clean"), KINDS, ids=["clean", "asked", "waiting"])
def test_a_stack_from_within_has_the_code_as_it_was_written(kind, clean):
    kept = []

    def inner(last):
        kept.append(stacks.capture_again(last, 2))

    def outer(last=()):
        inner(last)

    outer()
    patched(inner, kind, clean=clean)
    outer()
    outer(kept[1])
    assert [code.co_name for code, _lasti in kept[0]] == ["inner", "outer"]
    assert kept[0] == kept[1]
    assert kept[2] == kept[1]
    assert kind is Waiting or kept[2] is kept[1], "the same as the last time"


@pytest.mark.parametrize(("kind", "clean"), KINDS, ids=["clean", "asked", "waiting"])
def test_a_frame_has_the_code_as_it_was_written(kind, clean):
    def function():
        return code_of(sys._getframe())

    written = function.__code__
    patch, _point = patched(function, kind, clean=clean)
    assert function() is written
    patch.undo()
    assert function() is written


def test_a_stack_through_a_coroutine_that_is_asked_about_when_it_is_awaited():
    kept = []

    class Looking(Asked):
        def before(self, values):
            kept.append([step[0].co_name for step in stacks.capture(9)])

    async def inner():
        return 1

    async def outer():
        return await inner()

    patched(inner, Looking)
    asyncio.run(outer())
    assert kept[0].count("inner") == 0
    assert "outer" in kept[0]


@pytest.mark.parametrize(("kind", "clean"), KINDS, ids=["clean", "asked", "waiting"])
def test_a_traceback_has_the_function_s_own_line(kind, clean):
    def fails(value):
        if value:
            raise LookupError(value)

    def lines():
        with pytest.raises(LookupError) as caught:
            fails(1)
        return [(one.name, one.lineno) for one in traceback.extract_tb(caught.value.__traceback__)]

    bare = lines()
    patched(fails, kind, clean=clean)
    audited = lines()
    if kind is Asked:
        assert audited == bare
    assert audited[-1] == bare[-1]
    assert all(line is not None for _name, line in audited)


def test_another_thread_reads_all_frames_meanwhile():
    def work(value):
        local = value

        def inner():
            return local

        return inner()

    patched(work)
    over = threading.Event()

    def call():
        while not over.is_set():
            work(1)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3000):
        for frame in sys._current_frames().values():
            while frame is not None:
                assert frame.f_lineno is None or frame.f_lineno > 0
                dict(frame.f_locals)
                frame = frame.f_back
    over.set()
    for thread in threads:
        thread.join()


class Pausing:
    def __await__(self):
        yield


def test_what_is_thrown_into_a_coroutine_that_is_waited_for_gets_there():
    async def work():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "cancelled"

    async def work_until_closed():
        await Pausing()

    _patch, point = patched(work, Waiting)
    patched(work_until_closed, Waiting)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "cancelled"
    assert point.seen == [(), "cancelled"]
    begun = work_until_closed()
    begun.send(None)
    begun.close()
    assert inspect.getcoroutinestate(begun) == inspect.CORO_CLOSED
    fresh = work_until_closed()
    assert inspect.getcoroutinestate(fresh) == inspect.CORO_CREATED
    with pytest.raises(KeyError):
        fresh.throw(KeyError("at the beginning"))


def test_many_constants_and_names_and_a_long_body():
    lines = [f"    value = value + {1000 + number} if value.real == {number} else value" for number in range(400)]
    lines += [f"    value.a{number} if value == -1 else None" for number in range(300)]
    source = "def long(value):\n    while value < 1:\n        value += 1\n" + "\n".join(lines) + "\n    return value\n"
    space: dict = {}
    exec(source, space)
    long = space["long"]
    bare = [long(number) for number in range(8)]
    for kind, clean in KINDS:
        patch, _point = patched(long, kind, clean=clean)
        assert [long(number) for number in range(8)] == bare
        patch.undo()


def test_code_that_another_tool_has_exchanged_is_left_alone():
    def function(value):
        return value

    patch, point = patched(function)
    theirs = function.__code__ = function.__code__.replace(co_name="theirs")
    assert not patch.undo()
    assert function.__code__ is theirs
    assert function(3) == 3
    assert point.seen == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
def test_code_that_a_tool_of_monitoring_listens_to_gets_a_shim():
    def function(value):
        return value

    monitoring, heard = sys.monitoring, []
    monitoring.use_tool_id(monitoring.PROFILER_ID, "test")
    monitoring.register_callback(monitoring.PROFILER_ID, monitoring.events.PY_START, lambda *told: heard.append(told))
    monitoring.set_local_events(monitoring.PROFILER_ID, function.__code__, monitoring.events.PY_START)
    try:
        patch = CodePatch(function)
        patch.probe.add(Asked(function, clean=False), Barrier(), [0])
        assert own_code(function.__code__) is None
        assert function(1) == 1
        assert len(heard) == 1
    finally:
        monitoring.set_local_events(monitoring.PROFILER_ID, patch.original_code, 0)
        monitoring.free_tool_id(monitoring.PROFILER_ID)


def test_code_of_another_make_gets_a_shim():
    def function(value):
        return value

    code = function.__code__
    odd = code.replace(co_code=bytes((dis.opmap["NOP"], 0)) + code.co_code)
    point = Asked(function, clean=False)
    assert inlined(function, code, point.compiled_check, CodePatch(copied(function)).probe) is not None
    assert inlined(function, odd, point.compiled_check, CodePatch(copied(function)).probe) is None


def test_a_place_that_is_switched_off_costs_nothing_any_more():
    class Failing(Asked):
        def before(self, values):
            raise RuntimeError

    def function(value):
        return value

    patch = CodePatch(function)
    patch.probe.add(Failing(function, clean=False), Barrier(allowance=2), [0])
    assert [function(1), function(2), function(3)] == [1, 2, 3]
    assert function.__code__ is patch.original_code
    patch.probe.add(Asked(function, clean=False), Barrier(), [0])
    assert own_code(function.__code__) is not None
    assert patch.undo()


SOURCE = """
class Engine:
    def __init__(self, user_id): self.user_id = user_id
    def ask(self):
        return [self.deeper()]
    def deeper(self):
        return 1

def use(engine):
    return engine.ask()
"""


def test_a_finding_names_the_lines_of_functions_that_are_watched_themselves():
    with auditing(SOURCE, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\n') as (app, auditor):
        engine = app.Engine("alice")
        with user_scope("alice"):
            for _ in range(4):
                app.use(engine)
        with user_scope("bob"):
            app.use(engine)
        sites = [entry.finding.site for entry in auditor.recorder.entries()]
        places = {(site.top.line, site.top.function) for site in sites}
    assert counts(auditor) == {"IA201": 2}
    assert places == {(10, "use"), (5, "Engine.ask")}


def test_a_check_that_can_not_be_put_in_is_counted_as_a_fault_and_a_shim_checks_instead(monkeypatch):
    def fails(*_given):
        raise RuntimeError

    monkeypatch.setattr(inlined_module, "inlined", fails)
    with auditing(SOURCE, '[[engines]]\ntarget = "APP:Engine"\nowner = ["self.user_id"]\n') as (app, auditor):
        assert is_shim(app.Engine.ask.__code__)
        with user_scope("bob"):
            assert app.use(app.Engine("alice")) == [1]
        # One for each of the three methods.
        assert auditor.runtime.barrier.counts == {f"{app.__name__}:Engine (inlined)": 3}
    assert counts(auditor) == {"IA201": 2, "IA903": 3}
