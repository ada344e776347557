"""Units of work without a request, which go on for long: a job, a worker that is one user's."""

from __future__ import annotations

import sys
from contextlib import contextmanager

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.listener import ATTRIBUTE, ITEM
from isolation_audit.model.users import User
from isolation_audit.rules.state.records import Records, Write
from isolation_audit.rules.state.units import Unit
from isolation_audit.rules.state.watch import StateWatch

WORKS_ON = """
KEPT = {}
STATS = {}

def work(order):
    KEPT["last"] = order
    return order

def clear():
    KEPT["last"] = None

def last():
    return KEPT["last"]

def count(name):
    STATS[name] = None
"""


class Thing:
    pass


@pytest.fixture
def unit():
    return Unit(None, User("alice"))


@contextmanager
def audited(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "works_on.py").write_text(WORKS_ON)
    (tmp_path / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n[report]\nterminal = false\n')
    try:
        with Auditor(load_config(tmp_path / "isolation-audit.toml")) as auditor:
            import works_on

            yield auditor, works_on
    finally:
        sys.modules.pop("works_on", None)
    assert dict(auditor.runtime.barrier.counts) == {}


def rules(auditor):
    return {entry.finding.rule for entry in auditor.recorder.entries()}


def test_what_it_has_made_last_is_known_as_new_however_much_it_makes(unit):
    for _ in range(10_000):
        thing = Thing()
        unit.bear(thing)
    assert unit.born[id(thing)]() is thing
    assert len(unit.born) <= 2_000


def test_of_what_it_keeps_the_newest_is_known_as_new(unit):
    things = [Thing() for _ in range(5_000)]
    for thing in things:
        unit.bear(thing)
    assert unit.born[id(things[-1])]() is things[-1]
    assert id(things[0]) not in unit.born
    assert len(unit.born) <= 2_000


def test_a_loop_is_known_by_its_stores_until_they_are_settled(unit):
    looked = [unit.looks(1, 100) for _ in range(2_000)]
    assert looked[:33] == [100] * 32 + [8]
    assert looked[64:1_000].count(8) + looked[64:1_000].count(100) == 936, "each is looked into"
    assert 0 < looked[1_000:].count(0) < 1_000, "most are not, in a loop that goes on"
    assert looked[1_000:].count(100) > 30
    assert unit.looks(2, 24) == 24
    unit.settle()
    assert unit.looks(1, 100) == 100


def test_what_a_job_is_given_after_many_others_is_found_with_somebody_else(tmp_path, monkeypatch):
    with audited(tmp_path, monkeypatch) as (auditor, works_on):
        with user_scope("alice"):
            for _ in range(45):
                works_on.work("nothing to do")
            auditor.settle()
            works_on.work("deliver to 4711-0815, second floor")
        with user_scope("bob"):
            works_on.last()
        auditor.settle()
        assert "IA402" in rules(auditor)


def test_what_a_loop_stores_last_is_found_with_somebody_else(tmp_path, monkeypatch):
    with audited(tmp_path, monkeypatch) as (auditor, works_on):
        with user_scope("alice"):
            works_on.work(["deliver to 4711-0815, second floor"])
            for _ in range(45):
                works_on.work(["deliver to 4711-0815, second floor"])
        with user_scope("bob"):
            works_on.last()
        auditor.settle()
        assert "IA402" in rules(auditor)


def test_what_is_taken_away_again_is_found_nowhere(tmp_path, monkeypatch):
    with audited(tmp_path, monkeypatch) as (auditor, works_on):
        for user in ("alice", "bob", "carol"):
            with user_scope(user):
                works_on.work(f"deliver to 4711-{user}, second floor")
                works_on.clear()
                works_on.last()
        auditor.settle()
        assert "IA402" not in rules(auditor)


def test_nothing_in_a_place_where_nothing_was_is_no_entry(tmp_path, monkeypatch):
    with audited(tmp_path, monkeypatch) as (auditor, works_on):
        records = auditor.runtime.part(StateWatch).records
        with user_scope("alice"):
            works_on.count("4711-0815")
            assert records.of(id(works_on.STATS)) is None
            works_on.work("deliver to 4711-0815")
            works_on.clear()
            assert len(records.of(id(works_on.KEPT)).slots[ITEM, "last"]) == 1


def test_reading_a_factory_of_sessions_that_another_one_has_made_notes_nothing(tmp_path, monkeypatch):
    orm = pytest.importorskip("sqlalchemy.orm")
    with audited(tmp_path, monkeypatch) as (auditor, works_on):
        watch = auditor.runtime.part(StateWatch)
        for value, noted in ((orm.sessionmaker(), 0), (Thing(), 1)):
            with user_scope("alice"):
                works_on.work(value)
            with user_scope("bob"):
                assert works_on.last() is value
                assert len(watch.unit().reads) == noted


def test_a_place_is_known_once_something_was_written_there(unit):
    number = sites.first_of(b"", "/srv/shop.py")
    records, thing = Records(), Thing()
    assert not records.has(thing, (ATTRIBUTE, "order"))
    records.write(thing, (ATTRIBUTE, "order"), Write(unit, number, "4711"))
    assert records.has(thing, (ATTRIBUTE, "order"))
    assert not records.has(thing, (ATTRIBUTE, "other"))
