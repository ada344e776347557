"""Functions behind a gate: as long as it is closed, their calls are counted by their own code and nobody is asked."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import Any

import pytest

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.patching.shims import CodePatch
from isolation_audit.model.gates import Gate


class Told(Interceptor):
    place = "app:say"

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate
        self.told: list[Any] = []

    def before(self, values: Any) -> Any:
        self.told.append(values)
        return values

    def after(self, state: Any, result: Any) -> None:
        self.told.append(result)


def say(word: str, *more: str, loud: bool = False) -> str:
    if not word:
        raise ValueError(word)
    return " ".join([word, *more]).upper() if loud else word


async def say_later(word: str) -> str:
    await asyncio.sleep(0)
    return word


def say_each(word: str) -> Any:
    yield from word


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_nobody_is_asked_before_the_gate_is_open_and_each_call_is_counted(gate: Gate) -> None:
    patch, told, calls = CodePatch(say), Told(gate), [0]  # type: ignore[arg-type]
    patch.probe.add(told, Barrier(), calls)
    try:
        assert say("a", "b", loud=True) == "A B"
        with pytest.raises(ValueError, match=r"^$"):
            say("")
        assert (told.told, calls) == ([], [2])
        gate.open = True
        assert say("a") == "a"
        assert (told.told, calls) == ([("a", False, ()), "a"], [3])
    finally:
        patch.undo()


def test_coroutines_and_generators_behind_a_gate_are_what_they_were(gate: Gate) -> None:
    for function in (say_later, say_each):
        patch, told, calls = CodePatch(function), Told(gate), [0]  # type: ignore[arg-type]
        patch.probe.add(told, Barrier(), calls)
        try:
            made = function("ab")
            if inspect.iscoroutine(made):
                assert asyncio.run(made) == "ab"
            else:
                assert list(made) == ["a", "b"]
            assert (told.told, calls) == ([], [1])
        finally:
            patch.undo()


def test_a_second_one_that_has_no_gate_is_asked_and_the_first_one_is_not(gate: Gate) -> None:
    patch, behind, always = CodePatch(say), Told(gate), Told()  # type: ignore[arg-type]
    first, second = [0], [0]
    guarded = patch.probe.add(behind, Barrier(), first)
    other = patch.probe.add(always, Barrier(), second)
    try:
        say("a")
        assert (behind.told, len(always.told), first, second) == ([], 2, [1], [1])
        patch.probe.remove(other)
        say("a")
        assert (behind.told, len(always.told), first, second) == ([], 2, [2], [1])
        patch.probe.remove(guarded)
        say("a")
        assert (first, second) == ([2], [1])
    finally:
        assert patch.undo()
    assert say.__code__ is patch.original_code


def test_code_with_a_gate_is_shown_as_people_read_it_and_can_be_told_apart(gate: Gate) -> None:
    patch = CodePatch(say)  # type: ignore[arg-type]
    patch.probe.add(Told(gate), Barrier(), [0])
    try:
        shown = patch.source()
        assert "if not GATED.gate.open:" in shown
        assert "__ia_" not in shown
        assert {say.__code__: 1}[say.__code__] == 1, "others keep code in tables"
    finally:
        patch.undo()


def test_what_a_pickler_takes_along_asks_nobody_and_counts_nothing(gate: Gate) -> None:
    probe = Probe(len)
    probe.add(Told(gate), Barrier(), [0])
    alone = pickle.loads(pickle.dumps(probe.gated))
    assert alone.gate.open
