"""IA502: what grows with each unit of work, over all and of one user, and the bound on false alarms."""

from __future__ import annotations

import gc
import random
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.analysis.trends import Series
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config
from isolation_audit.instrument.heap.bounds import is_bounded
from isolation_audit.instrument.heap.sizes import size_of
from isolation_audit.rules.lifetime.growth import Grown, Growth, Stayed

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = 1_200


def drive(one: Any, work: Callable[[int], None], units: int = UNITS) -> dict[str, str]:
    """So many units, looked at as in an application; what IA502 says, by target."""
    for number in range(units):
        work(number)
        if number % 16 == 0:
            gc.collect(1)  # what is left is of the oldest generation now
            one.lifetimes().measure_again()
            one.auditor.settle(60.0)
    return {finding.target: finding.message for finding in one.found("IA502")}


def test_what_is_made_to_last_and_grows_by_itself(running) -> None:
    """One engine for all units, whose list of messages has no end."""
    one = running(
        "class Session:\n"
        "    engine = None\n\n"
        "def keep(engine):\n"
        "    Session.engine = Session.engine or engine\n"
        "    Session.engine.__dict__.setdefault('messages', []).append('what is the weather like?' * 3)\n"
        "    Session.engine.ask()\n"
    )
    found = drive(one, lambda _number: one.unit(one.module.keep))
    assert list(found) == ["app:Engine"]
    assert found["app:Engine"].startswith("bytes of app:Engine pile up: ")
    assert "held by app.Session.engine" in found["app:Engine"]


class Box:
    """Something that stays."""


def test_one_users_objects_grow_among_many_users() -> None:
    """Of a hundred users one has objects that stay: over all that is below the least slope."""
    told: list[Grown] = []
    with Auditor(Config()) as auditor:
        auditor.runtime.publish = told.append  # type: ignore[method-assign, assignment]
        growth = Growth(auditor.runtime)
        users = [auditor.runtime.users.token(f"user-{number}") for number in range(100)]
        eve, kept = users[7], []
        for number in range(UNITS):
            for user in users:
                growth.made("app:Engine", user)
            kept.append(Box())
            if number % 16 == 0:
                growth.sample(lambda: [Stayed(weakref.ref(one), "app:Engine", eve, (), True, False) for one in kept])
    (grown,) = told
    assert (grown.user, grown.in_bytes, round(grown.slope, 2)) == (eve, False, 1.0)


def test_users_who_left_nothing_take_nobodys_place() -> None:
    """More users than are followed come once, and leave nothing; the objects of one who comes after them stay."""
    told: list[Grown] = []
    with Auditor(Config()) as auditor:
        auditor.runtime.publish = told.append  # type: ignore[method-assign, assignment]
        growth = Growth(auditor.runtime)
        for number in range(1_000):
            growth.made("app:Engine", auditor.runtime.users.token(f"passer-by-{number}"))
            growth.sample(tuple)
        assert len(growth.units) == 1, "over all users"
        eve, kept = auditor.runtime.users.token("eve"), []
        others = [auditor.runtime.users.token(f"user-{number}") for number in range(100)]
        for number in range(UNITS):
            for user in (eve, *others):
                growth.made("app:Engine", user)
            kept.append(Box())
            if number % 16 == 0:
                growth.sample(lambda: [Stayed(weakref.ref(one), "app:Engine", eve, (), True, False) for one in kept])
    assert [(grown.user, round(grown.slope, 2)) for grown in told] == [(eve, 1.0)]


def test_what_is_made_to_last_has_a_time_to_warm_up(running) -> None:
    """A session for each unit, used again later: at first there are more and more."""
    one = running(
        "KEPT = []\n\ndef keep(engine):\n    KEPT.append(engine)\n    KEPT[-1 - len(KEPT) // 2].ask()\n", warm_up="1h"
    )
    assert drive(one, lambda _number: one.unit(one.module.keep)) == {}


def test_slow_garbage_is_silent(running) -> None:
    """Cycles that wait for a collection which comes seldom."""
    one = running("def keep(engine):\n    engine.itself = engine\n")
    thresholds = gc.get_threshold()
    gc.set_threshold(1_000_000, 1_000, 1_000)
    try:
        for number in range(1_500):
            one.unit(one.module.keep)
            if number % 16 == 0:
                one.auditor.settle(60.0)
        assert one.found("IA502") == []
    finally:
        gc.set_threshold(*thresholds)


