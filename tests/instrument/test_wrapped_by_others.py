"""Other tools wrap above and below ours, and come and go in any order."""

from __future__ import annotations

import functools
from unittest import mock

import pytest
import wrapt
from audited_source import counts, make_auditor, make_module

from isolation_audit import user_scope
from isolation_audit.instrument.patching.targets import State
from isolation_audit.instrument.shim_codes import is_generated

pytestmark = pytest.mark.usefixtures("installation")

SOURCE = """
import collections
class Engine:
    def __init__(self, user_id="alice"): self.user_id = user_id
    def work(self, value): return value
    async def wait(self, value): return value
class Queue(dict):
    pass
"""

CONFIG = """
[[engines]]
target = "APP:Engine"
owner = ["self.user_id", "args.user_id"]
[[emitters]]
target = "APP:Queue"
methods = { update = "updated" }
"""


def with_wrapt(owner, name):
    log = []

    def around(wrapped, _instance, args, kwargs):
        log.append(name)
        return wrapped(*args, **kwargs)

    original = vars(owner).get(name)
    setattr(owner, name, wrapt.FunctionWrapper(original or getattr(owner, name), around))
    return log, lambda: setattr(owner, name, original) if original is not None else delattr(owner, name)


def with_functools(owner, name):
    log = []
    original, present = getattr(owner, name), vars(owner).get(name)

    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        log.append(name)
        return original(*args, **kwargs)

    setattr(owner, name, wrapper)
    return log, lambda: setattr(owner, name, present) if present is not None else delattr(owner, name)


def with_mock(owner, name):
    patcher = mock.patch.object(owner, name, autospec=True, side_effect=getattr(owner, name))
    started = patcher.start()
    return started.mock_calls if hasattr(started, "mock_calls") else started.mock.mock_calls, patcher.stop


TOOLS = [with_wrapt, with_functools, with_mock]
PLACES = [("Engine", "__init__"), ("Engine", "work"), ("Queue", "update")]


def use(module):
    with user_scope("bob"):
        engine = module.Engine("alice")
        assert engine.work(7) == 7
        queue = module.Queue()
        queue.update(a=1)
        assert queue == {"a": 1}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("place", PLACES, ids="-".join)
@pytest.mark.parametrize("below", [True, False], ids=["below", "above"])
@pytest.mark.parametrize("first_out", ["tool", "ours"])
def test_any_order_of_coming_and_going(tool, place, below, first_out):
    if tool is with_mock and place[1] != "work":
        pytest.skip("mock can stand in for plain methods only")
    module = make_module(SOURCE)
    owner, name = getattr(module, place[0]), place[1]
    auditor = make_auditor(CONFIG, module)
    bare = set(vars(module.Queue))
    if below:
        log, remove = tool(owner, name)
        auditor.start()
    else:
        auditor.start()
        log, remove = tool(owner, name)
    use(module)
    assert len(log) >= 1, "the other tool sees its calls"
    assert auditor.runtime.tally.built.total() == 1
    assert counts(auditor).get("IA201") == 1
    assert auditor.runtime.tally.events.total() == 1
    if first_out == "tool":
        remove()
        # What was below ours and is taken away takes ours with it, unless ours is in the function at the very bottom.
        use(module)
        assert counts(auditor)["IA201"] == 1 if below and place[1] == "work" and tool is not with_wrapt else 2
        auditor.stop()
    else:
        auditor.stop()
        length = len(log)
        use(module)
        assert len(log) > length
        remove()
    use(module)
    assert "IA903" not in counts(auditor)
    make_auditor(CONFIG, module).start().stop()
    assert set(vars(module.Queue)) == bare or (below and name == "update")
    for method in ("__init__", "work", "wait"):
        function = vars(module.Engine)[method]
        assert type(function).__name__ == "function"
        assert not is_generated(function.__code__)


