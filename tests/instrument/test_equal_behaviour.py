"""An audited application does what the bare one does, whatever is called in whatever way."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import application_kinds as kinds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isolation_audit.instrument.patching import inlined

CALLS = int(os.environ.get("ISOLATION_AUDIT_EXAMPLES", "1000"))

VALUES: list[Any] = ["alice", "bob", "", "raise", "from", "while", "stop", "generator exit", "stubborn", "swallow"]
VALUES += ["fail", None, 0, 7, ("a", "tuple"), "nobody", 3.5]
NAMES = ["a", "b", "c", "d", "user_id", "number", "self", "nope", "count"]
METHODS = ["plain", "only", "same", "of_class", "static", "coroutine", "generator", "async_generator", "wrapped"]
METHODS += ["closure", "part", "builtin", "half", "get", "fromkeys", "update"]
CHILDREN = ["Right", "DataChild", "NewChild", "NothingChild", "Mixed", "ModelChild", "Property", "AdoptedChild"]
CHILDREN += ["AdoptedData"]
USED = ["Base", "Left", "Diamond", "Right", "Adopted", "AdoptedChild", "AdoptedData", "AdoptedMapping"]
STEPS = ["next", "next", "next", "send", "throw", "close"]


@pytest.fixture(scope="module", params=["general", "inlined", "shim"])
def pair(request):
    bare = kinds.application()
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "shim":
            patch.setattr(inlined, "KNOWN", False)
        audited, auditor = kinds.audited(kinds.config_of if request.param == "general" else kinds.config_of_compiled)
        with auditor:
            yield bare, audited, auditor


def some_arguments(draw: random.Random) -> tuple[list[Any], dict[str, Any]]:
    if draw.random() < 0.3:
        return [draw.choice(VALUES)], {}
    names = draw.sample(NAMES, draw.randrange(3))
    return [draw.choice(VALUES) for _ in range(draw.randrange(4))], {name: draw.choice(VALUES) for name in names}


def some_steps(draw: random.Random) -> list[tuple[str, Any]]:
    thrown = ["Odd", "Exit", "Stop", "AsyncStop", "Value"]
    steps = [draw.choice(STEPS) for _ in range(draw.randrange(1, 6))]
    return [(step, draw.choice(thrown if step == "throw" else VALUES)) for step in steps]


def construct(trace: kinds.Trace, draw: random.Random) -> None:
    name = draw.choice([*kinds.CLASSES, *CHILDREN])
    args, kwargs = some_arguments(draw)
    obj = trace.call(getattr(trace.module, name), *args, **kwargs)
    if obj is not None:
        trace.seen.append(sorted(vars(obj)) if hasattr(obj, "__dict__") else "slots")
        trace.call(getattr(obj, "method", None) or getattr(obj, "plain", len), draw.choice(VALUES))


def use(trace: kinds.Trace, draw: random.Random) -> None:
    obj = getattr(trace.module, draw.choice(USED))()
    name = draw.choice([name for name in METHODS if hasattr(obj, name)])
    receiver = draw.choice([obj, obj, obj, type(obj)])
    args, kwargs = some_arguments(draw)
    if receiver is not obj and draw.random() < 0.5:
        args.insert(0, obj)
    finish(trace, trace.call(getattr(receiver, name), *args, **kwargs), draw)


def call_function(trace: kinds.Trace, draw: random.Random) -> None:
    args, kwargs = some_arguments(draw)
    finish(trace, trace.call(getattr(trace.module, draw.choice(kinds.FUNCTIONS)), *args, **kwargs), draw)


def read_property(trace: kinds.Trace, draw: random.Random) -> None:
    obj = trace.module.Property(draw.choice(VALUES))
    trace.call(getattr, obj, draw.choice(["value", "cached"]))
    trace.call(setattr, obj, "value", 5)
    trace.call(delattr, obj, "value")


def finish(trace: kinds.Trace, result: Any, draw: random.Random) -> None:
    if hasattr(result, "ag_frame"):
        LOOP.run_until_complete(trace.drive_async(result, some_steps(draw)))
    elif hasattr(result, "gi_frame"):
        trace.drive(result, some_steps(draw))
    elif hasattr(result, "cr_frame"):
        if draw.random() < 0.2:
            trace.call(result.close)
        else:
            LOOP.run_until_complete(trace.wait(result))


LOOP = asyncio.new_event_loop()


def teardown_module() -> None:
    LOOP.run_until_complete(LOOP.shutdown_asyncgens())
    LOOP.close()


def run_again(module: Any, seed: int) -> list[Any]:
    """One call with all that belongs to it, and twice more: compiled hooks compare with what came twice before."""
    return [run_once(module, seed) for _ in range(3)]


def run_once(module: Any, seed: int) -> list[Any]:
    draw = random.Random(seed)
    trace = kinds.Trace(module)
    draw.choice([construct, construct, use, use, use, call_function, read_property])(trace, draw)
    return [*trace.seen, list(trace.log())]


@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore:functools.partial will be a method descriptor:FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=CALLS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**63))
def test_random_calls_do_the_same_as_without_the_auditor(pair, seed):
    bare, audited, _auditor = pair
    assert run_again(audited, seed) == run_again(bare, seed)


def test_the_calls_were_seen_and_nothing_went_wrong_inside(pair):
    """Runs after the random calls: equal behaviour would prove nothing of an auditor that looked away."""
    _bare, _audited, auditor = pair
    assert auditor.runtime.barrier.counts == {}
    clean = sum(site.clean for site in auditor.runtime.tally.cells._cells)
    one_role_each = not auditor.config.deprecations
    assert clean > CALLS / 50 or not one_role_each, "where several roles meet in a function, each call is looked at"
    assert auditor.runtime.tally.seen.total() > CALLS / 4
