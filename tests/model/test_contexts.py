"""What the auditor keeps per context, and the unit of work that a context is in."""

from contextvars import Context, copy_context
from functools import partial
from pathlib import Path

import pytest

import isolation_audit
from isolation_audit import user_scope
from isolation_audit.model import contexts
from isolation_audit.model.contexts import change_unit, current_moment, current_scope, current_unit
from isolation_audit.model.scopes import Scope
from isolation_audit.model.unit_of_work import NO_UNIT, UnitOfWork

SLOTS = ("request", "client", "item", "job", "given_by", "runs_for")


def slots_of(unit: UnitOfWork) -> dict[str, object]:
    return {name: getattr(unit, name) for name in SLOTS}


def test_a_context_that_has_begun_nothing_is_in_no_unit():
    assert Context().run(current_unit) is NO_UNIT
    assert set(slots_of(NO_UNIT).values()) == {None}
    assert tuple(UnitOfWork.__annotations__) == SLOTS


@pytest.mark.parametrize("slot", SLOTS)
def test_what_changes_is_that_and_nothing_else(slot):
    def body():
        before = {name: object() for name in SLOTS}
        change_unit(**before)
        assert slots_of(current_unit()) == before
        other = object()
        change_unit(**{slot: other})
        assert slots_of(current_unit()) == {**before, slot: other}
        change_unit(**{slot: None})
        assert slots_of(current_unit()) == {**before, slot: None}
        change_unit(**dict.fromkeys(SLOTS))
        assert current_unit() is NO_UNIT

    Context().run(body)


@pytest.mark.parametrize("slot", SLOTS)
def test_what_has_inherited_a_unit_keeps_it(slot):
    """A task that a request has started goes on with what it began with, whatever the request does meanwhile."""

    def body():
        first = object()
        change_unit(**{slot: first})
        child = copy_context()
        change_unit(**{slot: None})
        assert getattr(child.run(current_unit), slot) is first
        child.run(partial(change_unit, **{slot: object()}))
        assert current_unit() is NO_UNIT

    Context().run(body)
    assert set(slots_of(NO_UNIT).values()) == {None}


def test_another_request_is_another_moment_and_another_item_is_not():
    def body():
        assert current_moment() is None
        change_unit(request=object())
        moment = current_moment()
        change_unit(item=object(), client="a", job=object(), given_by=object(), runs_for=object())
        assert current_moment() is moment is not None
        change_unit(request=None)
        assert current_moment() is None

    Context().run(body)


def test_other_work_forgets_all_but_its_scope_and_where_it_comes_from():
    def body():
        for variable in contexts.OURS:
            variable.set(object())
        kept = contexts.home_variable.get(), contexts.test_variable.get()
        scope = Scope("alice")
        contexts.begin_anew(scope)
        assert (contexts.home_variable.get(), contexts.test_variable.get()) == kept
        assert current_unit() is NO_UNIT
        assert current_scope() is scope
        known = {contexts.unit_of_work, contexts.scope_variable, contexts.moment_variable}
        known |= {contexts.home_variable, contexts.test_variable}
        assert {variable.get() for variable in contexts.OURS - known} == {None}

    Context().run(body)


def test_a_context_s_moment_is_another_one_for_each_scope():
    moments = [contexts.moment_variable.get()]
    with user_scope("alice"):
        moments.append(contexts.moment_variable.get())
        with user_scope("alice"):
            moments.append(contexts.moment_variable.get())
        moments.append(contexts.moment_variable.get())
    assert contexts.moment_variable.get() is moments[0]
    assert len(set(map(id, moments))) == len(moments)


def test_whoever_gives_a_context_another_scope_or_request_says_so():
    """What is remembered of a moment would be wrong otherwise."""
    for file in Path(isolation_audit.__file__).parent.rglob("*.py"):
        if file.name == "contexts.py":
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            before = "".join(lines[number - 2 : number])
            sets_request = "unit_of_work.set(" in line and ("unit.request = " in before or " is request:" in before)
            if "scope_variable.set(" in line or sets_request:
                following = next(one.strip() for one in lines[number + 1 :] if not one.strip().startswith("#"))
                assert following == "entered()" or following.startswith("moment_variable.set("), f"{file}:{number + 1}"
