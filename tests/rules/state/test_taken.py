"""What is kept of a read until it is judged: texts, names, and who is said to have made a record."""

import asyncio
from dataclasses import dataclass

import pytest

from isolation_audit.instrument.rewrite.listener import ITEM
from isolation_audit.model.users import User
from isolation_audit.rules.state.records import Write
from isolation_audit.rules.state.taken import Taken, authors
from isolation_audit.rules.state.units import Unit


@dataclass
class Message:
    author: str
    text: str


def taken(value, container=()):
    return Taken(Write(Unit(None, User("alice")), 0, value), container, ITEM, "key", value, 0)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"author": "alice", "text": "hi"}, {"alice"}),
        ({"seller": "alice", "buyer": "bob"}, {"alice", "bob"}),
        (Message("alice", "hi"), {"alice"}),
        *(({"author": 7}, set()), ({"title": "alice"}, set()), ("author", set()), (["alice"], set())),
    ],
)
def test_who_is_said_to_have_made_it(value, found):
    assert authors(value) == found


def test_a_part_of_a_record_is_its_author_s():
    assert taken("hello", Message("alice", "hello")).authors == {"alice"}


def test_what_a_task_has_found_is_looked_at_again():
    async def main():
        future = asyncio.get_running_loop().create_future()
        one = taken(future)
        one.complete()
        before = one.texts
        future.set_result("the pin is 4711")
        one.complete()
        return before, one.texts

    before, after = asyncio.run(main())
    assert before == ()
    assert after == ("the pin is 4711",)


def test_a_task_that_is_gone_is_not_waited_for():
    async def main():
        future = asyncio.get_running_loop().create_future()
        return taken(future)

    one = asyncio.run(main())
    one.complete()
    assert one.texts == ()