def test_a_mock_in_the_place_of_a_target_is_no_reload():
    module = make_module(SOURCE + "\ndef send(to): return to\n")
    auditor = make_auditor(CONFIG + '[[emitters]]\ntarget = "APP:send"\n', module)
    with auditor:
        with mock.patch.object(module, "send") as stand_in:
            auditor.instrumentation.refresh()
            module.send("x")
            stand_in.assert_called_once_with("x")
            assert module.send is stand_in
        auditor.instrumentation.refresh()
        assert module.send("x") == "x"
        assert auditor.runtime.tally.events.total() == 1
        assert "IA902" not in counts(auditor)


def in_a_closure(original):
    def around(*args, **kwargs):
        return original(*args, **kwargs)

    return around


def in_a_closure_of_a_helper(original):
    def call(args, kwargs):
        return original(*args, **kwargs)

    def around(*args, **kwargs):
        return call(args, kwargs)

    return around


def in_a_default(original):
    def around(*args, _original=original, **kwargs):
        return _original(*args, **kwargs)

    return around


def in_a_global(original):
    names = {"original": original}
    exec("def around(*args, **kwargs): return original(*args, **kwargs)", names)
    return names["around"]


def in_a_partial(original):
    called = functools.partial(original)

    def around(*args, **kwargs):
        return called(*args, **kwargs)

    return around


@pytest.mark.parametrize("keeps", [in_a_closure, in_a_closure_of_a_helper, in_a_default, in_a_global, in_a_partial])
@pytest.mark.parametrize("name", ["Engine.work", "Engine.wait", "Engine.make", "send"])
def test_a_wrapper_around_ours_is_no_reload(keeps, name):
    """As tracing tools put one around the methods of libraries, without a word of what it wraps."""
    module = make_module(
        SOURCE.replace("class Queue", "    @classmethod\n    def make(cls): return cls()\nclass Queue")
        + "\ndef send(to): return to\n"
    )
    emitters = "".join(f'[[emitters]]\ntarget = "APP:{one}"\n' for one in ("Engine.make", "send"))
    with make_auditor(CONFIG + emitters, module) as auditor:
        owner = module.Engine if "." in name else module
        attribute = name.rpartition(".")[2]
        raw = vars(owner)[attribute]
        wrapped = classmethod(keeps(raw.__func__)) if isinstance(raw, classmethod) else keeps(raw)
        setattr(owner, attribute, wrapped)
        auditor.instrumentation.refresh()
        use(module)
        assert "IA902" not in counts(auditor)
        assert counts(auditor)["IA201"] == 1


PATCHED = """
from starlette.responses import StreamingResponse

async def stream_response(self, send):
    await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
    async for chunk in self.body_iterator:
        await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

def patch():
    StreamingResponse.stream_response = stream_response
"""


def test_a_method_of_a_library_that_the_application_has_replaced_is_no_reload(monkeypatch):
    """What is in its place is watched from then on, and nothing was made before that would not be."""
    responses = pytest.importorskip("starlette.responses")
    monkeypatch.setattr(responses.StreamingResponse, "stream_response", responses.StreamingResponse.stream_response)
    module = make_module(PATCHED)
    name = "starlette.responses:StreamingResponse.stream_response"
    with make_auditor("", module) as auditor:
        watched = next(one for one in auditor.instrumentation.integrated if str(one.target) == name)
        before = watched.found
        module.patch()
        auditor.instrumentation.refresh()
        assert counts(auditor) == {}
        assert watched.state is State.APPLIED
        assert watched.found is not before
        assert vars(responses.StreamingResponse)["stream_response"] is watched.found


def test_a_function_that_calls_another_instead_is_a_replacement():
    module = make_module(SOURCE + "\ndef send(to): return to\n")
    with make_auditor(CONFIG + '[[emitters]]\ntarget = "APP:send"\n', module) as auditor:
        module.send = in_a_closure(lambda to: to)
        auditor.instrumentation.refresh()
        assert counts(auditor) == {"IA902": 1}
