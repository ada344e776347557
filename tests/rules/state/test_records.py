"""Who has written what: kept by identity or by hash, and nothing of it alive."""

import copy
import gc
import weakref

import pytest

from isolation_audit.rules.state import records
from isolation_audit.rules.state.records import Records, Write, place
from isolation_audit.rules.state.units import Unit


class Thing:
    pass


@pytest.fixture
def unit():
    return Unit(None, None)


@pytest.mark.parametrize("value", ["alice", b"alice", 4711, 1.5, (1, 2), [1], {"a": 1}, Thing()])
def test_a_value_is_known_again(unit, value):
    write = Write(unit, 0, value)
    assert write.is_of(value)
    assert not write.is_of("bob")


def test_equal_texts_are_one_and_equal_objects_are_not(unit):
    write = Write(unit, 0, "".join(["al", "ice"]))
    assert write.is_of("alice")
    held = [1]
    assert not Write(unit, 0, held).is_of([1])


def test_a_subclass_is_never_asked_for_its_hash(unit):
    class Odd(str):
        __slots__ = ()

        def __hash__(self):
            raise AssertionError("called")

        __eq__ = __hash__

    odd = Odd("alice")
    assert Write(unit, 0, odd).is_of(odd)


def test_nothing_is_kept_alive_and_the_entry_goes_with_its_container(unit):
    table, container, value = Records(), Thing(), Thing()
    table.write(container, place("attribute", "x"), Write(unit, 0, value))
    gone = [weakref.ref(container), weakref.ref(value)]
    assert len(table) == 1
    del container, value
    gc.collect()
    assert [one() for one in gone] == [None, None]
    assert len(table) == 0


def test_a_copy_has_no_entry(unit):
    table, container = Records(), Thing()
    table.write(container, place("attribute", "x"), Write(unit, 0, "a"))
    twin = copy.deepcopy(container)
    assert table.of(id(container)) is not None
    assert table.of(id(twin)) is None


def test_the_table_is_bounded(unit, monkeypatch):
    monkeypatch.setattr(records, "_CONTAINERS", 100)
    table, held = Records(), [Thing() for _ in range(500)]
    for one in held:
        table.write(one, place("attribute", "x"), Write(unit, 0, "a"))
    assert len(table) <= 100
    assert table.evicted >= 400


def test_places_of_one_container_are_bounded(unit, monkeypatch):
    monkeypatch.setattr(records, "_SLOTS", 10)
    table, container = Records(), {}
    for number in range(100):
        table.write(container, place("item", number), Write(unit, 0, "a"))
    assert len(table.of(id(container)).slots) == 10


def test_units_that_write_in_turn_are_remembered_as_far_as_needed():
    table, container = Records(), {}
    units = [Unit(None, None) for _ in range(5)]
    for number, unit in enumerate(units):
        table.write(container, place("item", "k"), Write(unit, 0, str(number)))
    entry = table.of(id(container))
    assert entry.only is None
    assert [one.unit for one in entry.writes(place("item", "k"), "4")] == units[:1:-1]