def _wanders(chance: random.Random, keeps: float) -> Callable[[int], float]:
    """Values that remember the last one, around 200."""
    off = [chance.gauss(0, 50)]

    def value(_units: int) -> float:
        off[0] = keeps * off[0] + (1 - keeps * keeps) ** 0.5 * chance.gauss(0, 50)
        return max(0, int(200 + off[0]))

    return value


def _walks(chance: random.Random) -> Callable[[int], float]:
    at = [500]

    def value(_units: int) -> float:
        at[0] = max(0, at[0] + chance.choice([-3, 0, 3]))
        return at[0]

    return value


def _sessions(chance: random.Random) -> Callable[[int], float]:
    """Sessions that begin with every third unit and end after 300 units, as a rule: at first there are none."""
    ends: list[float] = []

    def value(units: int) -> float:
        ends.extend(units + chance.expovariate(1 / 300) for _ in range(17) if chance.random() < 0.3)
        ends[:] = [end for end in ends if end > units]
        return len(ends)

    return value


def _collected(chance: random.Random, every: int) -> Callable[[int], float]:
    start = chance.randrange(every)
    return lambda units: (units + start) % every + chance.randrange(3)


def _plain(of: Callable[[random.Random, int], float]) -> Callable[[random.Random], Callable[[int], float]]:
    return lambda chance: lambda units: of(chance, units)


WITHOUT: dict[str, Callable[[random.Random], Callable[[int], float]]] = {
    "noise": _plain(lambda chance, _units: chance.randrange(40)),
    "bursts": _plain(lambda chance, _units: 500 if chance.random() < 0.1 else chance.randrange(5)),
    "wandering": lambda chance: _wanders(chance, 0.9),
    "slowly wandering": lambda chance: _wanders(chance, 0.98),
    "random walk": _walks,
    "sessions": _sessions,
    "garbage every 100 units": lambda chance: _collected(chance, 100),
    "garbage every 700 units": lambda chance: _collected(chance, 700),
    "cache of 400": _plain(lambda chance, units: min(units, 400) + chance.randrange(3)),
    "warm-up": _plain(lambda chance, units: (300 if units > 500 else units // 2) + chance.randrange(4)),
}

RISING: dict[str, Callable[[random.Random], Callable[[int], float]]] = {
    "one in twenty": _plain(lambda chance, units: units // 20 + chance.randrange(4)),
    "three a unit": _plain(lambda chance, units: 3 * units + chance.randrange(4)),
    "below garbage": _plain(lambda chance, units: units // 5 + units % 300 // 3 + chance.randrange(2)),
}


def _told(shape: Callable[[random.Random], Callable[[int], float]], chance: random.Random, samples: int) -> bool:
    """Whether a series is told at any of its samples."""
    series, value = Series(), shape(chance)
    for number in range(samples):
        series.add(17 * number, value(17 * number))
        if series.rising() is not None:
            return True
    return False


@pytest.mark.parametrize("repetitions", [12, pytest.param(1_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("shape", WITHOUT)
def test_the_bound_on_false_alarms(shape: str, repetitions: int) -> None:
    """At most one of a thousand series without a trend is told, each looked at 200 times."""
    chance = random.Random(f"{shape} {repetitions}")
    told = sum(_told(WITHOUT[shape], chance, 200) for _ in range(repetitions))
    assert told <= repetitions // 1_000, f"{told} of {repetitions}"


@pytest.mark.parametrize("shape", RISING)
def test_what_does_rise_is_told(shape: str) -> None:
    chance = random.Random(shape)
    assert all(_told(RISING[shape], chance, 400) for _ in range(10))


def test_bytes_are_those_of_an_objects_own() -> None:
    class Holder:
        def __init__(self, **inside: Any) -> None:
            vars(self).update(inside)

    other = Holder(text="x" * 100_000)
    small, large = size_of(Holder(other=other)), size_of(Holder(texts=["y" * 100 for _ in range(10_000)]))
    assert small < 2_000
    assert 1_000_000 < large < 3_000_000
    assert size_of(Holder(deep={"a": [{"b": ("z" * 50_000,)}]})) > 50_000


def test_an_ordinary_object_has_no_bound() -> None:
    assert not any(map(is_bounded, [[], {}, object(), gc, int, len]))
