"""IA203 for what a `[[scopes]]` call returns."""

from __future__ import annotations

import asyncio
import tomllib
from typing import Any

import pytest

from isolation_audit import canary, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

SOURCE = """\
def work(user_id, result):
    return result

async def later(user_id, result):
    return result

def fail(user_id, result):
    raise ValueError(result)
"""

SCOPES = "".join(f'[[scopes]]\ntarget = "APP:{name}"\nuser = ["args.user_id"]\n' for name in ("work", "later", "fail"))


@pytest.fixture
def audited(load_app):
    """Runs ``act(app)`` while alice and bob are known; gives (target, ambient, content) of each finding."""

    def run(act: Any, more: str = "") -> list[tuple[str, str | None, str | None]]:
        app = load_app(SOURCE)
        text = SCOPES.replace("APP", app.__name__) + "[report]\nterminal = false\nraw_ids = true\n" + more
        with Auditor(parse_config(tomllib.loads(text))) as auditor:
            for user in ("user-alice", "user-bob"):
                with user_scope(user):
                    auditor.runtime.ambient.current()
            act(app)
            assert auditor.runtime.barrier.counts == {}
            assert auditor.runtime.tally.crossings == auditor.recorder.counts["IA203"]
            findings = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA203"]
            return [(one.target.partition(":")[2], one.witnesses.ambient, one.witnesses.content) for one in findings]

    return run


@pytest.mark.parametrize("result", [{"owner": "user-bob"}, [("x", "user-bob")], b"user-bob's notes", "for user-bob"])
def test_anothers_data(audited, result) -> None:
    assert audited(lambda app: app.work("user-alice", result)) == [("work", "user-alice", "user-bob")]


def test_of_a_coroutine_and_beside_the_own_name_where_it_is_a_secret(audited) -> None:
    found = audited(lambda app: asyncio.run(app.later("user-alice", ["user-alice", canary("user-bob")])))
    assert found == [("later", "user-alice", "user-bob")]


@pytest.mark.parametrize(
    "result",
    [None, 42, object(), {"owner": "user-alice"}, ["user-alice", "user-bob"], "user-bobby", iter(["user-bob"])],
)
def test_clean(audited, result) -> None:
    assert audited(lambda app: app.work("user-alice", result)) == []


def test_what_is_raised_is_no_result(audited) -> None:
    def act(app: Any) -> None:
        with pytest.raises(ValueError, match="user-bob"):
            app.fail("user-alice", "user-bob")

    assert audited(act) == []


def test_switched_off(audited) -> None:
    assert audited(lambda app: app.work("user-alice", "user-bob"), "[watch]\npayloads = false\n") == []
