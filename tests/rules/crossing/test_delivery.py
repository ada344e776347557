"""Rounds: how long a message to oneself excuses the same one to others, and what is kept of it."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config
from isolation_audit.content import secrets
from isolation_audit.content.index import Index
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.rules.crossing import delivery as addressees
from isolation_audit.rules.crossing.delivery import Addressees
from isolation_audit.vocabulary.messages import Message

if TYPE_CHECKING:
    from isolation_audit.rules.crossing.reached import Reached


@pytest.fixture
def weighing(monkeypatch):
    auditor = Auditor(Config())
    told: list[Reached] = []
    monkeypatch.setattr(auditor.runtime, "publish", told.append)
    clock = [1000.0]
    monkeypatch.setattr(addressees.time, "monotonic", lambda: clock[0])
    mechanism = auditor.runtime.part(Addressees)

    def send(sender: str, receiver: str, payload: Any) -> None:
        token = auditor.runtime.users.token
        mechanism.one(token(sender), token(receiver), Message("app:send", payload, ()))

    return send, mechanism, told, clock


def test_a_message_waits_for_its_round(weighing) -> None:
    send, mechanism, told, clock = weighing
    send("alice", "bob", "words of alice")
    clock[0] += 0.9
    mechanism.settle(1.0)
    assert told == []
    send("alice", "alice", "words of alice")
    clock[0] += 5
    mechanism.settle(1.0)
    assert told == [], "a round"
    send("alice", "bob", "other words of alice")
    clock[0] += 1
    mechanism.settle(1.0)
    mechanism.settle(0.0)
    assert [(one.content.id, one.addressee.id) for one in told] == [("alice", "bob")]


def test_who_comes_and_goes_is_everybodys(weighing) -> None:
    send, mechanism, told, _clock = weighing
    send("alice", "bob", {"type": "left", "user": "alice"})
    mechanism.settle(0.0)
    assert told == []
    send("alice", "bob", {"type": "left", "user": "alice", "owes": 48213})
    mechanism.settle(0.0)
    assert len(told) == 1


def test_what_one_was_sent_long_ago_excuses_nothing(weighing) -> None:
    send, mechanism, told, clock = weighing
    send("alice", "alice", "the answer for alice")
    clock[0] += addressees.ROUND - 0.1
    send("alice", "bob", "the answer for alice")
    clock[0] += 0.2
    send("alice", "bob", "the answer for alice")
    mechanism.settle(0.0)
    assert len(told) == 1


def test_nothing_of_a_payload_is_kept_and_tables_are_bounded(weighing, monkeypatch) -> None:
    class Held(dict):
        pass

    send, mechanism, told, _clock = weighing
    payload = Held(text="words of alice")
    reference = weakref.ref(payload)
    send("alice", "bob", payload)
    send("alice", "alice", Held(text="others"))
    del payload
    gc.collect()
    assert reference() is None
    assert len(mechanism._waiting) == 1
    monkeypatch.setattr(addressees, "_WAITING", 100)
    for number in range(5_000):
        send(f"user-{number}", f"user-{number}", "mine")
        send("alice", "bob", f"words {number} of alice")
    assert len(mechanism._own) <= addressees._SENDERS
    assert len(mechanism._waiting) <= 100
    assert len(told) + len(mechanism._waiting) == 5_001, "none is lost"


@pytest.fixture
def no_secrets(monkeypatch):
    """A process keeps the secrets that it was told: here it was told none, and forgets those that it is told."""
    monkeypatch.setattr(secrets, "_owners", {})
    monkeypatch.setattr(secrets, "_canaries", {})
    monkeypatch.setattr(secrets.Version, "number", 0)


def test_a_text_is_searched_once_for_all_who_receive_it(weighing, no_secrets, monkeypatch) -> None:
    send, mechanism, told, _clock = weighing
    receivers = ("bob", "carol", "dave", "erin")
    for user in ("alice", *receivers):
        mechanism._runtime.users.token(user)
    searched: list[str] = []
    find = Index.find
    monkeypatch.setattr(Index, "find", lambda self, text: (searched.append(text), find(self, text))[1])
    for receiver in receivers:
        send("alice", receiver, '{"from": "alice", "text": "hello"}')
        send("alice", receiver, "words of alice")
    assert sorted(set(searched)) == sorted(searched), "each text once"
    mechanism.settle(0.0)
    assert [one.addressee.id for one in told] == ["bob"], "the words, which name nobody else and go round to nobody"


def test_what_was_harmless_is_judged_anew_once_more_is_known(weighing, no_secrets) -> None:
    send, mechanism, told, _clock = weighing
    send("alice", "bob", "the balance of acct-99172")
    mechanism.settle(0.0)
    assert told == []
    content = mechanism._runtime.content
    content.learned("acct-99172", mechanism._runtime.users.token("alice"))
    send("alice", "bob", "the balance of acct-99172")
    mechanism.settle(0.0)
    assert [(one.content.id, one.addressee.id) for one in told] == [("alice", "bob")]


def test_a_secret_is_told_although_the_text_was_harmless_before(weighing, no_secrets) -> None:
    send, _mechanism, told, _clock = weighing
    text = '{"from": "alice", "text": "the code is 9911-xk-2277-zz"}'
    send("alice", "bob", text)
    send("alice", "alice", text)
    assert told == []
    secrets.secret("alice", "9911-xk-2277-zz")
    send("alice", "bob", text)
    assert [(one.content.id, one.addressee.id) for one in told] == [("alice", "bob")]


def test_words_that_go_to_others_are_their_authors_alone_no_more(weighing, no_secrets) -> None:
    """Also where nothing is to be told of the message, and each time anew: its author may have said more by then."""
    send, mechanism, _told, clock = weighing
    words = mechanism._words
    alice, bob = (mechanism._runtime.users.token(one) for one in ("alice", "bob"))

    def says(text: str) -> None:
        inputs = Inputs()
        inputs.receive(Input(REQUEST, text))
        words.learn(inputs, alice)

    for text in ("the boat leaves at noon on sunday", "nobody knows about the second boat"):
        says(text)
        assert words.of_others(text, bob)
        send("alice", "alice", text)
        send("alice", "bob", text)
        assert not words.of_others(text, bob)
        clock[0] += addressees.ROUND + 1
