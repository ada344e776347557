"""A subclass may call the parameters of an overridden method otherwise: paths mean the same arguments there."""

from __future__ import annotations

import pytest
from audited_source import auditing, counts

from isolation_audit import user_scope

SOURCE = """
import functools

class Manager:
    def send(self, user_id, message):
        pass

class Short(Manager):
    def send(self, u, m):
        super().send(u, m)

class Alone(Manager):
    def send(self, u, m, *, urgent=False):
        return urgent

class Moved(Manager):
    def send(self, message, user_id):
        return message

class Later(Manager):
    def send(self, u, m, priority=0):
        return priority

def traced(function):
    @functools.wraps(function)
    def inside(*args, **kwargs):
        return function(*args, **kwargs)
    return inside

class Decorated(Manager):
    @traced
    def send(self, u, m):
        return m

class Static(Manager):
    @staticmethod
    def send(u, m):
        return m

class Between(Manager):
    def send(self, priority, u, m):
        return priority
"""

CONFIG = """
[identity]
bind = { run_id = "run_id" }
[[emitters]]
target = "APP:Manager"
addressee = "args.user_id"
methods = { send = "args.message.type" }
run = "args.message.run_id"
"""

MESSAGE = {"type": "answer", "run_id": "run-1"}


@pytest.fixture
def audit():
    with auditing(SOURCE, CONFIG) as (module, auditor):
        yield module, auditor
        assert auditor.runtime.barrier.counts == {}


@pytest.mark.parametrize("name", ["Manager", "Short", "Alone", "Later", "Decorated"])
def test_an_argument_is_the_same_under_another_name(audit, name):
    module, auditor = audit
    sender = getattr(module, name)()
    with user_scope("alice"):
        for _ in range(3):
            sender.send("alice", MESSAGE)
        assert counts(auditor) == {}
        sender.send("bob", MESSAGE)
    assert counts(auditor) == {"IA202": 1}
    assert {entry.finding.event for entry in auditor.recorder.entries()} == {"answer"}
    assert auditor.runtime.tally.events.total() == 4


def test_a_parameter_that_has_moved_is_found_by_its_name(audit):
    module, auditor = audit
    with user_scope("alice"):
        module.Moved().send(MESSAGE, "alice")
        assert counts(auditor) == {}
        module.Moved().send(user_id="bob", message=MESSAGE)
    assert counts(auditor) == {"IA202": 1}


def test_of_a_static_method_nothing_is_taken_for_another(audit):
    module, auditor = audit
    with user_scope("alice"):
        module.Static().send("alice", "bob")
    assert counts(auditor) == {}


def test_where_one_was_put_in_between_nothing_is_taken_for_another(audit):
    module, auditor = audit
    with user_scope("alice"):
        module.Between().send("bob", "alice", MESSAGE)
    assert counts(auditor) == {}
