"""For whom another audited service has sent a request, and whose it became here: without any service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.model.baggage import HEADER, with_pseudonym
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import Sources
from isolation_audit.model.users import Kind, User
from isolation_audit.rules.upstream.senders import Senders

if TYPE_CHECKING:
    from auditing import Audit

ALICE, BOB, CAROL = User("alice"), User("bob"), User("carol")


@pytest.fixture
def arrives(audit: Audit):
    """Has a request of a user arrive, with what the sender says of whose it is."""
    runtime = audit.auditor.runtime
    senders = runtime.part(Senders)
    sources = Sources(runtime.users, Bindings(), (), ())

    def arrive(user: User | None, told: str | None) -> list[tuple[str | None, str | None]]:
        said = with_pseudonym("tenant=7", None if told is None else runtime.pseudonym(told))
        headers = [("accept", "*/*"), (HEADER, str(said))]
        senders.arrived(Request(sources, lambda: headers, scope={}), user, None)
        return [(one.witnesses.ambient, one.witnesses.owner) for one in audit.found("IA211")]

    return arrive


def test_one_who_comes_with_another_s(arrives) -> None:
    assert arrives(ALICE, "alice") == []
    assert arrives(BOB, "bob") == []
    assert len(arrives(BOB, "alice")) == 1


def test_only_users_who_are_known_by_the_same_names_on_both_sides(arrives) -> None:
    assert arrives(BOB, "alice") == [], "alice has never come"
    arrives(ALICE, "alice")
    assert arrives(BOB, "alice") == [], "bob may be called otherwise there"
    assert arrives(CAROL, "a-service") == []


@pytest.mark.parametrize("user", [None, User("alice", Kind.SYSTEM)])
def test_requests_of_nobody(arrives, user) -> None:
    arrives(ALICE, "alice")
    arrives(BOB, "bob")
    assert arrives(user, "bob") == []


def test_requests_that_say_nothing(arrives) -> None:
    arrives(ALICE, "alice")
    arrives(BOB, "bob")
    assert arrives(BOB, None) == []
