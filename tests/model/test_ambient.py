"""Who is at work is found out once for each moment: whatever could change the answer is seen at once."""

from __future__ import annotations

from contextvars import ContextVar, copy_context

import pytest

from isolation_audit import user_scope
from isolation_audit.model.ambient import Ambient
from isolation_audit.model.contexts import current_scope, moment_variable
from isolation_audit.model.scopes import Scope
from isolation_audit.model.users import Kind, Users


class Asked(Users):
    """Counts how often it is asked for a token."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def token(self, value):
        self.asked += 1
        return super().token(value)


@pytest.fixture
def users():
    return Asked()


@pytest.fixture
def ambient(users):
    return Ambient(users)


def name(ambient: Ambient) -> str | None:
    user = ambient.current()
    return None if user is None else user.id


def test_a_scope_s_user_is_found_out_once(ambient, users):
    with user_scope("alice"):
        assert [name(ambient) for _ in range(5)] == ["alice"] * 5
        assert users.asked == 1
        with user_scope("bob"):
            assert [name(ambient), name(ambient)] == ["bob", "bob"]
        assert name(ambient) == "alice"
    assert name(ambient) is None


def test_the_variable_is_compared_each_time(ambient):
    variable = ContextVar("user", default=None)
    ambient.adopt(variable, None)
    with user_scope("alice"):
        assert name(ambient) == "alice"
        token = variable.set("bob")
        assert [name(ambient), name(ambient)] == ["bob", "bob"]
        variable.reset(token)
        assert name(ambient) == "alice"
        assert copy_context().run(lambda: (variable.set("carol"), name(ambient))[1]) == "carol"
        assert name(ambient) == "alice"


def test_a_scope_s_own_value_of_the_variable_does_not_win(ambient):
    variable = ContextVar("user", default=None)
    ambient.adopt(variable, None)
    copy_context().run(_within, ambient, variable)


def _within(ambient: Ambient, variable: ContextVar) -> None:
    variable.set("bob")
    with user_scope("alice"):
        assert name(ambient) == "bob"  # asked before the scope is stamped
        scope = current_scope()
        assert type(scope) is Scope
        ambient.stamp(scope)
        assert [name(ambient), name(ambient)] == ["alice", "alice"]


def test_a_variable_that_is_expected_and_a_holder_are_asked_from_then_on(ambient):
    variable = ContextVar("user", default=None)
    with user_scope("alice"):
        assert name(ambient) == "alice"
        ambient.expect(lambda: variable, None)
        token = variable.set("bob")
        assert name(ambient) == "bob"
        variable.reset(token)


def test_an_id_that_was_taken_back_is_a_user_s_again_once_the_application_says_it(ambient, users):
    with user_scope("alice"):
        first = ambient.current()
        users.forget("alice")
        assert (users.known("alice"), first.kind) == (None, Kind.PLACEHOLDER)
        assert ambient.current() is first is users.known("alice")
        assert first.kind is Kind.USER


def test_what_an_object_names_is_read_each_time(ambient):
    """Its user may be exchanged while the object stays."""

    class Person:
        id = "bob"

    variable = ContextVar("user", default=None)
    ambient.adopt(variable, lambda person: person.id)
    person = Person()
    token = variable.set(person)
    with user_scope("alice"):
        assert name(ambient) == "bob"
        person.id = "carol"
        assert name(ambient) == "carol"
        moment = moment_variable.get()
        assert moment.ambient is None or person not in moment.ambient
    variable.reset(token)


def test_each_auditor_has_its_own_answer(users):
    one, other = Ambient(users), Ambient(Users())
    with user_scope("alice"):
        assert one.current() is not other.current()
        assert one.current() is users.known("alice")
