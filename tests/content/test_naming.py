"""How a payload names a user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isolation_audit.content.naming import (
    Naming,
    has_key,
    is_one_of_many,
    keys_of_objects,
    named,
    records_naming,
    says_whose,
    tells_of_acts,
    tells_of_presence,
    values_of_records,
)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("alice: hello", Naming.SPEAKER),
        ("[alice] : hello", Naming.SPEAKER),
        ("<alice> hello", Naming.SPEAKER),
        ("@alice: hello", Naming.SPEAKER),
        ({"from": "alice", "text": "hello, alice here"}, Naming.SPEAKER),
        ({"message": {"sender_id": "alice"}}, Naming.SPEAKER),
        ({"sender": "1", "sender_username": "alice", "text": "a letter from alice"}, Naming.SPEAKER),
        ({"fromUserName": "alice", "text": "hello"}, Naming.SPEAKER),
        ({"sender_balance": "alice"}, Naming.INSIDE),
        ({"agent": "alice", "text": "how can I help?"}, Naming.SPEAKER),
        ({"author": {"id": "alice", "avatar": "a.png"}}, Naming.SPEAKER),
        ('{"createdBy": "alice"}', Naming.SPEAKER),
        (b'[{"by": "alice"}]', Naming.SPEAKER),
        ("alice joined", Naming.SUBJECT),
        ({"text": "alice is typing"}, Naming.SUBJECT),
        ({"user": "alice", "online": True}, Naming.FIELD),
        (json.dumps({"username": "alice", "count": 3}), Naming.FIELD),
        ("alice, your balance is 5", Naming.INSIDE),
        ("alice's balance is 5", Naming.INSIDE),
        ("alice owes 5, says alice", Naming.INSIDE),
        ("private answer for alice: 5", Naming.INSIDE),
        ({"for": "alice", "answer": "5"}, Naming.INSIDE),
        ({"user": "alice", "answer": "the answer for alice"}, Naming.INSIDE),
        ({"from": "bob", "text": "the answer for alice"}, Naming.INSIDE),
        ({}, Naming.INSIDE),
    ],
)
def test_the_ways(payload: Any, expected: Naming) -> None:
    assert named(payload, "alice") is expected


def test_a_number_speaks_too() -> None:
    assert named({"from": 123456789}, "123456789") is Naming.SPEAKER


def test_deep_and_circular_payloads_end() -> None:
    deep: list[Any] = ["alice: hello"]
    for _ in range(50):
        deep = [deep]
    circle: dict[str, Any] = {"user": "bob"}
    circle["self"] = circle
    wide = [{"n": number} for number in range(100_000)]
    assert {named(payload, "alice") for payload in (deep, circle, wide, "[" * 100_000)} == {Naming.INSIDE}


def test_nothing_of_the_payload_is_run() -> None:
    class Trap:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    assert named({"from": Trap(), "user": [Trap()]}, "alice") is Naming.INSIDE


@pytest.mark.parametrize("other", [{"plan": "annual"}, {"with": ["Joanna", "ann2"]}, {"text": "channels: two"}])
def test_an_id_inside_of_a_word_is_not_there(other: dict) -> None:
    assert named({"user": "ann", **other}, "ann") is Naming.FIELD
    assert named({"user": "ann", **other, "of": "rows_of_ann"}, "ann") is Naming.INSIDE


def test_a_text_that_begins_with_a_longer_word_does_not_begin_with_the_user() -> None:
    assert named({"text": "ann joined"}, "ann") is Naming.SUBJECT
    assert named({"text": "annual: five, by ann"}, "ann") is Naming.INSIDE


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"type": "left", "user": "alice"}, True),
        ('{"event": "user_joined", "data": {"username": "alice", "online": true, "count": 3}}', True),
        ({"type": "left", "user": "bob"}, False),
        ({"user": "alice", "balance": 48213}, False),
        ({"user_id": "alice", "balance": 7, "to": "hello"}, False),
        ({"type": "left", "user": "alice", "reason": "ill"}, False),
        ({"user": "alice", "note": "the pin is 4711"}, False),
        ({"user": "alice", "orders": [1]}, False),
        ("alice left", False),
    ],
)
def test_presence(payload: Any, expected: bool) -> None:
    assert tells_of_presence(payload, "alice") is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"moves": ["e4"], "score": {"alice": 3}}', True),
        ({"players": [{"name": "alice"}, {"name": "bob"}]}, True),
        (b'["alice"]', True),
        ({"owner": "alice", "score": {"alice": 3}}, False),
        ({"owner": {"name": "alice"}}, False),
        ({"players": ["bob"]}, False),
        ("alice", False),
    ],
)
def test_one_of_many(payload: Any, expected: bool) -> None:
    assert is_one_of_many(payload, "alice") is expected


def test_what_stands_in_objects_and_in_the_records_of_lists() -> None:
    payload = json.dumps({"all": [{"user": "alice", "n": 1}, {"user": "bob"}], "of": {"carol": 1, "dave": 2}})
    assert list(values_of_records(payload)) == [["alice", "bob"]]
    assert ["carol", "dave"] in list(keys_of_objects(payload))


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ([{"kind": "follow", "who": "alice"}, {"kind": "like", "who": "alice", "post": "of the dogs"}], True),
        ({"items": [{"type": "friend_request", "user": "alice"}]}, True),
        ([{"event": "new_comment", "user": "alice"}], True),
        ([{"type": "invoice", "user": "alice", "amount": 4417}], False),
        ([{"kind": "follow", "who": "alice"}, {"owner": "alice", "amount": 4417}], False),
        ({"kind": "follow", "who": "bob"}, False),
        ({"tea": {"online": 2, "last": {"type": "left", "user": "alice"}}}, True),
        ({"tea": {"online": 2, "last": {"type": "invoice", "user": "alice"}}}, False),
    ],
)
def test_what_notifications_tell_of_people(payload: Any, told: bool) -> None:
    assert tells_of_acts(json.dumps(payload), "alice") is told


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"id": 7, "owner": "alice", "lines": [{"by": "alice"}]}, True),
        ([{"id": "7", "owner": "alice"}], True),
        ([{"id": 7, "owner": "alice"}, {"id": 8, "owner": "alice"}], False),
        ({"id": 8, "owner": "alice"}, False),
        ({"id": 7, "owner": "bob"}, False),
        ("alice 7", False),
    ],
)
def test_records_with_the_key_that_was_asked_for(payload: Any, key: bool) -> None:
    assert has_key(payload if type(payload) is str else json.dumps(payload), "alice", {"7"}) is key


@pytest.mark.parametrize(
    ("held", "whose"),
    [
        ({"tasks": [{"title": "water the plants", "owner": {"name": "Alice M."}}]}, True),
        ([{"author": "Alice M.", "body": {"text": "water the plants"}}], True),
        ({"owner": "Alice M.", "title": "water the plants"}, False),
        ([{"author": "", "title": "water the plants"}], False),
        ([{"author": "A.", "title": "water the plants"}, {"title": "water the plants"}], False),
        ([{"author": "Alice M.", "title": "another one"}], False),
    ],
)
def test_records_that_say_whose_they_are_by_another_name(held: Any, whose: bool) -> None:
    assert says_whose(held, lambda text: "water the plants" in text) is whose


@pytest.mark.parametrize(
    ("payload", "records"),
    [
        ('[{"id": "lamp.7", "by": "alice"}, {"id": "lamp.8"}]', [["lamp.7", "alice"]]),
        ('{"all": [{"id": "lamp.7", "last": {"by": "alice"}}, {"id": "lamp.8"}], "n": 2}', [["lamp.7"]]),
        ('[{"id": "lamp.7", "by": "alice"}, {"id": "lamp.8", "by": "alice"}]', []),
        ('{"all": [{"id": "lamp.7", "by": "alice"}, {"id": "lamp.8"}], "last": "alice"}', []),
        ('{"id": "lamp.7", "by": "alice"}', []),
        ('["alice", "bob"]', []),
        ("alice", []),
    ],
)
def test_records_of_a_list_that_name_somebody(payload: str, records: list[list[str]]) -> None:
    assert records_naming(payload, "alice") == records
