"""What one unit has written is looked at once; what stands there at the end, or was read meanwhile, counts."""

from isolation_audit.rules.state import held as module
from isolation_audit.rules.state.contents import texts
from isolation_audit.rules.state.held import Held
from isolation_audit.rules.state.records import Records, Write
from isolation_audit.rules.state.units import Unit

PLACE = ("attribute", "text")


class Thing:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def test_a_value_is_looked_at_once(monkeypatch):
    looked = []
    monkeypatch.setattr(module, "texts", lambda value: looked.append(value) or texts(value))
    contents, thing = Held(), Thing(text="the pin is 47-11")
    assert contents.texts(thing) is contents.texts(thing)
    assert contents.atoms(contents.texts(thing)) is contents.atoms(("the pin is 47-11",))
    assert hash("47-11") in contents.atoms(contents.texts(thing))
    assert len(looked) == 1


def test_texts_that_are_near_come_first():
    deep = {"a": {"b": {"c": "far"}}, "d": "near"}
    assert texts(deep) == ["a", "d", "near", "b", "c", "far"]
    assert texts(deep, 5) == ["a", "d", "near"]


def test_slots_and_fields_of_many_instances():
    class Slotted:
        __slots__ = ("empty", "text")

        def __init__(self, text):
            self.text = text

    assert [texts(Slotted(str(number))) for number in range(3)] == [["0"], ["1"], ["2"]]
    assert texts(Thing(inner=Slotted("deep"))) == ["deep"]


def test_a_statement_that_stores_again_has_one_write():
    records, unit, other, thing = Records(), Unit(None, None), Unit(None, None), Thing()
    first = Write(unit, 7, "one")
    records.write(thing, PLACE, first)
    assert records.own(thing, PLACE, unit, 7) is None, "it is not kept for a judgement"
    first.kept = True
    assert records.own(thing, PLACE, unit, 7) is first
    assert records.own(thing, PLACE, unit, 8) is None
    assert records.own(thing, PLACE, other, 7) is None
    first.hold("two")
    assert first.is_of("two")
    assert not first.is_of("one")
    records.write(thing, PLACE, Write(other, 7, "three"))
    assert records.own(thing, PLACE, unit, 7) is None, "somebody else has stored there since"
