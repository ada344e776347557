"""Tokens: one for each user, whatever form the id came in."""

from __future__ import annotations

import gc
import threading
from enum import IntEnum, StrEnum
from unittest.mock import MagicMock, Mock
from uuid import UUID

import pytest
import wrapt

from isolation_audit.model.users import EVERYONE, Kind, User, Users, plain_text, same


def test_the_same_id_is_the_same_token():
    users = Users()
    assert users.token("alice") is users.token("".join(["al", "ice"]))
    assert users.token("alice") is not users.token("bob")


NO_IDS = [None, "", 5, True, 3.5, b"alice", [], {}, Mock(), MagicMock(spec=str), object()]


@pytest.mark.parametrize("value", NO_IDS, ids=map(str, range(len(NO_IDS))))
def test_what_is_no_id_has_no_token(value):
    assert Users().token(value) is None


def test_proxies_and_liars_are_no_ids_and_are_not_asked():
    class Liar:
        @property
        def __class__(self):
            raise AssertionError("asked")

    assert Users(id_types=("str", "int", "uuid")).token(Liar()) is None
    assert Users().token(wrapt.ObjectProxy("alice")) is None


def test_subclasses_of_str_are_read_by_their_characters():
    class Odd(str):
        __slots__ = ()

        def __str__(self):
            return "somebody else"

        def __hash__(self):
            raise AssertionError("hashed")

        __eq__ = __hash__

    class Role(StrEnum):
        ALICE = "alice"

    users = Users()
    assert users.token(Odd("alice")) is users.token(Role.ALICE) is users.token("alice")
    assert type(users.token(Odd("new")).id) is str
    assert plain_text(Odd("x")) == "x"


def test_other_types_of_ids_count_where_they_are_declared():
    class Number(IntEnum):
        ALICE = 5

    users = Users(id_types=("str", "int", "uuid"))
    identifier = UUID(int=1)
    assert users.token(5) is users.token("5") is users.token(Number.ALICE)
    assert users.token(identifier) is users.token(str(identifier))
    assert users.token(True) is None
    assert Users(id_types=("str", "uuid")).token(5) is None


def test_placeholders_and_system_principals_are_told_apart():
    users = Users(placeholders=("anonymous", "legacy_*"), system=("service:*", "legacy_root"))
    kinds = {name: users.token(name).kind for name in ("alice", "anonymous", "legacy_x", "service:mail", "legacy_root")}
    assert list(kinds.values()) == [Kind.USER, Kind.PLACEHOLDER, Kind.PLACEHOLDER, Kind.SYSTEM, Kind.SYSTEM]
    assert users.token("anonymous2").kind is Kind.USER


def test_eviction_is_counted_and_an_evicted_user_stays_the_same_user():
    users = Users(limit=3)
    first = users.token("alice")
    for number in range(10):
        users.token(f"user{number}")
    assert len(users) == 3
    assert users.evicted == 8
    again = users.token("alice")
    assert again is not first
    assert same(again, first)
    assert not same(again, EVERYONE)


def test_who_holds_a_token_that_was_taken_back_holds_the_user_s_who_is_called_so_again():
    users = Users()
    held = users.token("alice")
    users.forget("alice")
    assert (users.known("alice"), held.kind) == (None, Kind.PLACEHOLDER)
    assert users.token("alice") is held
    assert held.kind is Kind.USER
    users.forget("alice")
    del held
    gc.collect()
    assert users.token("alice").kind is Kind.USER
    assert len(users) == 1


def test_threads_that_meet_a_new_id_at_once_get_one_token():
    users = Users()
    barrier = threading.Barrier(8)
    found = []

    def meet():
        barrier.wait()
        found.append([users.token(f"user{number}") for number in range(200)])

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is other for tokens in found for one, other in zip(tokens, found[0], strict=True))


def test_no_id_in_a_repr():
    assert "alice" not in repr(User("alice")) + repr([Users().token("alice")])
