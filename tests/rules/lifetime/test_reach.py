"""IA501 of what an engine reaches: what stays when the engine has gone, and what is shared or kept on purpose."""

from __future__ import annotations

import pytest

PARTS = """\
class History:
    def __init__(self):
        self.turns = []

class Client:
    def close(self):
        pass

SHARED = Client()
KEPT = []
BY_USER = {}

def new(engine):
    engine.history, engine.client = History(), SHARED

def same(engine):
    engine.history, engine.client = BY_USER.setdefault(engine.context.user_id, History()), SHARED

def nothing(engine):
    pass

def keep(engine):
    KEPT.append(engine.history)

def let_go(engine):
    pass
"""


def units(one, then: str, users: list[str]) -> list[str]:
    """Units in which an engine gets its history when it is made; what IA501 tells of anything but engines."""
    for user in users:
        one.lifetimes().measure_again()
        one.unit(getattr(one.module, then), user)
    return [finding.message for finding in one.found() if finding.target != "app:Context"]


def test_a_history_stays_when_its_engine_has_gone(running) -> None:
    one = running(PARTS, begins="new")
    found = units(one, "keep", ["alice", "alice"])
    assert len(found) == 1
    assert found[0].startswith("app:History of user-")
    assert found[0].endswith("held by app.KEPT -> a list")


@pytest.mark.parametrize(
    ("make", "then", "users"),
    [
        ("new", "let_go", ["alice", "alice"]),
        ("same", "keep", ["alice", "alice", "bob", "bob"]),
        ("new", "keep", ["alice", "bob"]),
        ("nothing", "let_go", ["alice", "alice"]),
    ],
    ids=["it goes", "one for each user", "each user's first", "none"],
)
def test_what_is_shared_or_made_to_last_is_left_alone(running, make: str, then: str, users: list[str]) -> None:
    assert units(running(PARTS, begins=make), then, users) == []


def test_what_several_units_share_does_not_stay_watched(running) -> None:
    one = running(PARTS, begins="new")
    units(one, "let_go", ["alice", "bob", "alice"])
    assert not [watched for watched in one.lifetimes()._watched.values() if watched.target == "app:Client"]
