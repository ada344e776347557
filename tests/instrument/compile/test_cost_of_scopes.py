"""What a configured scope costs: calls of ours, and one place that is kept for all scopes that begin there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from audited_source import auditing, counts

import isolation_audit
from isolation_audit import user_scope
from isolation_audit.model.contexts import current_scope

OURS = str(Path(isolation_audit.__file__).parent)

SOURCE = """
from contextvars import ContextVar
from isolation_audit.model.contexts import current_scope

current_user = ContextVar("current_user", default=None)
begun = []

def work(user_id, result=None):
    begun.append(current_scope())
    return result

def in_turn(*users, before_last=None):
    for number, user_id in enumerate(users):
        if number == len(users) - 1 and before_last is not None:
            before_last()
        work(user_id)

def elsewhere(user_id):
    return work(user_id)
"""

CONFIG = """
[ambient]
contextvar = "APP:current_user"
[[scopes]]
target = "APP:work"
user = ["args.user_id"]
"""


def test_a_scope_takes_so_many_calls_of_ours_at_most():
    with auditing(SOURCE, CONFIG) as (app, auditor):
        app.current_user.set("alice")
        seen = []

        def note(frame, event, _argument):
            if event == "call" and frame.f_code.co_filename.startswith(OURS):
                seen.append(frame.f_code.co_qualname.rpartition(".")[2])

        try:
            app.in_turn(*["alice"] * 6, before_last=lambda: sys.setprofile(note))
        finally:
            sys.setprofile(None)
        assert len(seen) <= 19, seen
        assert not {"capture", "is_ours"} & set(seen), "the place is known"
        assert auditor.runtime.tally.scopes == 6
        assert auditor.runtime.tally.seen[f"{app.__name__}:work"] == 6
        (path,) = [one for one in auditor.runtime.paths.as_list() if one["path"] == "args.user_id"]
        assert (path["asked"], path["gave"]) == (6, 6)
    assert not counts(auditor)
    assert not auditor.runtime.barrier.counts


def test_each_scope_has_the_place_where_it_began():
    with auditing(SOURCE, CONFIG) as (app, _auditor):
        app.in_turn("alice", "bob", "alice")
        app.elsewhere("alice")
        places = [scope.origin[0][0].co_name for scope in app.begun]
        assert places == ["in_turn", "in_turn", "in_turn", "elsewhere"]
        assert app.begun[1].origin is app.begun[2].origin
        assert [scope.user_id for scope in app.begun] == ["alice", "bob", "alice", "alice"]
        for _ in range(2):
            with user_scope("carol"):
                app.begun.append(current_scope())
        assert app.begun[-1].origin is app.begun[-2].origin
        assert app.begun[-1].origin[0][0].co_name == "test_each_scope_has_the_place_where_it_began"


@pytest.mark.parametrize("result", [None, {"ok": True}, {"error": "no"}])
def test_a_scope_is_left_whatever_it_gives(result):
    with auditing(SOURCE, CONFIG) as (app, auditor):
        app.work("alice", {"ok": True})
        assert app.work("alice", result) is result
        assert current_scope() is None
        assert app.begun[-1].refused is (result is None or "error" in result)
        assert not auditor.runtime.barrier.counts


def test_a_name_that_is_not_known_yet_is_read_in_the_general_way():
    with auditing(SOURCE, CONFIG) as (app, auditor):
        for user_id in ("new", "", None, 7, "new", "x" * 5_000):
            app.work(user_id)
        assert [scope and scope.user_id[:3] for scope in app.begun] == ["new", None, None, None, "new", "xxx"]
        assert not auditor.runtime.barrier.counts
