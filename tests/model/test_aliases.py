"""Which names are one person's: what one login shows, never what two logins are called."""

from __future__ import annotations

import pytest

from isolation_audit.model.aliases import ALIAS, OtherNames
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.user_names import Name, name_in_claims, name_of, names_in_context
from isolation_audit.model.users import Kind, Users

ADDRESS = "alice@example.com"


@pytest.fixture
def users() -> Users:
    return Users(id_types=("str", "int"), placeholders=("anonymous",))


@pytest.fixture
def names(users: Users) -> OtherNames:
    return OtherNames(users, Bindings())


def enter(users: Users, names: OtherNames, user_id: str, *aliases: str, ids: tuple[str, ...] = ()):
    user = users.token(user_id)
    assert user is not None
    names.enter(user)
    names.learn(Name(user_id, aliases, ids), user)
    return user


def test_what_one_login_shows_is_one_person(users: Users, names: OtherNames) -> None:
    alice = enter(users, names, "alice", ADDRESS, ids=("42",))
    for name in ("alice", ADDRESS, "42", 42, "ALICE@example.com", "Alice"):
        assert names.meant(name) is alice, name
    assert names._bindings.user_of(ALIAS, ADDRESS) is alice
    assert names._bindings.user_of(ALIAS, "42") is None, "nobody is looked for by a number"


def test_a_name_that_was_used_before_the_login_is_taken_back(users: Users, names: OtherNames) -> None:
    early = names.meant(ADDRESS)
    assert early is not None
    alice = enter(users, names, "alice", ADDRESS)
    assert (names.meant(ADDRESS), early.kind) == (alice, Kind.PLACEHOLDER)


def test_two_logins_never_become_one_user(users: Users, names: OtherNames) -> None:
    bob = enter(users, names, "bob")
    carol = enter(users, names, "carol", "bob", "dave")
    dave = enter(users, names, "dave")
    assert [names.meant(name) for name in ("bob", "carol", "dave")] == [bob, carol, dave]


def test_what_two_persons_show_means_neither(users: Users, names: OtherNames) -> None:
    enter(users, names, "alice", "team@example.com")
    enter(users, names, "bob", "team@example.com")
    assert names.meant("team@example.com") is None
    enter(users, names, "alice", "team@example.com")
    assert names.meant("team@example.com") is None


def test_letters_case_counts_between_logins_only(users: Users, names: OtherNames) -> None:
    lower = enter(users, names, "alice")
    assert names.meant("ALICE") is lower
    upper = enter(users, names, "Alice")
    assert (names.meant("alice"), names.meant("Alice")) == (lower, upper)
    assert names.meant("ALICE") is None, "either of them"


def test_whom_nobody_knows_is_who_they_say(users: Users, names: OtherNames) -> None:
    enter(users, names, "alice", ADDRESS)
    found = names.meant("bob@example.com")
    assert found is users.token("bob@example.com")
    assert names.meant(None) is None
    assert names.meant("") is None
    placeholder = names.meant("anonymous")
    assert placeholder is not None
    assert placeholder.kind is Kind.PLACEHOLDER


def test_a_pair_that_was_none_is_parted(users: Users, names: OtherNames) -> None:
    enter(users, names, "alice", ADDRESS)
    names.part(ADDRESS)
    assert names.meant(ADDRESS) is users.token(ADDRESS)


def test_who_was_forgotten_may_come_back_under_the_same_names(users: Users, names: OtherNames) -> None:
    enter(users, names, "alice", ADDRESS)
    users.forget("alice")
    again = enter(users, names, "alice", ADDRESS)
    assert names.meant(ADDRESS) is again


def test_the_tables_are_bounded(users: Users) -> None:
    names = OtherNames(users, Bindings(), limit=10)
    for number in range(50):
        enter(users, names, f"user-{number}", f"user-{number}@example.com")
    assert (len(names._shown), len(names._in_any_case)) == (10, 10)
    assert names.evicted > 0


def test_where_names_are_read() -> None:
    record = {"username": "alice", "email": ADDRESS, "id": 42, "name": "Alice Liddell"}
    assert name_of(record) == Name("alice", (ADDRESS,), ("42",))
    assert name_in_claims({"sub": "42", "email": ADDRESS, "preferred_username": "alice"}) == Name(
        "42", (ADDRESS, "alice")
    )
    assert name_in_claims({"email": ADDRESS}) == Name(ADDRESS)
    assert name_in_claims({"id": 42, "uid": "u-42", "username": "alice"}) == Name("42", ("alice",), ("u-42",))
    assert name_in_claims({"id": 42, "username": "alice"}, ("username", "id")) == Name("alice", (), ("42",))
    assert name_in_claims({"email": ADDRESS}, ("sub",)) is None
    assert name_in_claims({"exp": 1}) is None
    context = {"user_id": "42", "email": ADDRESS, "id": "context-7"}
    assert names_in_context(context, "42") == Name("42", (ADDRESS,))
    assert names_in_context(context, "43") is None
    assert names_in_context(object(), "42") is None
