"""What names in the application's functions mean, without anything of the application running for it."""

from __future__ import annotations

import math
from types import ModuleType

import pytest

from isolation_audit.rules.caches.meanings import UNKNOWN, member, named

PRICE = 5


def made(price):
    def inner():
        return price, PRICE

    return inner


def unfilled():
    def inner():
        return later

    found = named(inner, "later")
    later = 7
    return found, named(inner, "later"), inner(), later


def test_a_variable_of_the_function_around_it_comes_before_that_of_the_module() -> None:
    assert named(made(7), "price") == 7
    assert named(made(7), "PRICE") == PRICE
    before, after, *_ = unfilled()
    assert before is UNKNOWN
    assert after == 7


def test_what_neither_has() -> None:
    assert named(made(7), "elsewhere") is UNKNOWN
    assert named(made(7), "elsewhere", None) is None
    assert named(made(7), "len") is UNKNOWN, "a built-in is no global"


class Base:
    limit = 3

    @property
    def touched(self):
        raise AssertionError


class Meta(type):
    def __getattr__(cls, name):
        raise AssertionError(name)


class Odd(Base, metaclass=Meta):
    pass


class Lazy(ModuleType):
    def __getattr__(self, name):
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("owner", "name", "found"),
    [
        *((math, "pi", math.pi), (Base, "limit", 3), (Odd, "limit", 3), (Base, "touched", vars(Base)["touched"])),
        *((Lazy("lazy"), "x", UNKNOWN), (Odd, "x", UNKNOWN), (Base(), "limit", UNKNOWN), (math, "nothing", UNKNOWN)),
    ],
)
def test_members_as_they_stand_there(owner, name, found) -> None:
    assert member(owner, name) is found or member(owner, name) == found
