"""IA201 and IA210: whose an object is that nobody was named for when it was built, and what is no use of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit import user_scope

if TYPE_CHECKING:
    from isolation_audit.auditor import Auditor

SOURCE = """\
import asyncio, copy
from enum import Enum

class Mode(Enum):
    IDLE = 1

class Manager:
    def send(self, message, user_id=None):
        return True

class Engine:
    def __init__(self, user_id=None):
        self.user_id = user_id
        self.active = True
        self.history = []
        self.mode = Mode.IDLE

    def is_active(self):
        return self.active

    def stats(self):
        return {"events": len(self.history), "mode": self.mode}

    def last(self):
        return self.history[-1] if self.history else "nothing"

    def stop(self):
        self.active = False

    def run(self, text):
        self.history.append(text)
        return text

    def clone(self):
        other = copy.copy(self)
        other.history = []
        return other

    async def fork(self):
        return Engine()

    def itself(self):
        return self

class Registry:
    def __init__(self):
        self.engines = {}

    def create(self, user_id):
        self.engines[user_id] = Engine(user_id)
        return self.engines[user_id]

    def active(self):
        return [engine for engine in self.engines.values() if engine.is_active()]

    def report(self):
        return [engine.stats() for engine in self.engines.values()]

    def words(self):
        return [engine.last() for engine in self.engines.values()]

    def stop_all(self):
        for engine in self.engines.values():
            engine.stop()

def look(engine):
    return engine.is_active()
"""

ENGINES = '[[engines]]\ntarget = "APP:Engine"\n'
OWNED = ENGINES + 'owner = ["args.user_id"]\n'
MANAGER = '[[emitters]]\ntarget = "APP:Manager"\nowner = "OWNER"\nmethods = { send = "*" }\n'
CALLS = MANAGER.replace("OWNER", "args.user_id")


@pytest.fixture
def audited(audits):
    return partial(audits, SOURCE)


def counts(auditor: Auditor) -> dict[str, int]:
    return {code: count for code, count in auditor.recorder.counts.items() if code.startswith("IA2")}


ALICE, BOB = "alice", "bob"


@pytest.mark.parametrize(
    "calls",
    [
        [(ALICE, ALICE), (ALICE, None), (BOB, BOB), (BOB, None), (ALICE, None)],
        [(ALICE, ALICE), (BOB, BOB), (ALICE, None), (BOB, None)],
        [(ALICE, None), (BOB, None), (ALICE, None)],
        [(ALICE, None), (BOB, BOB), (BOB, None)],
        [(None, ALICE), (None, BOB), (ALICE, None)],
    ],
)
def test_what_serves_two_users_is_shared_and_that_is_told_once(audited, calls: list[tuple[Any, Any]]) -> None:
    app, auditor = audited(CALLS)
    manager = app.Manager()
    for ambient, owner in calls:
        if ambient is None:
            manager.send("hello", owner)
            continue
        with user_scope(ambient):
            manager.send("hello", owner)
    assert counts(auditor) == {"IA210": 1}
    (entry,) = auditor.recorder.entries()
    assert entry.finding.severity.value == "note"
    labels = auditor.pseudonyms.text(ALICE), auditor.pseudonyms.text(BOB)
    assert (entry.finding.witnesses.owner, entry.finding.witnesses.addressee) == labels


def test_one_users_calls_are_no_sign_of_sharing(audited) -> None:
    app, auditor = audited(CALLS)
    managers = {user: app.Manager() for user in (ALICE, BOB)}
    for user in (ALICE, BOB, ALICE):
        with user_scope(user):
            managers[user].send("hello", user)
            managers[user].send("hello")
    assert counts(auditor) == {}


def test_a_call_that_names_another_user_is_a_crossing_also_of_a_shared_object(audited) -> None:
    app, auditor = audited(CALLS)
    manager = app.Manager()
    for user in (ALICE, BOB):
        with user_scope(user):
            manager.send("hello", user)
    with user_scope(ALICE):
        manager.send("hello", BOB)
    assert counts(auditor) == {"IA201": 1, "IA210": 1}


def test_an_object_that_says_itself_whose_it_is_stays_that_users(audited) -> None:
    app, auditor = audited(ENGINES + 'owner = ["args.text.user_id", "self.user_id"]\n')
    engine = app.Engine()
    for user in (ALICE, BOB):
        with user_scope(user):
            engine.run("hello")
    assert counts(auditor) == {"IA201": 1}


def test_what_was_built_for_somebody_stays_theirs(audited) -> None:
    app, auditor = audited(OWNED)
    engine = app.Engine(ALICE)
    with user_scope(BOB):
        engine.run("hello")
    assert counts(auditor) == {"IA201": 1}


@pytest.mark.parametrize("look", ["active", "report"])
def test_who_builds_engines_may_look_at_all_of_them(audited, look: str) -> None:
    app, auditor = audited(OWNED)
    registry = app.Registry()
    for user in (ALICE, BOB):
        registry.create(user)
    with user_scope(ALICE):
        assert len(getattr(registry, look)()) == 2
    assert counts(auditor) == {}


@pytest.mark.parametrize("call", ["words", "stop_all"])
def test_who_builds_engines_may_neither_change_them_nor_take_their_data(audited, call: str) -> None:
    app, auditor = audited(OWNED)
    registry = app.Registry()
    for user in (ALICE, BOB):
        registry.create(user).run("a secret")
    auditor.recorder.counts.clear()
    with user_scope(ALICE):
        getattr(registry, call)()
    assert counts(auditor) == {"IA201": 1}


def test_others_may_not_even_look(audited) -> None:
    app, auditor = audited(OWNED)
    engine = app.Registry().create(ALICE)
    with user_scope(BOB):
        app.look(engine)
    assert counts(auditor) == {"IA201": 1}
    (entry,) = auditor.recorder.entries()
    assert entry.finding.site.top.function == "look"


def test_a_declared_factory_may_look_too(audited) -> None:
    factories = '[[factories]]\ntarget = "APP:Registry.create"\nbuilds = "APP:Engine"\n'
    app, auditor = audited(OWNED + factories)
    registry = app.Registry()
    registry.engines = {user: app.Engine(user) for user in (ALICE, BOB)}
    with user_scope(ALICE):
        registry.active()
    assert counts(auditor) == {}


@pytest.mark.parametrize("copying", ["clone", "fork"])
def test_a_template_is_nobodys(audited, copying: str) -> None:
    import asyncio

    app, auditor = audited(ENGINES)
    template, engines = app.Engine(), {}
    for user in (ALICE, BOB, ALICE):
        with user_scope(user):
            made = getattr(template, copying)()
            engines[user] = asyncio.run(made) if copying == "fork" else made
            engines[user].run("hello")
    assert counts(auditor) == {}
    with user_scope(BOB):
        engines[ALICE].run("hello")
    assert counts(auditor) == {"IA201": 1}


def test_what_was_used_is_no_template(audited) -> None:
    app, auditor = audited(ENGINES)
    engine = app.Engine()
    with user_scope(ALICE):
        engine.run("a secret")
        engine.clone()
    with user_scope(BOB):
        engine.clone()
    assert counts(auditor) == {"IA201": 1}


def test_what_gives_itself_to_everybody_is_no_template(audited) -> None:
    app, auditor = audited(ENGINES)
    engine = app.Engine()
    for user in (ALICE, BOB):
        with user_scope(user):
            engine.itself()
    assert counts(auditor) == {"IA201": 1}
