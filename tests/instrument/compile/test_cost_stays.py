"""What a clean call costs does not grow: with targets, with users who are live, with events that have been."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from audited_source import make_auditor, make_module

import isolation_audit
from isolation_audit import user_scope

OURS = str(Path(isolation_audit.__file__).parent)

ONE = """
class Engine{number}:
    def __init__(self, user_id): self.user_id = user_id
    def ask(self): return self

class Sink{number}:
    def send(self, user_id, data): return True
"""


def watched(targets: int):
    app = make_module("".join(ONE.format(number=number) for number in range(targets)))
    parts = []
    for number in range(targets):
        parts += ["[[engines]]", f'target = "APP:Engine{number}"', 'owner = "self.user_id"']
        parts += ["[[emitters]]", f'target = "APP:Sink{number}"', 'addressee = "args.user_id"', 'payload = "args.data"']
        parts += ['methods = { send = "sent" }']
    return app, make_auditor("\n".join(parts), app)


def work(engine, sink) -> None:
    engine.ask()
    sink.send("alice", {"text": "hello, alice"})


def operations(app) -> tuple[int, int]:
    """How many lines of ours, and calls, also of what is written in C, a clean use and a clean event take."""
    engine, sink = app.Engine0("alice"), app.Sink0()
    lines = calls = 0

    def trace(frame, event, _argument):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        lines += event == "line"
        return trace

    def profile(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    with user_scope("alice"):
        for _ in range(4):
            work(engine, sink)
        sys.settrace(trace)
        work(engine, sink)
        sys.settrace(None)
        sys.setprofile(profile)
        work(engine, sink)
        sys.setprofile(None)
    return lines, calls


@pytest.fixture(scope="module")
def few():
    app, auditor = watched(1)
    with auditor:
        return operations(app)


@pytest.mark.parametrize("targets", [200, pytest.param(1_000, marks=pytest.mark.long)])
def test_targets(few, targets):
    app, auditor = watched(targets)
    with auditor:
        assert operations(app) == few


@pytest.mark.parametrize("users", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_live_users(few, users):
    app, auditor = watched(1)
    with auditor:
        for number in range(users):
            auditor.runtime.users.token(f"user-{number:07}-{number % 97:02}")
        assert operations(app) == few


@pytest.mark.parametrize("events", [2_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_events_that_have_been(few, events):
    app, auditor = watched(1)
    with auditor:
        engine, sink = app.Engine0("alice"), app.Sink0()
        with user_scope("alice"):
            for _ in range(events):
                work(engine, sink)
        assert operations(app) == few
        assert sum(auditor.runtime.tally.events.values()) > events
