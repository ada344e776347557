"""What a login, a session, a token or a header calls a user, beside what the application itself says."""

from __future__ import annotations

import pytest

from isolation_audit.model.aliases import ALIAS
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import AMBIENT, LOGIN, SCOPES, TOKEN, Sources
from isolation_audit.model.user_names import Name
from isolation_audit.model.user_sources import SOURCES, USER_HEADERS
from isolation_audit.model.users import Users


@pytest.fixture
def users():
    return Users(system=["service:*"])


@pytest.fixture
def bindings():
    return Bindings()


@pytest.fixture
def sources(users, bindings):
    return Sources(users, bindings, SOURCES, USER_HEADERS)


def login(sources, name, *aliases, rank=LOGIN):
    one = Request(sources, list)
    one.told(rank, Name(name, aliases))
    return one


def who(one):
    user = one.user()
    return None if user is None else user.id


def test_where_both_say_the_same_the_request_stays_its_users(sources, users):
    one = login(sources, "alice")
    one.meet(users.token("alice"), SCOPES)
    assert (who(one), one.disagreed, list(one.said_by)) == ("alice", False, [SCOPES])


def test_two_names_of_one_person_are_one_user(sources, users, bindings):
    """A number in the application's variable, a name in its login: the rest of the request is the number's."""
    one = login(sources, "alice", "alice@example.com")
    one.meet(users.token("42"), AMBIENT)
    assert (who(one), one.disagreed) == ("42", False)
    assert users.known("alice") is None
    assert {bindings.user_of(ALIAS, name).id for name in ("alice", "alice@example.com")} == {"42"}
    # A request of which the application says nothing is the same person's.
    assert who(login(sources, "alice")) == "42"


def test_the_login_may_come_after_the_application_s_word(sources, users):
    one = Request(sources, list)
    one.meet(users.token("42"), AMBIENT)
    assert who(one) == "42"
    one.told(LOGIN, Name("alice"))
    assert who(one) == "42"


def test_an_administrator_s_work_in_somebody_s_account_is_both_s(sources, users):
    for name in ("alice", "bob"):
        login(sources, name).meet(users.token(name), SCOPES)
    one = login(sources, "admin")
    one.meet(users.token("bob"), SCOPES)
    assert (who(one), one.disagreed) == (None, True)
    # Alone, both are themselves.
    assert who(login(sources, "admin")) == "admin"
    assert who(login(sources, "bob")) == "bob"


def test_an_administrator_who_comes_first_is_not_taken_for_the_user(sources, users, bindings):
    login(sources, "admin").meet(users.token("bob"), SCOPES)
    # The same name on both sides: they use one language, so that admin and bob are two.
    assert who(login(sources, "bob")) == "bob"
    assert who(login(sources, "admin")) == "admin"
    assert bindings.user_of(ALIAS, "admin") is None


def test_an_administrator_beside_pairs_of_names(sources, users):
    for _ in range(2):
        login(sources, "alice").meet(users.token("42"), AMBIENT)
    one = login(sources, "admin")
    one.meet(users.token("42"), AMBIENT)
    assert (who(one), one.disagreed) == (None, True)
    assert who(login(sources, "alice")) == "42"


def test_an_administrator_who_came_before_the_user_gives_the_number_back(sources, users):
    login(sources, "admin").meet(users.token("42"), AMBIENT)
    for _ in range(3):
        login(sources, "alice").meet(users.token("42"), AMBIENT)
    assert who(login(sources, "alice")) == "42"
    assert who(login(sources, "admin")) == "admin"


def test_a_source_that_contradicts_the_application_as_a_rule_loses_its_word(sources, users):
    """A gateway that names a service for everybody: its name is no user, and the next source is asked."""
    for number in range(6):
        one = login(sources, "gateway", rank=TOKEN)
        one.meet(users.token(f"user-{number}"), SCOPES)
    assert who(login(sources, "gateway", rank=TOKEN)) is None
    assert users.known("gateway") is None
    assert list(sources.outvoted) == [TOKEN]
    assert who(Request(sources, lambda: [("x-user", "user-3")])) == "user-3"


def test_a_few_administrators_do_not_silence_the_login(sources, users):
    for number in range(20):
        login(sources, f"user-{number}").meet(users.token(f"user-{number}"), SCOPES)
        login(sources, "admin").meet(users.token(f"user-{number // 2}"), SCOPES) if number % 2 else None
    assert not sources.outvoted
    assert who(login(sources, "user-3")) == "user-3"


def test_an_impersonation_in_the_middle_of_a_request(sources, users):
    login(sources, "bob").meet(users.token("bob"), SCOPES)
    one = login(sources, "admin")
    one.meet(users.token("admin"), AMBIENT)
    assert who(one) == "admin"
    one.meet(users.token("bob"), AMBIENT)
    assert (who(one), one.disagreed) == (None, True)


def test_what_a_request_has_left_running_says_nothing_of_it(sources, users):
    one = login(sources, "alice")
    one.end()
    one.meet(users.token("bob"), SCOPES)
    assert (one.disagreed, one.said) == (False, None)


def test_what_is_remembered_is_bounded(sources, users, monkeypatch):
    monkeypatch.setattr("isolation_audit.model.agreement._MOST", 3)
    for number in range(10):
        login(sources, f"name-{number}").meet(users.token(str(number)), AMBIENT)
    (agreement,) = sources._agreements.values()
    assert max(len(agreement.told), len(agreement.pairs), len(agreement.said)) <= 3
