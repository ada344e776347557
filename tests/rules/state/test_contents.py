"""What values hold and what they are called, without running any of their code."""

import asyncio
import logging
import threading
from dataclasses import dataclass
from decimal import Decimal

import pytest

from isolation_audit.rules.state.contents import described, fields, is_of_the_process, is_scalar, texts


@dataclass
class Card:
    holder: str
    number: int


class Slotted:
    __slots__ = ("_name", "empty")

    def __init__(self, name):
        self._name = name


class Hostile(dict):
    def __init__(self):
        dict.__init__(self, a="4711")

    def items(self):
        raise AssertionError("called")

    __iter__ = __len__ = __eq__ = __getitem__ = items
    __hash__ = None


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("a", ["a"]),
        (b"a", ["a"]),
        (5, ["5"]),
        (Decimal("1.5"), ["1.5"]),
        ({"a": ["b", {"c"}]}, ["a", "b", "c"]),
        (Card("alice", 4711), ["alice", "4711"]),
        (Slotted("alice"), ["alice"]),
        (Hostile(), ["a", "4711"]),
        (None, []),
        (threading.Lock(), []),
        (logging.getLogger("x"), []),
        (print, []),
    ],
)
def test_texts(value, held):
    assert texts(value) == held


def test_a_cycle_ends():
    loop = ["a"]
    loop.append(loop)
    assert texts(loop) == ["a"]


def test_a_future_holds_its_result():
    async def main():
        future = asyncio.get_running_loop().create_future()
        before = texts(future)
        future.set_result("4711")
        return before, texts(future)

    assert asyncio.run(main()) == ([], ["4711"])


def test_a_failed_future_is_not_asked():
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("4711"))
        held = texts(future)
        with pytest.raises(ValueError, match="4711"):
            await future
        return held

    assert asyncio.run(main()) == []


def test_words_say_type_and_size_alone():
    assert described("4711") == "a str of 4 characters"
    assert described(["4711"]) == "a list of 1 item"
    assert described(Hostile()) == "a Hostile of 1 item"
    assert described(Card("alice", 1)) == "an object of type Card"


def test_kinds():
    assert is_scalar(1)
    assert is_scalar(None)
    assert not is_scalar("1")
    assert is_of_the_process(print)
    assert is_of_the_process(Card)
    assert not is_of_the_process(Card("a", 1))
    assert fields(Slotted("alice")) == {"_name": "alice"}
