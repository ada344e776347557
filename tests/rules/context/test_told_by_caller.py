"""Whether code that asks who is running has been told so by its caller."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from isolation_audit.rules.context.told_by_caller import knows

ID = "alice-7"


WANTED = [ID]


@pytest.fixture(autouse=True)
def _alice():
    WANTED[0] = ID


def asks() -> bool:
    """Given nothing, it stands for whoever calls it."""
    return knows(sys._getframe(), WANTED[0])


def by_argument(_user: Any) -> bool:
    return asks()


def by_keyword(*, _user: Any) -> bool:
    return asks()


def by_all(*_users: Any, **_more: Any) -> bool:
    return asks()


def by_variable() -> bool:
    _user = ID
    return asks()


def by_closure(user: Any) -> Any:
    def inner() -> tuple[bool, Any]:
        return asks(), user

    return lambda: inner()[0]


def by_its_caller(_user: Any) -> bool:
    return works(7)


def works(_number: int) -> bool:
    return asks()


def relays(_held: Any) -> bool:
    """So that a test itself is too far up."""
    return by_argument(_held)


def two_further_up(_user: Any) -> bool:
    return goes_on(7)


def goes_on(_number: int) -> bool:
    return works(7)


@dataclass
class Job:
    user: Any


class Computed:
    __slots__ = ()

    @property
    def user(self) -> str:
        return ID

    @property
    def __dict__(self) -> Any:
        raise AssertionError


class Name(str):
    __slots__ = ()


class Slots:
    __slots__ = ("user",)

    def __init__(self, user: Any) -> None:
        self.user = user


WAYS = {
    "an argument": lambda: by_argument(ID),
    "a keyword": lambda: by_keyword(_user=ID),
    "arguments": lambda: by_all(1, ID),
    "keywords": lambda: by_all(x=ID),
    "a variable": by_variable,
    "a closure": by_closure(ID),
    "its caller's": lambda: by_its_caller(ID),
    "in an object": lambda: by_argument(Job(ID)),
    "in slots": lambda: by_argument(Slots(Job(ID))),
    "in a dict": lambda: by_argument({"job": {"user": ID}}),
    "in a tuple": lambda: by_argument((1, [ID])),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_has_the_id_at_hand(way) -> None:
    assert WAYS[way]()


LOST = {
    "nothing": asks,
    "another": lambda: by_argument("bob-8"),
    "a part of it": lambda: by_argument("alice"),
    "a longer one": lambda: by_argument("alice-77"),
    "as a key": lambda: by_argument({ID: 1}),
    "too far in": lambda: by_argument([[[[ID]]]]),
    "two further up": functools.partial(two_further_up, ID),
    "behind a property": lambda: by_argument(Computed()),
}


@pytest.mark.parametrize("way", LOST)
def test_it_has_not(way) -> None:
    assert not LOST[way]()


@pytest.mark.parametrize(
    ("held", "identifier", "found"),
    [
        *((4711, "4711", True), (UUID(int=7), str(UUID(int=7)), True), (Name(ID), ID, True)),
        *((True, "True", False), (47.0, "47.0", False), (b"alice-7", ID, False)),
    ],
)
def test_ids_of_other_types(held, identifier, found) -> None:
    WANTED[0] = identifier
    assert relays(held) is found


def test_nobody_has_called() -> None:
    assert not knows(None, ID)
