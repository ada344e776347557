"""Suspicions: a context that may have the wrong user, or none; what its variable is asked, and set to, decides."""

from __future__ import annotations

import sys
from contextvars import Context
from typing import TYPE_CHECKING

import pytest
from auditing import Audit, current_user

from isolation_audit.instrument.work.suspicion import Suspicion
from isolation_audit.model.contexts import suspicion_variable
from isolation_audit.model.users import User
from isolation_audit.rules.context import suspicions as module
from isolation_audit.rules.context.suspicions import Suspicions

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE, BOB = User("alice"), User("bob")


@pytest.fixture(autouse=True)
def _no_profile_function_is_left():
    yield
    sys.setprofile(None)


def called(does: Callable[[], object]) -> None:
    """Through two functions that have nobody's id at hand."""
    called_by(does, 1)


def called_by(does: Callable[[], object], _number: int) -> None:
    does()


def looked_into(audit: Audit, ambient: User | None, owner: User | None, does, value: str | None = "alice") -> list:
    """The findings where work that does this runs in a context with this value, under a suspicion."""

    def work() -> None:
        current_user.set(value)
        suspicions = audit.auditor.runtime.part(Suspicions)
        opened = suspicions.open(Suspicion("{owner} in the context of {ambient}", ambient, owner), does)
        assert opened is not None
        called(does)
        suspicions.close(opened)
        suspicions.close(opened)

    Context().run(work)
    assert sys.getprofile() is None
    return [
        (one.rule, one.witnesses.owner, one.witnesses.ambient) for one in audit.found("IA503") + audit.found("IA504")
    ]


def reads() -> None:
    current_user.get()


def sets_then_reads() -> None:
    current_user.set("bob")
    current_user.get()


def reads_then_sets() -> None:
    current_user.get()
    current_user.set("bob")


def asks_nobody() -> None:
    len("abc")


@pytest.mark.parametrize(
    ("does", "found"),
    [
        (reads, [("IA503", "bob", "alice")]),
        *((sets_then_reads, []), (reads_then_sets, []), (asks_nobody, [])),
    ],
)
def test_another_user_s_context(audit: Audit, does, found) -> None:
    assert looked_into(audit, ALICE, BOB, does) == found


@pytest.mark.parametrize(
    ("does", "found"), [(reads, [("IA504", "bob", None)]), (sets_then_reads, []), (asks_nobody, [])]
)
def test_nobody_s_context(audit: Audit, does, found) -> None:
    assert looked_into(audit, None, BOB, does, None) == found


def test_who_has_been_told_by_its_caller_has_lost_nothing(audit: Audit) -> None:
    def job(user: str) -> str:
        return current_user.get() or user

    assert looked_into(audit, None, BOB, lambda: job("bob"), None) == []
    assert looked_into(audit, None, BOB, lambda: job("carol"), None) == [("IA504", "bob", None)]


def test_the_right_user_after_all(audit: Audit) -> None:
    assert looked_into(audit, ALICE, ALICE, reads) == []
    assert looked_into(audit, ALICE, BOB, reads, "carol") == [], "somebody else has been set"
    assert looked_into(audit, None, BOB, reads, "bob") == []


def test_an_owner_who_is_not_known(audit: Audit) -> None:
    assert looked_into(audit, ALICE, None, reads) == [("IA503", None, "alice")]


def test_after_very_many_calls_nobody_looks_any_more(audit: Audit, monkeypatch) -> None:
    monkeypatch.setattr(module, "CALLS", 10)

    def late() -> None:
        for _ in range(20):
            asks_nobody()
        current_user.get()

    assert looked_into(audit, ALICE, BOB, late) == []


def test_one_place_is_looked_into_now_and_then(audit: Audit) -> None:
    suspicions = audit.auditor.runtime.part(Suspicions)
    worth = [suspicions.worth("here") for _ in range(module.SAMPLE * 2)]
    assert worth.index(False) == module.TRIES
    assert sum(worth) == module.TRIES + 2
    assert suspicions.worth("there")


def test_an_application_s_own_profiler_misses_nothing(audit: Audit) -> None:
    def own(*_arguments: object) -> None:
        """The application's."""

    suspicions = audit.auditor.runtime.part(Suspicions)
    sys.setprofile(own)
    assert suspicions.open(Suspicion("", ALICE, BOB), "here") is None
    assert sys.getprofile() is own


def test_a_suspicion_lets_go_of_its_own_watch_only(audit) -> None:
    suspicions = audit.auditor.runtime.part(Suspicions)
    user = User("alice")
    watched, never_watched = Suspicion("", None, user), Suspicion("", None, user)
    try:
        assert suspicions.open(watched, "here") is watched
        suspicions.close(never_watched)
        assert sys.getprofile() is not None
        suspicions.close(watched)
        assert sys.getprofile() is None
    finally:
        sys.setprofile(None)


def test_what_is_over_becomes_no_chain() -> None:
    """A context that is copied from request to request, as servers do that begin one in another's context."""
    before = suspicion_variable.get()
    try:
        for _ in range(100):
            suspicion_variable.set(Suspicion("", None, None))
            suspicion_variable.get().over = True
        suspicion_variable.set(Suspicion("", None, None))
        assert suspicion_variable.get().outer is None
    finally:
        suspicion_variable.set(before)
