"""Contexts that jobs bring along: one that was copied in another user's work has that user in it."""

from __future__ import annotations

import sys
from contextvars import Context
from typing import TYPE_CHECKING

import pytest
from auditing import current_user

from isolation_audit.model.contexts import suspicion_variable
from isolation_audit.rules.context.brought_contexts import look_into
from isolation_audit.rules.context.suspicions import Suspicions

if TYPE_CHECKING:
    from auditing import Audit

    from isolation_audit.model.users import User


@pytest.fixture
def looked_into(audit: Audit):
    """``looked_into(of, submitter, does)``: a job in a copy made in the work of ``of``, and what is found."""
    runtime = audit.auditor.runtime
    suspicions = runtime.part(Suspicions)

    def user(name: str) -> User:
        return audit.as_user(name, runtime.ambient.current)

    def look(of: str | None, submitter: str, does) -> set[tuple[str | None, str | None]] | None:
        copied = Context()
        copied.run(current_user.set, of)
        kept = look_into(copied, user(submitter), runtime.ambient.in_context, suspicions, does)
        if kept is None:
            return None
        assert copied[suspicion_variable] is kept.suspicion
        copied.run(_called, does)
        kept.close()
        assert sys.getprofile() is None
        return audit.pairs("IA503")

    yield look
    sys.setprofile(None)


def _called(does) -> None:
    does()


def reads() -> None:
    current_user.get()


def sets_its_own() -> None:
    current_user.set("bob")
    current_user.get()


def test_a_job_that_asks_who_is_there(looked_into) -> None:
    assert looked_into("alice", "bob", reads) == {("bob", "alice")}


def test_a_job_that_sets_its_own_user(looked_into) -> None:
    assert looked_into("alice", "bob", sets_its_own) == set()


@pytest.mark.parametrize("of", ["bob", None])
def test_a_context_of_its_submitter_or_of_nobody_is_not_suspected(looked_into, of) -> None:
    assert looked_into(of, "bob", reads) is None


def test_a_context_that_is_in_use_is_no_copy(audit: Audit, looked_into) -> None:
    runtime = audit.auditor.runtime
    busy = Context()

    def inside() -> object:
        current_user.set("alice")
        bob = Context().run(lambda: (current_user.set("bob"), runtime.ambient.current())[1])
        return look_into(busy, bob, runtime.ambient.in_context, runtime.part(Suspicions), "here")

    assert busy.run(inside) is None
