"""Queues of one user each, told from the queue of a worker for everybody."""

from __future__ import annotations

import gc
import queue

from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.model.users import User
from isolation_audit.rules.context import mailboxes
from isolation_audit.rules.context.mailboxes import Mailboxes

ALICE, BOB = User("alice"), User("bob")


def test_another_user_who_asks_another_queue_at_the_same_line() -> None:
    boxes, hers, his = Mailboxes(), queue.Queue(), queue.Queue()
    boxes.add("here", ALICE, hers)
    assert boxes.has_another("here", ALICE, his)
    assert not boxes.has_another("here", ALICE, hers), "a worker for everybody has one"
    assert not boxes.has_another("there", ALICE, his)
    assert not boxes.has_another("here", BOB, his)


def test_the_latest_one_counts_and_what_is_gone_is_none() -> None:
    boxes, first, second, third = Mailboxes(), queue.Queue(), queue.Queue(), queue.Queue()
    boxes.add("here", ALICE, first)
    boxes.add("here", ALICE, second)
    del first
    gc.collect()
    assert boxes.has_another("here", ALICE, third), "the end of the one before takes nothing away"
    assert not boxes.has_another("here", ALICE, second)
    del second
    gc.collect()
    assert not boxes.has_another("here", ALICE, third)


USERS = [User(f"user-{number}") for number in range(6)]


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(USERS)), max_size=60))
def test_places_and_users_are_bounded(steps) -> None:
    boxes, held, other = Mailboxes(), queue.Queue(), queue.Queue()
    places, users = mailboxes._PLACES, mailboxes._USERS
    mailboxes._PLACES, mailboxes._USERS = 3, 2
    try:
        for place, user in steps:
            boxes.add(place, user, held)
    finally:
        mailboxes._PLACES, mailboxes._USERS = places, users
    known = [(place, user) for place in range(7) for user in USERS if boxes.has_another(place, user, other)]
    assert len({place for place, _user in known}) <= 4
    assert max([sum(one == place for one, _user in known) for place in range(7)]) <= 3
    assert not steps or steps[-1] in known
