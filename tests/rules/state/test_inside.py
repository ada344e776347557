"""What a container still holds of what was written into it."""

from collections import UserList, deque

import pytest

from isolation_audit.rules.state.inside import NOTHING, held_of, is_among
from isolation_audit.rules.state.records import Write


class Kept:
    """An object that has something."""

    def __init__(self, name):
        self.name = name


class Broken(list):
    """Another thread changes it meanwhile."""

    __iter__ = None


@pytest.mark.parametrize(
    ("container", "key"),
    [
        ({"last": "tea"}, ("item", "last")),
        (Kept("tea"), ("attribute", "name")),
        (["milk", "tea"], None),
        (("tea",), None),
        ({"tea"}, None),
        (deque(["tea"]), None),
        (UserList(["tea"]), None),
        (Broken(["tea"]), None),
    ],
)
def test_it_is_there(container, key):
    assert held_of(container, key, Write(None, 0, "tea")) == "tea"


@pytest.mark.parametrize(
    ("container", "key"),
    [
        ({"last": "milk"}, ("item", "last")),
        ({}, ("item", "last")),
        (Kept("milk"), ("attribute", "name")),
        (Kept("milk"), ("attribute", "other")),
        (["milk"], None),
        (1, None),
    ],
)
def test_it_is_gone(container, key):
    assert held_of(container, key, Write(None, 0, "tea")) is NOTHING


def test_a_part_has_it():
    kept = Kept("tea")
    assert [is_among(kept, part) for part in ([kept], [Kept("tea")])] == [True, False]
    assert [is_among("tea", part) for part in (["".join("tea")], ["milk"])] == [True, False]
