"""IA207 for conversations that agent frameworks keep: whose work goes on with one that another's has begun."""

from __future__ import annotations

import pytest
from auditing import Audit, config

from isolation_audit import system_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.rules.bindings.conversations import Conversations

KIND = "a chat history"


class Store:
    """Where a framework keeps its threads."""


@pytest.fixture
def conversations(audit: Audit) -> Conversations:
    return audit.auditor.runtime.part(Conversations)


def found(audit: Audit) -> list[tuple[str | None, str | None]]:
    """Who had it first, and who goes on."""
    return [(one.witnesses.owner, one.witnesses.addressee) for one in audit.found("IA207")]


def test_an_object_that_two_users_work_adds_to(audit: Audit, conversations: Conversations) -> None:
    shared, own = Store(), {"alice": Store(), "bob": Store()}
    for user in ("alice", "alice", "bob", "bob"):
        audit.as_user(user, conversations.goes_on, KIND, own[user])
    assert found(audit) == []
    for user in ("alice", "alice", "bob"):
        audit.as_user(user, conversations.goes_on, KIND, shared)
    assert found(audit) == [("alice", "bob")]
    assert audit.found("IA207")[0].message.startswith(KIND)


def test_a_name_is_one_for_all_processes_or_one_of_a_store(audit: Audit, conversations: Conversations) -> None:
    first, second = Store(), Store()
    audit.as_user("alice", conversations.goes_on_under, KIND, "main", first)
    audit.as_user("bob", conversations.goes_on_under, KIND, "main", second)
    audit.as_user("bob", conversations.goes_on_under, KIND, "other", first)
    audit.as_user("carol", conversations.goes_on_under, "another kind", "everywhere")
    audit.as_user("alice", conversations.goes_on_under, KIND, "everywhere")
    assert found(audit) == []
    audit.as_user("bob", conversations.goes_on_under, KIND, "everywhere")
    assert found(audit) == [("alice", "bob")]
    audit.as_user("carol", conversations.goes_on_under, KIND, "main", second)
    assert audit.auditor.recorder.counts["IA207"] == 2


def test_what_is_put_into_a_store_is_nobody_s_until_somebody_else_asks_for_it(
    audit: Audit, conversations: Conversations
) -> None:
    store = Store()
    for user in ("alice", "bob"):
        audit.as_user(user, conversations.keeps, f"notes/{user}", store)
        audit.as_user(user, conversations.recalls, KIND, f"notes/{user}", store)
    audit.as_user("carol", conversations.recalls, KIND, "drafts", store)
    assert found(audit) == []
    audit.as_user("bob", conversations.recalls, KIND, "notes", store)
    assert found(audit) == [("alice", "bob")]


def test_a_store_keeps_what_each_of_them_has_put_there(audit: Audit, conversations: Conversations) -> None:
    store = Store()
    for user in ("alice", "bob"):
        audit.as_user(user, conversations.keeps, "notes", store)
    audit.as_user("bob", conversations.recalls, KIND, "notes", store)
    assert found(audit) == [("alice", "bob")]


@pytest.mark.parametrize("name", ["notes/alice", "notes"])
def test_what_was_forgotten_is_nobody_s(audit: Audit, conversations: Conversations, name: str) -> None:
    store = Store()
    audit.as_user("alice", conversations.keeps, "notes/alice", store)
    audit.as_user("alice", conversations.goes_on_under, KIND, "notes/alice", store)
    conversations.forgets(name, store)
    audit.as_user("bob", conversations.recalls, KIND, "notes/alice", store)
    audit.as_user("bob", conversations.goes_on_under, KIND, "notes/alice", store)
    assert found(audit) == []


def test_a_conversation_that_is_over_begins_anew(audit: Audit, conversations: Conversations) -> None:
    store = Store()
    audit.as_user("alice", conversations.goes_on_under, KIND, "main", store)
    conversations.is_over("main", store)
    audit.as_user("bob", conversations.goes_on_under, KIND, "main", store)
    assert found(audit) == []


def test_nobody_and_the_system_begin_no_conversation(audit: Audit, conversations: Conversations) -> None:
    store = Store()

    def by_the_system() -> None:
        with system_scope():
            conversations.goes_on_under(KIND, "main", store)

    audit.as_user(None, conversations.goes_on_under, KIND, "main", store)
    audit.as_user(None, by_the_system)
    audit.as_user("bob", conversations.goes_on_under, KIND, "main", store)
    audit.as_user(None, by_the_system)
    assert found(audit) == []


def test_names_that_users_share_on_purpose() -> None:
    shared = config(addressees=model.Addressees(shared=("room-*",)))
    with Auditor(shared) as auditor:
        audit, conversations = Audit(auditor), auditor.runtime.part(Conversations)
        for user in ("alice", "bob"):
            for name in ("room-7", "desk-7"):
                audit.as_user(user, conversations.goes_on_under, KIND, name, auditor)
        assert found(audit) == [("alice", "bob")]


def test_names_are_bounded_the_oldest_goes() -> None:
    few = config(limits=model.Limits(bindings=10))
    with Auditor(few) as auditor:
        audit, conversations, store = Audit(auditor), auditor.runtime.part(Conversations), Store()
        for number in range(40):
            audit.as_user("alice", conversations.goes_on_under, KIND, f"thread-{number}", store)
        audit.as_user("bob", conversations.goes_on_under, KIND, "thread-1", store)
        assert found(audit) == []
        audit.as_user("bob", conversations.goes_on_under, KIND, "thread-39", store)
        assert found(audit) == [("alice", "bob")]
