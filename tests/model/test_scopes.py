"""Scopes: whose work is running, in every kind of flow."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from contextvars import ContextVar

import pytest

from isolation_audit import system_scope, user_scope
from isolation_audit.model import contexts, entering, scopes
from isolation_audit.model.ambient import Ambient
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.entering import enter, leave
from isolation_audit.model.scopes import Scope
from isolation_audit.model.users import Users


def running():
    scope = current_scope()
    return None if scope is None else scope.user_id


def test_scopes_nest_and_end_with_exceptions():
    with user_scope("alice"):
        with pytest.raises(ValueError, match="x"), user_scope("bob"):
            assert running() == "bob"
            raise ValueError("x")
        assert running() == "alice"
        with system_scope():
            assert running() == scopes.SYSTEM_USER
    assert running() is None


@pytest.mark.parametrize("wrong", [None, "", 5, b"alice"])
def test_a_scope_needs_an_id(wrong):
    with pytest.raises(TypeError, match="non-empty string"):
        user_scope(wrong)


def test_scopes_left_out_of_order_do_not_come_back():
    outer, inner = user_scope("alice"), user_scope("bob")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert running() == "bob"
    inner.__exit__(None, None, None)
    assert running() is None


def test_one_scope_object_may_be_entered_again():
    scope = user_scope("alice")
    with scope:
        with scope:
            assert running() == "alice"
        assert running() == "alice"
    assert running() is None
    scope.__exit__(None, None, None)
    assert running() is None


def test_one_scope_object_serves_several_tasks():
    shared = user_scope("alice")

    async def work(delay):
        with shared:
            await asyncio.sleep(delay)
            assert running() == "alice"
        assert running() is None

    async def main():
        await asyncio.gather(work(0.01), work(0.001), work(0))

    asyncio.run(main())


def test_tasks_threads_and_executors_inherit_as_context_variables_do():
    async def main():
        with user_scope("alice"):
            task = asyncio.create_task(asyncio.sleep(0, running()))
            assert await asyncio.to_thread(running) == "alice"
            assert await asyncio.get_running_loop().run_in_executor(None, running) is None
            assert await task == "alice"
            late = asyncio.create_task(later())
        await late

    async def later():
        await asyncio.sleep(0.01)
        assert running() == "alice"  # begun in the scope, the task is still work for alice
        with user_scope("bob"):
            assert running() == "bob"
        assert running() == "alice"

    asyncio.run(main())
    seen = []
    with user_scope("alice"):
        thread = threading.Thread(target=lambda: seen.append(running()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_an_async_generator_closed_elsewhere_touches_nothing_there():
    async def stream():
        with user_scope("alice"):
            yield running()
            yield running()

    async def close(generator):
        with user_scope("bob"):
            await generator.aclose()
            assert running() == "bob"

    async def main():
        generator = stream()
        assert await anext(generator) == "alice"
        await asyncio.create_task(close(generator))

    asyncio.run(main())
    assert running() is None


def test_a_scope_left_in_another_context_changes_that_context_not():
    scope = Scope("alice")
    enter(scope)

    def elsewhere():
        leave(scope)
        return running()

    assert contextvars.Context().run(elsewhere) is None
    assert scope.ended
    leave(scope)
    contexts.scope_variable.set(None)


class Listening(entering.ScopeListener):
    def __init__(self):
        self.told = []

    def begin(self, scope):
        self.told.append(("begin", scope.user_id))

    def end(self, scope):
        self.told.append(("end", scope.user_id, scope.failed))


def test_the_listener_is_told_of_begin_and_end():
    listener = Listening()
    entering.listen(listener)
    try:
        with pytest.raises(KeyError), user_scope("alice", run_id="r"):
            raise KeyError
    finally:
        entering.listen(None)
    with user_scope("bob"):
        pass
    assert listener.told == [("begin", "alice"), ("end", "alice", True)]


def adopted():
    variable = ContextVar("variable")
    ambient = Ambient(Users())
    ambient.adopt(variable, None)

    class Stamping(entering.ScopeListener):
        def begin(self, scope):
            ambient.stamp(scope)

    entering.listen(Stamping())
    return variable, lambda: getattr(ambient.current(), "id", None), ambient


def in_fresh_context(function):
    try:
        contextvars.Context().run(function)
    finally:
        entering.listen(None)


def test_the_innermost_of_scope_and_application_variable_wins():
    def body():
        variable, user, ambient = adopted()
        assert user() is None
        with user_scope("alice"):
            assert user() == "alice"
            token = variable.set("bob")
            assert user() == "bob"
            assert ambient.adopted().id == "bob"
            with user_scope("carol"):
                assert user() == "carol"
            assert user() == "bob"
            variable.reset(token)
            assert user() == "alice"
        variable.set("dave")
        with user_scope("alice"):
            assert user() == "alice"
        assert user() == "dave"

    in_fresh_context(body)


def test_a_variable_that_names_nobody_leaves_the_scope_in_force():
    def body():
        variable, user, _ambient = adopted()
        with user_scope("alice"):
            for nobody in (None, "", object()):
                variable.set(nobody)
                assert user() == "alice"

    in_fresh_context(body)
