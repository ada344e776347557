"""What a listener is told that names the objects which concern it: nothing of others, whatever reads them."""

from __future__ import annotations

from contextvars import ContextVar

import pytest

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite import listener
from isolation_audit.instrument.rewrite.loading import Loading

SOURCE = b"""
def attribute(one): return one.name
def item(kept): return kept["name"]
def got(kept): return kept.get("name")
def taken(kept): return kept.pop("name", None)
def every(kept): return list(kept.values())
def wrong(kept): return kept.get()
def named(kept): return kept.get(key="name")
"""


class Kept(dict):
    """A mapping of the application's."""


class One:
    def __init__(self, name):
        self.name = name


class Picky:
    """A listener that notes what it was told; with whoever is at work."""

    def __init__(self):
        self.inside: object = "alice's work"
        self.told: list[object] = []

    def unit(self):
        return self.inside

    def hears(self, _unit, _identity, _kinds, _key):
        return True

    def wrote(self, *_told):
        raise AssertionError("nothing is stored")

    def read(self, _unit, _container, _kind, _key, value, _site):
        self.told.append(value)


@pytest.fixture
def picky(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    picky, barrier = Picky(), Barrier()
    listener.listen(picky, barrier, picky.hears)
    listener.arm(["name", listener.ANY])
    yield picky
    listener.listen(None)
    assert dict(barrier.counts) == {}


@pytest.fixture
def functions(tmp_path):
    names = {"__name__": "program"}
    exec(Loading((), Barrier()).code(SOURCE, str(tmp_path / "program.py")), names)
    return names


READS = {
    "attribute": lambda value: One(value),
    "item": lambda value: {"name": value},
    "got": lambda value: {"name": value},
    "taken": lambda value: {"name": value},
    "every": lambda value: {"name": value},
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("only", [None, "bob's work"])
def test_what_concerns_others_is_told(read, only, picky, functions):
    owner = READS[read]("a text")
    listener.concern(id(owner), only)
    assert functions[read](owner) in ("a text", ["a text"])
    assert picky.told in (["a text"], [owner])


@pytest.mark.parametrize("read", READS)
def test_what_concerns_nobody_or_the_unit_itself_alone_is_not_told(read, picky, functions):
    owners = [READS[read]("a text") for _ in range(2)]
    listener.concern(id(owners[1]), picky.inside)
    assert [functions[read](owner) for owner in owners]
    assert picky.told == []


@pytest.mark.parametrize("read", [name for name in READS if name != "every"])
def test_an_object_that_concerns_others_is_told_wherever_it_lies(read, picky, functions):
    value = One("")
    listener.concern(id(value), "bob's work")
    assert functions[read](READS[read](value)) is value
    assert picky.told == [value]


def test_nobody_is_told_outside_of_a_unit(picky, functions):
    picky.inside = None
    owners = {read: READS[read]("a text") for read in READS}
    for read, owner in owners.items():
        listener.concern(id(owner), "bob's work")
        assert functions[read](owner)
    assert picky.told == []


def test_defaults_of_context_variables_are_told(picky, functions):
    kept = ContextVar("kept", default=["a default"])
    assert functions["got"](type("", (), {"get": lambda self, _key: "own"})()) == "own"
    names = {"kept": kept}
    exec(Loading((), Barrier()).code(b"def asked(): return kept.get()", "program.py"), names)
    assert names["asked"]() == ["a default"]
    assert picky.told == [["a default"]]


@pytest.mark.parametrize("kept", [{}, Kept(), One("")], ids=["dict", "subclass", "no container"])
@pytest.mark.parametrize("call", ["wrong", "named", "got"])
def test_calls_end_as_they_would(call, kept, picky, functions):
    plain: dict[str, object] = {}
    exec(SOURCE, plain)
    ends = []
    for made in (plain, functions):
        try:
            ends.append(repr(made[call](kept)))
        except (TypeError, AttributeError) as error:
            ends.append(repr(error))
    assert ends[0] == ends[1]
