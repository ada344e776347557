"""What a request or a message has brought in: its texts, its names with values, and what may be somebody's name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.model.users import User
from isolation_audit.rules.provenance.brought_in import LONGEST, numbers_of_persons, phrases_of, read, single_values
from isolation_audit.rules.provenance.phrases import phrases_in

ALICE = User("alice")

plain = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
objects = st.recursive(
    plain | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(plain, inner, min_size=1, max_size=3),
)


@settings(max_examples=50)
@given(st.dictionaries(plain, objects, min_size=1, max_size=4))
def test_a_message_is_read_as_the_same_among_others_is(held) -> None:
    """The way for a single text, which is the usual one, finds what the way for all finds."""
    text = json.dumps(held)
    texts, pairs, single = read([text])
    others, named, several = read([text, {}])
    assert single == text
    assert several is None
    assert set(texts) >= set(others)
    assert {(name, str(value)) for name, value in named if type(value) is str} <= {
        (name, str(value)) for name, value in pairs
    }


@pytest.mark.parametrize(
    ("asked", "texts", "pairs"),
    [
        (["hello there"], ["hello there"], []),
        (['{"to": "bob", "room": 7, "loud": true}'], ["to", "bob", "room", "7", "loud"], [("to", "bob"), ("room", 7)]),
        (['{"to": {"name": "bob"}}'], ["to", "name", "bob"], [("name", "bob")]),
        (["to=bob&room=tea"], ["to=bob&room=tea"], [("to", "bob"), ("room", "tea")]),
        ([[b"to=bob&a=at+noon"]], ["to=bob&a=at+noon", "bob", "at noon"], [("to", "bob"), ("a", "at noon")]),
        ([{"text": "a=b, or so"}], ["text", "a=b, or so"], [("text", "a=b, or so")]),
        ([{"to": "bob"}, '{"text": "hello"}'], ["to", "bob", "text", "hello"], [("to", "bob"), ("text", "hello")]),
    ],
)
def test_texts_and_names(asked, texts, pairs) -> None:
    found, named, _single = read(asked)
    assert found == texts
    assert set(pairs) <= {(name, value) for name, value in named if type(value) is not dict}


def test_of_what_is_long_the_beginning_is_read() -> None:
    (found,), _pairs, _single = read(["x" * 3 * LONGEST])
    assert len(found) == LONGEST
    several, _pairs, _single = read(["x" * 3 * LONGEST, "y" * 4 * LONGEST])
    assert sum(map(len, several)) == LONGEST


def test_values_that_may_be_somebodys_name() -> None:
    texts = ["Bob", "tell @carol and order-4711 about it", "nobody is meant here", "x" * 101]
    assert single_values(texts) == {*map(hash, ("bob", "carol", "order-4711"))}


@pytest.mark.parametrize(
    "text", ["the blue door is open", "hello", "my card ends in 4242. Keep it for yourself please"]
)
def test_phrases_of_texts_are_those_of_each(text) -> None:
    assert phrases_of([text], ALICE).keys() == {one.digest for one in phrases_in(text, ALICE)}


NUMBER = "4716-2209-8834"


@pytest.mark.parametrize(
    ("text", "pairs", "writes", "found"),
    [
        (NUMBER, [], True, 1),
        (NUMBER, [], False, 0),
        (f"my number is {NUMBER}", [], False, 1),
        (NUMBER, [("passport", NUMBER)], True, 1),
        (NUMBER, [("order_id", NUMBER)], True, 0),
    ],
)
def test_numbers_of_persons_are_what_a_request_writes_or_says(text, pairs, writes, found) -> None:
    assert len(numbers_of_persons([text], pairs, ALICE, writes=writes)) == found
