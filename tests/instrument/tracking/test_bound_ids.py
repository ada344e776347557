"""Ids are learned from contexts, from what is built and from what calls return, without running anything for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import pytest
from audited_source import auditing, counts

from isolation_audit import user_scope

SOURCE = """
from dataclasses import dataclass

@dataclass
class Context:
    user_id: str
    run_id: str

@dataclass
class Run:
    run_id: str

@dataclass(slots=True)
class Slotted:
    run_id: str

class Lazy:
    loaded = 0
    @property
    def run_id(self):
        Lazy.loaded += 1
        return "run-lazy"
    def __getattr__(self, name):
        Lazy.loaded += 1
        raise AttributeError(name)

class Engine:
    def __init__(self, user_id, run_id):
        self.user_id, self.run_id = user_id, run_id

    @classmethod
    def make(cls, user_id):
        return cls(user_id, "run-made")

def begin(user_id, value):
    return value

async def begin_async(user_id, value):
    return value

def work(context):
    return None
"""

CONFIG = """
[watch]
payloads = false
[identity]
bind = { run_id = "run_id" }
[[engines]]
target = "APP:Engine"
owner = "args.user_id"
constructors = ["make"]
[[scopes]]
target = "APP:begin"
user = "args.user_id"
[[scopes]]
target = "APP:begin_async"
user = "args.user_id"
[[scopes]]
target = "APP:work"
user = "args.context.user_id"
"""


def bound(auditor, identifier):
    user = auditor.runtime.bindings.user_of("run_id", identifier)
    return None if user is None else user.id


@pytest.mark.parametrize("kind", ["Run", "Slotted", "dict"])
def test_what_a_scope_returns_is_its_users(kind):
    with auditing(SOURCE, CONFIG) as (app, auditor):
        make = {"Run": app.Run, "Slotted": app.Slotted, "dict": lambda run: {"run_id": run}}[kind]
        app.begin("alice", make("run-1"))
        asyncio.run(app.begin_async("bob", make("run-2")))
        assert (bound(auditor, "run-1"), bound(auditor, "run-2")) == ("alice", "bob")
        assert counts(auditor) == {}


def test_what_is_returned_takes_nothing_from_anybody():
    with auditing(SOURCE, CONFIG) as (app, auditor):
        app.work(app.Context("alice", "run-1"))
        app.begin("bob", app.Run("run-1"))
        assert bound(auditor, "run-1") == "alice"
        assert counts(auditor) == {}, "an admin may be handed alice's run"
        app.work(app.Context("bob", "run-1"))
        assert counts(auditor) == {"IA207": 1}
        assert bound(auditor, "run-1") == "bob"


def test_what_is_built_for_a_user_is_theirs():
    with auditing(SOURCE, CONFIG) as (app, auditor):
        app.Engine("alice", "run-1")
        app.Engine.make("bob")
        assert (bound(auditor, "run-1"), bound(auditor, "run-made")) == ("alice", "bob")
        assert counts(auditor) == {}


def test_nothing_of_a_returned_object_is_run():

    @dataclass
    class Sparse:
        run_id: object

    class Never:
        def __getattribute__(self, name):
            raise AssertionError(name)

    with auditing(SOURCE, CONFIG) as (app, auditor):
        for value in (app.Lazy(), Never(), Sparse(5), Sparse(None), Sparse(""), [], "run-1", 5, app.Run, object()):
            assert app.begin("alice", value) is value
        assert app.Lazy.loaded == 0
        assert len(auditor.runtime.bindings) == 0
        assert auditor.runtime.barrier.total == 0


def test_ids_of_explicit_scopes_are_bound():
    with auditing(SOURCE, CONFIG) as (_app, auditor):
        with user_scope("alice", run_id="run-1"):
            pass
        assert bound(auditor, "run-1") == "alice"


ACCESS = """
from dataclasses import dataclass

@dataclass
class Context:
    user_id: str
    run_id: str

class Response:
    def __init__(self, status_code):
        self.status_code = status_code

RUNS = {"run-1": "alice"}

class Bridge:
    def notify(self, run_id):
        pass

class Engine:
    def __init__(self, context):
        self.context = context

def access(context, refusal=None, event=False):
    if event:
        Bridge().notify(context.run_id)
    if RUNS[context.run_id] != context.user_id:
        if refusal == "raise":
            raise PermissionError(context.run_id)
        return refusal
    return {"events": []}

def open_to_all(context):
    return {"events": []}

def build_and_check(context):
    engine = Engine(context)
    return access(engine.context, "raise")
"""

ACCESS_CONFIG = """
[identity]
bind = { run_id = "run_id" }
[[engines]]
target = "APP:Engine"
owner = "args.context.user_id"
[[emitters]]
target = "APP:Bridge"
methods = { notify = "notice" }
[[scopes]]
target = "APP:access"
user = "args.context.user_id"
[[scopes]]
target = "APP:open_to_all"
user = "args.context.user_id"
[[scopes]]
target = "APP:build_and_check"
user = "args.context.user_id"
"""


def refusals(app):
    return {
        "raise": "raise",
        "none": None,
        "response": app.Response(403),
        "error": {"error": "not yours"},
        "not ok": {"ok": False},
        "pair": ({"detail": "no"}, 404),
        "exception": PermissionError("no"),
    }


@pytest.mark.parametrize("how", ["raise", "none", "response", "error", "not ok", "pair", "exception"])
def test_what_the_application_refuses_is_no_finding_and_takes_the_id_from_nobody(how):
    with auditing(ACCESS, ACCESS_CONFIG) as (app, auditor):
        app.access(app.Context("alice", "run-1"))
        with suppress(PermissionError):
            app.access(app.Context("bob", "run-1"), refusals(app)[how])
        assert counts(auditor) == {}
        assert bound(auditor, "run-1") == "alice"
        with suppress(PermissionError):
            app.build_and_check(app.Context("bob", "run-1"))
        assert counts(auditor) == {}


@pytest.mark.parametrize("how", ["response", "error", "not ok", "pair"])
def test_what_is_no_refusal_is_one(how):
    accepted = {"response": 200, "error": {"error": None, "errors": []}, "not ok": {"ok": True}, "pair": ({}, 200)}
    with auditing(ACCESS, ACCESS_CONFIG) as (app, auditor):
        app.access(app.Context("alice", "run-1"))
        given = app.Response(200) if how == "response" else accepted[how]
        app.access(app.Context("bob", "run-1"), given)
        assert counts(auditor) == {"IA207": 1}
        (finding,) = [entry.finding for entry in auditor.recorder.entries()]
        assert finding.site.top.function == "test_what_is_no_refusal_is_one", "where the access began"


def test_work_that_went_on_before_it_failed_is_one():
    with auditing(ACCESS, ACCESS_CONFIG) as (app, auditor):
        app.access(app.Context("alice", "run-1"))
        with suppress(PermissionError):
            app.access(app.Context("bob", "run-1"), "raise", event=True)
        assert counts(auditor)["IA207"] == 1
        assert bound(auditor, "run-1") == "bob"


def test_a_block_that_raises_is_refused_too_and_one_that_ends_is_not():
    with auditing(ACCESS, ACCESS_CONFIG) as (_app, auditor):
        with user_scope("alice", run_id="run-1"):
            pass
        with suppress(PermissionError), user_scope("bob", run_id="run-1"):
            raise PermissionError
        assert counts(auditor) == {}
        with user_scope("bob", run_id="run-1"):
            pass
        assert counts(auditor) == {"IA207": 1}
