"""Loops that call nothing: outside of a unit of work they are not told, whatever they do; inside they are."""

from __future__ import annotations

import ast

import pytest
from told import Counting, listening

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite.listener import arm
from isolation_audit.instrument.rewrite.loading import Loading
from isolation_audit.instrument.rewrite.loops import is_closed

SOURCE = b"""
class A:
    def __init__(self): self.x, self.d = 1, {"k": 1}
    def reads(self):
        for _ in range(3): self.x
    def writes(self):
        n = 0
        while n < 3:
            n += 1
            self.d["k"] = n
    def collects(self):
        return [self.x for _ in range(3)], {self.x for _ in range(2)}, {n: [self.x] for n in range(1)}
    def collects_calling(self, work):
        return [(self.x, work()) for _ in range(3)]
    def calls(self, work):
        for _ in range(3):
            self.x
            work()
            self.x
"""


class Asked(Counting):
    """Counts how often it is asked for the unit that runs."""

    inside = False

    def __init__(self):
        super().__init__()
        self.asked = 0

    def unit(self):
        self.asked += 1
        return self if self.inside else None


@pytest.fixture
def made():
    names: dict = {"__name__": "program"}
    exec(Loading((), Barrier()).code(SOURCE, "program.py"), names)
    return names["A"]()


@pytest.mark.parametrize("method", ["reads", "writes"])
def test_who_runs_is_asked_once_for_a_loop(made, method):
    with listening(Asked()) as listener:
        listener.inside = True
        made.x = 1
        getattr(made, method)()  # which arms its names
        listener.told, listener.asked, listener.inside = 0, 0, False
        if method == "reads":
            arm(["x"])
        getattr(made, method)()
        assert (listener.asked, listener.told) == (1, 0)
        listener.inside = True
        getattr(made, method)()
        assert listener.told == (3 if method == "reads" else 6)


def test_who_runs_is_asked_once_for_a_comprehension(made):
    with listening(Asked()) as listener:
        arm(["x"])
        assert made.collects() == ([1, 1, 1], {1}, {0: [1]})
        assert (listener.asked, listener.told) == (3, 0)
        listener.inside = True
        assert made.collects() == ([1, 1, 1], {1}, {0: [1]})
        assert listener.told == 6


def test_a_comprehension_that_calls_something_is_told_as_soon_as_a_unit_begins(made):
    with listening(Asked()) as listener:
        arm(["x"])

        def begin():
            listener.inside = True

        made.collects_calling(begin)
        assert listener.told == 2, "all but the first"


def test_a_loop_that_calls_something_is_told_as_soon_as_a_unit_begins(made):
    with listening(Asked()) as listener:
        arm(["x"])

        def begin():
            listener.inside = True

        made.calls(begin)
        assert listener.told == 5, "all but the first"


CLOSED = [
    "for x in self.many: self.n += x.n",
    "for x in range(len(self.many)): self.kept[x] = x",
    "while self.n < 3: self.n += 1",
    "for x in y:\n for z in x:\n  if z: break",
    "for x in y: found.append(x.n)",
]
OPEN = [
    "for x in y: x()",
    "for x in y: len(x.of())",
    "for x in of(): x.n",
    "for x in y: other.append(x)",
    "for x in y: range(x.n)",
    "for x in y: yield x",
    "for x in y: await x",
    "for x in y:\n with x: pass",
    "for x in y: z = lambda: x",
    "for x in y: z = (w.n for w in x)",
]


@pytest.mark.parametrize("loop", CLOSED + OPEN)
def test_what_counts_as_calling_nothing(loop):
    shadowed = "range" if loop == OPEN[4] else None
    lines = "\n".join(f"    {line}" for line in loop.split("\n"))
    (function,) = ast.parse(f"async def f(self, y):\n{lines}").body
    (node,) = function.body
    fresh = lambda one: isinstance(one, ast.Name) and one.id == "found"  # noqa: E731
    assert is_closed(node, lambda name: name != shadowed, fresh) is (loop in CLOSED)
