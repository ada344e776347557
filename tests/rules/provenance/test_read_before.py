"""What was read before is recognised: the same rows, by the same question, for the same user."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from isolation_audit.model.inputs import ROWS, Input
from isolation_audit.model.users import User
from isolation_audit.rules.provenance.read_before import ReadBefore

ALICE, BOB = User("alice"), User("bob")
LIST = [(1, "alice", 40211.75, None), (2, "alice", Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC))]


ASKED: list[str] = []
"""What was asked of a class in a test; what is there after it is asked by others."""


class Meta(type):
    """Its classes are hashed and compared by code of the application."""

    def __hash__(cls) -> int:
        ASKED.append("hash")
        return type.__hash__(cls)

    def __eq__(cls, other: object) -> bool:
        ASKED.append("eq")
        return cls is other


class Strange(metaclass=Meta):
    """Of such a class."""


class Odd(str):
    """A text of the application's own class."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise AssertionError("code of the application")


def again(before: ReadBefore, one: Input, user: User) -> bool:
    anew = before.new([one], user)
    for _one, reading in anew:
        before.add(reading)
    return not anew


def asked(value: object, question: object = ("alice",)) -> Input:
    return Input(ROWS, value, question)


@pytest.mark.parametrize(
    "value", [LIST, [], "text", b"bytes", {"a": [1, {"b": "c"}]}, [["a", 1], ["b", 2]], [{"a": 1}, {"a": 2}]]
)
def test_the_same_is_recognised(value) -> None:
    before = ReadBefore()
    assert not again(before, asked(value), ALICE)
    assert again(before, asked(value), ALICE)


@pytest.mark.parametrize(
    ("one", "user"),
    [
        (asked(LIST), BOB),
        (asked(LIST[:1]), ALICE),
        (asked(LIST, ("bob",)), ALICE),
        (asked([(1, "bob", 40211.75, None), LIST[1]]), ALICE),
    ],
)
def test_anything_else_is_not(one, user) -> None:
    before = ReadBefore()
    again(before, asked(LIST), ALICE)
    assert not again(before, one, user)


@pytest.mark.parametrize(
    "times",
    [(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)), ("2026-11-30 03:11:56.9", "2026-12-01")],
)
def test_the_present_time_in_a_question_makes_no_other_question(times) -> None:
    before = ReadBefore()
    assert not again(before, asked(LIST, [("alice", times[0])]), ALICE)
    assert again(before, asked(LIST, [("alice", times[1])]), ALICE)


@pytest.mark.parametrize(
    "value",
    [
        [(object(),)],
        Odd("a"),
        Strange(),
        [Strange()],
        [(Strange(), 1)],
        [(Odd("a"), 1)],
        [(1,)] * 1_000,
        [[[[[["deep"]]]]]],
    ],
)
def test_what_is_not_plain_or_too_much_is_read_each_time(value) -> None:
    before = ReadBefore()
    ASKED.clear()
    assert not again(before, asked(value), ALICE)
    assert not again(before, asked(value), ALICE)
    assert ASKED == []


def test_what_was_dropped_is_read_again() -> None:
    before = ReadBefore()
    again(before, asked(LIST), ALICE)
    before.forget()
    assert not again(before, asked(LIST), ALICE)
