"""Scopes on objects that stand for functions: whoever has the object calls what it holds, and the scope is entered."""

from __future__ import annotations

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.instrument.patching.targets import State

ACTORS = """\
from isolation_audit.model.contexts import current_scope
registry = []

def user():
    scope = current_scope()
    return None if scope is None else scope.user_id

class Actor:
    def __init__(self, function):
        self.function = function
        registry.append(self)
    def __call__(self, *args):
        return self.function(*args)

class Slotted:
    __slots__ = ("function",)
    def __init__(self, function):
        self.function = function
        registry.append(self)
    def __call__(self, *args):
        return self.function(*args)

@Actor
def work(user_id):
    return user()

@Slotted
def slotted(user_id):
    return user()

class Other:
    def __init__(self):
        self.function = user
    def __call__(self, user_id):
        return user()

other = Other()
"""


def scopes(module: str, *names: str) -> object:
    entries = [{"target": f"{module}:{name}", "user": "args.user_id"} for name in names]
    return parse_config({"scopes": entries, "report": {"terminal": False}})


def test_what_a_registry_calls_is_the_scope(load_app) -> None:
    app = load_app(ACTORS)
    original = app.work, app.slotted, app.work.function.__code__
    with Auditor(scopes(app.__name__, "work", "slotted", "other")) as auditor:
        assert [call("alice") for call in app.registry] == ["alice", "alice"]
        assert app.work("bob") == "bob"
        # An object that holds another function than the named one is called through its name only.
        assert app.other("carol") == "carol"
        assert {watched.state for watched in auditor.instrumentation.targets} == {State.APPLIED}
    assert (app.work, app.slotted, app.work.function.__code__) == original
    assert [call("alice") for call in app.registry] == [None, None]


LAZY = """\
from celery import Celery
from isolation_audit.model.contexts import current_scope
app = Celery("lazy", broker="memory://")
app.conf.task_always_eager = True

def user():
    scope = current_scope()
    return None if scope is None else scope.user_id

@app.task
def work(user_id):
    return user()

@app.task(bind=True)
def bound(self, user_id):
    return user()
"""


def test_a_task_of_celery_that_nobody_has_asked_for_yet(load_app) -> None:
    pytest.importorskip("celery")
    module = load_app(LAZY)
    with Auditor(scopes(module.__name__, "work", "bound")):
        for task in (module.work, module.bound):
            assert not type(task).__evaluated__(task)
        assert [module.work.delay("alice").get(), module.bound.delay("bob").get()] == ["alice", "bob"]
        # As a worker has it: by its name.
        assert module.app.tasks[module.work.name]("carol") == "carol"
    assert module.work("dave") is None


def test_a_task_of_celery_that_is_in_use(load_app) -> None:
    pytest.importorskip("celery")
    module = load_app(LAZY)
    assert module.work.name
    with Auditor(scopes(module.__name__, "work")):
        assert module.app.tasks[module.work.name]("carol") == "carol"
