"""Looking at what functions were given keeps nothing alive that they let go of."""

import sys
import weakref
from contextvars import Context

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.users import User
from isolation_audit.rules.state import arguments
from isolation_audit.rules.state.judging import Judging
from isolation_audit.rules.state.records import Write
from isolation_audit.rules.state.telling import Telling
from isolation_audit.rules.state.units import Unit, Units

HANDING_ON = """
KEPT = {}

def pairs(things):
    while things:
        thing = things.pop(0)
        KEPT["last"] = "the pin is 47-11"
        yield thing
        thing = None
        KEPT["last"] = "it is given away"
        yield None

def loops(count):
    number = 0
    while number < count:
        yield (number := number + 1)
"""


class Thing:
    pass


def test_variables_that_are_given_up_go(monkeypatch):
    monkeypatch.setattr(arguments, "_is_of_the_application", lambda _file: True)
    kept = {}

    def work(text):
        thing = Thing()
        arguments.note_arguments(kept)
        gone = weakref.ref(thing)
        del thing
        return text, gone()

    assert work("the pin is 47-11") == ("the pin is 47-11", None)
    assert "the pin is 47-11" in kept


def test_a_generator_that_stores_lets_go_of_what_it_has_handed_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "handing_on.py").write_text(HANDING_ON)
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    try:
        with Auditor(load_config(tmp_path / "isolation-audit.toml")) as auditor, user_scope("alice"):
            import handing_on

            thing = Thing()
            gone = weakref.ref(thing)
            turns = handing_on.pairs([thing])
            del thing
            assert next(turns) is gone()
            assert next(turns) is None
            assert gone() is None
        assert auditor.runtime.barrier.counts == {}
    finally:
        sys.modules.pop("handing_on", None)


def test_numbers_of_loops_are_no_lost_updates(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "handing_on.py").write_text(HANDING_ON)
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    try:
        with Auditor(load_config(tmp_path / "isolation-audit.toml")) as auditor:
            import handing_on

            def bobs_turn():
                with user_scope("bob"):
                    return next(turns)

            turns = handing_on.loops(6)
            with user_scope("alice"):
                assert [next(turns), Context().run(bobs_turn), next(turns)] == [1, 2, 3]
        assert [one.finding.rule for one in auditor.recorder.entries() if one.finding.rule == "IA402"] == []
    finally:
        sys.modules.pop("handing_on", None)


KEPT = {"n": 1}


def test_an_update_of_a_dict_is_lost_where_something_leads_to_it(tmp_path, monkeypatch):
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    monkeypatch.setattr("isolation_audit.rules.state.judging.is_read_before", lambda _site: True)
    told = []
    with Auditor(load_config(tmp_path / "isolation-audit.toml")) as auditor:
        judging = Judging(auditor.runtime, Units(auditor.runtime, lambda _unit: None))
        monkeypatch.setattr(
            Telling, "stored", lambda _self, _unit, _write, _before, container, *_told: told.append(container)
        )
        alice, bob = Unit(None, User("alice")), Unit(None, User("bob"))
        before, write, gone = Write(bob, 0, 1_117), Write(alice, 0, 2_234), {"n": 1}
        for container, kind, known in (
            *((gone, "item", False), (gone, "item", True), (KEPT, "item", False)),
            *((KEPT, "carried", True),),
        ):
            judging.lost_update(alice, write, before, (id(container), (kind, "n")), "n", known=known)
    assert told == [id(gone), id(KEPT)]


WEAKLY_KEYED = """
from weakref import WeakKeyDictionary

KEPT = WeakKeyDictionary()

def number(thing):
    KEPT[thing] = "the pin is 47-11"
    return KEPT[thing]
"""


def test_keys_are_not_kept_alive(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "weakly_keyed.py").write_text(WEAKLY_KEYED)
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    thing = Thing()
    gone = weakref.ref(thing)
    try:
        with Auditor(load_config(tmp_path / "isolation-audit.toml")):
            import weakly_keyed

            def bobs_turn(one):
                with user_scope("bob"):
                    return weakly_keyed.KEPT.get(one), weakly_keyed.number(one)

            with user_scope("alice"):
                assert weakly_keyed.number(thing) == "the pin is 47-11"
                Context().run(bobs_turn, thing)
                del thing
                assert gone() is None
                assert len(weakly_keyed.KEPT) == 0
    finally:
        sys.modules.pop("weakly_keyed", None)


NAMESPACES = """
def fill(namespace, text):
    namespace["text"] = text
    return namespace["text"]
"""


def test_places_that_are_gone_are_not_taken_for_one_that_several_overwrite(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "filling.py").write_text(NAMESPACES)
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    try:
        with Auditor(load_config(tmp_path / "isolation-audit.toml")) as auditor:
            import filling

            def one(user, text):
                with user_scope(user):
                    namespace = {}
                    return filling.fill(namespace, text)

            said = []
            for user, text in (("alice", "the pin is 47-11"), ("bob", "the code is 08-15")) * 20:
                said.append(one(user, text))
        assert len(said) == 40
        assert [one.finding.message for one in auditor.recorder.entries() if one.finding.rule == "IA402"] == []
    finally:
        sys.modules.pop("filling", None)
