"""What the auditor says it costs inside of calls: estimated from a part of them, and none of them behaves otherwise."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.calls import call_costs
from isolation_audit.instrument.calls.call_costs import CallCosts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.patching.shims import CodePatch

CLOCK = SimpleNamespace(now=0)


class Slow(Interceptor):
    """Takes so many nanoseconds of a clock that stands otherwise."""

    place = "app:answer"

    def __init__(self, before: int, after: int = 0) -> None:
        self._before, self._after = before, after
        self.told: list[Any] = []

    def before(self, values: Any) -> Any:
        CLOCK.now += self._before
        self.told.append(values)
        return "state"

    def after(self, state: Any, result: Any) -> None:
        CLOCK.now += self._after
        self.told.append((state, result))

    def failed(self, state: Any, error: BaseException) -> None:
        self.told.append((state, type(error)))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_costs, "thread_time_ns", lambda: CLOCK.now)


def hook(interceptor: Interceptor) -> tuple[Any, CodePatch]:
    def answer(value: Any) -> Any:
        if issubclass(type(value), BaseException):
            raise value
        return value

    patch = CodePatch(answer)  # type: ignore[arg-type]
    patch.probe.add(interceptor, Barrier(), [0])
    return answer, patch


def test_all_calls_of_a_hook_that_is_timed_count() -> None:
    slow = Slow(before=2_000, after=1_000)
    answer, patch = hook(slow)
    costs = CallCosts(lambda: [patch.probe])
    answer(0)
    costs.look()
    for value in range(500):
        assert answer(value) == value
    costs.stop()
    assert costs.seconds == pytest.approx(500 * 3e-6)
    assert len(slow.told) == 2 * 501


def test_each_is_timed_in_its_turn_and_counts_for_the_round() -> None:
    hooks = [hook(Slow(before=1_000)) for _ in range(70)]
    costs = CallCosts(lambda: [patch.probe for _answer, patch in hooks])
    for _second in range(6):  # two rounds of three steps
        costs.look()
        for answer, _patch in hooks:
            for value in range(10):
                answer(value)
    costs.stop()
    assert costs.seconds == pytest.approx(6 * 70 * 10 * 1e-6)


def test_nobody_is_timed_who_has_not_its_turn_and_nothing_stays() -> None:
    hooks = [hook(Slow(before=1)) for _ in range(40)]
    costs = CallCosts(lambda: [patch.probe for _answer, patch in hooks])

    def timed() -> list[bool]:
        return [patch.probe.before.__module__ == call_costs.__name__ for _answer, patch in hooks]

    assert not any(timed())
    costs.look()
    assert timed() == [True] * 32 + [False] * 8
    costs.look()
    assert timed() == [False] * 32 + [True] * 8
    costs.stop()
    assert not any(timed())


def test_what_a_call_raises_goes_on_and_is_told() -> None:
    slow = Slow(before=1)
    answer, patch = hook(slow)
    costs = CallCosts(lambda: [patch.probe])
    costs.look()
    for error in (ValueError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised:
            answer(error)
        assert raised.value is error
        assert slow.told[-1] == ("state", type(error))


def test_a_call_that_ends_later_is_told_and_counts() -> None:
    slow = Slow(before=1_000, after=5_000)
    _answer, patch = hook(slow)
    costs = CallCosts(lambda: [patch.probe])
    costs.look()
    states = patch.probe.before((1,))
    assert states is not None
    costs.look()
    patch.probe.after(states, "done")
    assert slow.told[-1] == ("state", "done")
    costs.stop()
    assert costs.seconds == pytest.approx(6e-6)


def test_an_idle_process_exchanges_no_hooks_and_measures_the_same_afterwards() -> None:
    slow = Slow(before=1_000)
    answer, patch = hook(slow)
    costs = CallCosts(lambda: [patch.probe])
    seen = []
    for _ in range(60):
        costs.look()
        seen.append(patch.probe.before)
    assert len(set(map(id, seen[-10:]))) <= 2
    for _ in range(200):
        answer(1)
    for _ in range(3):
        costs.look()
    assert patch.probe.before is not seen[-1], "it is busy again"
    costs.stop()
    assert costs.seconds > 0


def test_a_fault_is_absorbed_as_without_a_watch() -> None:
    class Broken(Interceptor):
        place = "app:answer"

        def before(self, values: Any) -> Any:
            raise ValueError(values)

    answer, patch = hook(Broken())
    costs = CallCosts(lambda: [patch.probe])
    for _ in range(30):  # after some faults it is asked no more
        costs.look()
        assert answer(1) == 1
    assert len(patch.probe) == 0


def test_who_comes_and_goes_while_a_hook_is_timed() -> None:
    first, second = Slow(1), Slow(1)
    answer, patch = hook(first)
    costs = CallCosts(lambda: [patch.probe])
    costs.look()
    patch.probe.add(second, Barrier(), [0])
    answer(1)
    assert (len(first.told), len(second.told)) == (2, 2)
    costs.look()
    patch.undo()
    costs.stop()
    answer(2)
    assert (len(first.told), len(second.told)) == (2, 2)
    assert patch.probe.before(((3,),)) is None


def test_at_the_end_of_the_stack_a_call_may_be_as_deep_as_ever() -> None:
    answer, patch = hook(Slow(1))
    costs = CallCosts(lambda: [patch.probe])

    def deepest(depth: int) -> int:
        try:
            answer(depth)
            return deepest(depth + 1)
        except RecursionError:
            return depth

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        bare = deepest(0)
        costs.look()
        assert deepest(0) >= bare
    finally:
        sys.setrecursionlimit(limit)


def test_a_running_auditor_measures_itself(audits: Any) -> None:
    source = "class Engine:\n    def __init__(self, user):\n        self.user = user\n"
    app, auditor = audits(source, '[[engines]]\ntarget = "APP:Engine"\nowner = "args.user"\n')
    auditor._costs.look()
    probes = [probe for probe in auditor.instrumentation.probes() if len(probe)]
    assert probes
    app.Engine("alice")
    told = auditor.snapshot()["summary"]
    assert told["engines_built"] == 1
    assert told["call_seconds"] == 0  # the clock of these tests stands
    auditor.stop()
    assert all(probe.before.__module__ != call_costs.__name__ for probe in probes)


def test_a_probe_that_asks_nobody_stays_so() -> None:
    probe = Probe(len)
    costs = CallCosts(lambda: [probe])
    costs.look()
    assert probe.before(((),)) is None
    costs.stop()
    assert costs.seconds == 0


def test_a_hook_whose_calls_are_counted_anyway_has_the_watch_before_it_for_the_timed_calls_only() -> None:
    slow = Slow(before=1_000)
    answer, patch = hook(slow)
    costs = CallCosts(lambda: [patch.probe])
    costs.look()
    asked = []
    for value in range(100):
        asked.append(patch.probe.before.__module__ == call_costs.__name__)
        answer(value)
    assert asked == [True] * 8 + [False] * 92
    costs.look()
    assert patch.probe.before.__module__ == call_costs.__name__, "its turn has come again"
    for value in range(50):
        answer(value)
    costs.stop()
    assert costs.seconds == pytest.approx(150 * 1e-6)


def test_hooks_that_count_in_one_cell_are_each_counted_by_its_watch() -> None:
    cell = [0]

    def of_one_target() -> tuple[Any, CodePatch]:
        def answer(value: Any) -> Any:
            return value

        patch = CodePatch(answer)  # type: ignore[arg-type]
        patch.probe.add(Slow(before=1_000), Barrier(), cell)
        return answer, patch

    hooks = [of_one_target() for _ in range(3)]
    costs = CallCosts(lambda: [patch.probe for _answer, patch in hooks])
    costs.look()
    for answer, _patch in hooks:
        for value in range(20):
            answer(value)
    costs.stop()
    assert costs.seconds == pytest.approx(3 * 20 * 1e-6)
