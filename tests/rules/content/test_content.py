"""IA203 beyond its example: whose data is in a payload, and which of it may be there."""

from __future__ import annotations

import asyncio
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit import canary, secret, system_scope, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.content import secrets

SOURCE = """\
class Emitter:
    def __init__(self, user_id=None, bridge=None):
        self.user_id = user_id
        self.bridge = bridge

    def emit_answer(self, data, to=None):
        if self.bridge is not None:
            self.bridge.answer(to, data)

class Bridge:
    def answer(self, to, data):
        send(to, {"type": "answer", "data": data})

def send(to, message):
    pass

def broadcast(data):
    pass

def hand_over(data):
    pass
"""

CONFIG = """\
[identity]
placeholders = ["anonymous"]
system = ["service:*"]
bind = { run_id = "run_id" }
[[emitters]]
target = "APP:Emitter"
methods = { "emit_*" = "*" }
owner = ["self.user_id"]
addressee = ["args.to"]
payload = ["args.data"]
mentions = ["mentions", "admin_note"]
[[emitters]]
target = "APP:Bridge"
layer = "bridge"
addressee = ["args.to"]
payload = ["args.data"]
mentions = ["mentions"]
[[emitters]]
target = "APP:send"
layer = "sink"
event = "args.message.type"
addressee = ["args.to"]
payload = ["args.message.data"]
mentions = ["mentions"]
[[emitters]]
target = "APP:broadcast"
addressee = ["everyone"]
public = ["broadcast"]
payload = ["args.data"]
[[emitters]]
target = "APP:hand_over"
event = "answer"
layer = "sink"
payload = ["args.data"]
"""


@pytest.fixture
def audited(audits):
    def start(config: str = CONFIG) -> tuple[Any, Auditor]:
        app, auditor = audits(SOURCE, config)
        for user, run in (("user-alice", "run-a1"), ("user-bob", "run-b1"), ("carol@example.org", "run-c1")):
            with user_scope(user, run_id=run):
                pass
        return app, auditor

    return start


def codes(auditor: Auditor) -> set[str]:
    return {entry.finding.rule for entry in auditor.recorder.entries()}


BAD = [
    "by user-alice",
    b"by user-alice",
    {"author": "user-alice"},
    {"user-alice": {"total": 3}},
    [{"deep": [("https://host/users/user-alice/orders",)]}],
    json.dumps({"text": "line\nuser-alice"}),
    "mailto:carol@example.org",
    "https://host/?q=carol%40example.org",
    "result of run-a1",
]
GOOD = [
    "hello",
    None,
    7,
    {"user-bob": "user-bob"},
    "result of run-b1",
    "user-alice2 and xuser-alice and user-al",
    "user-alice wrote to user-bob",
    {"from": "user-alice", "run": "run-b1"},
    {"mentions": ["user-alice"]},
    {"text": json.dumps({"mentions": ["user-alice"], "text": "hi"})},
    json.dumps([{"admin_note": {"deep": "user-alice"}}]).encode(),
]


@pytest.mark.parametrize("data", BAD, ids=repr)
def test_data_of_another_user(audited, data: Any) -> None:
    app, auditor = audited()
    with user_scope("user-bob"):
        app.Emitter("user-bob").emit_answer(data, to="user-bob")
    assert codes(auditor) == {"IA203"}
    assert auditor.runtime.tally.crossings == 1


@pytest.mark.parametrize("data", GOOD, ids=repr)
def test_data_of_ones_own(audited, data: Any) -> None:
    app, auditor = audited()
    with user_scope("user-bob"):
        app.Emitter("user-bob").emit_answer(data, to="user-bob")
    assert codes(auditor) == set()


def test_a_field_that_may_mention_others_excuses_no_other_field(audited) -> None:
    app, auditor = audited()
    with user_scope("user-bob"):
        app.Emitter("user-bob").emit_answer({"mentions": ["user-alice"], "author": "user-alice"}, to="user-bob")
    assert codes(auditor) == {"IA203"}


@pytest.mark.parametrize("witness", ["ambient", "owner", "addressee"])
def test_one_other_witness_is_enough(audited, witness: str) -> None:
    app, auditor = audited()
    emitter = app.Emitter("user-bob" if witness == "owner" else None)
    to = "user-bob" if witness == "addressee" else None
    if witness == "ambient":
        with user_scope("user-bob"):
            emitter.emit_answer("user-alice", to=to)
    else:
        emitter.emit_answer("user-alice", to=to)
    assert codes(auditor) == {"IA203"}


def test_without_any_other_witness_it_is_nobodys_event(audited) -> None:
    app, auditor = audited()
    app.Emitter().emit_answer("user-alice")
    assert codes(auditor) == {"IA204"}


@pytest.mark.parametrize(("data", "expected"), [("by user-bob", set()), ("hello", {"IA203"})])
def test_the_user_claimed_above_counts_below(audited, data: str, expected: set[str]) -> None:
    app, auditor = audited()

    class Outlet:
        def answer(self, _to: str, data: Any) -> None:
            app.hand_over([data, "user-alice"])

    app.Emitter(None, Outlet()).emit_answer(data, to="user-bob")
    assert codes(auditor) == expected


def test_the_system_may_carry_everything(audited) -> None:
    app, auditor = audited()
    with system_scope():
        app.Emitter().emit_answer("user-alice", to="user-bob")
    with user_scope("service:export"):
        app.Emitter().emit_answer("user-alice", to="user-bob")
    app.Emitter().emit_answer("user-alice", to="service:export")
    assert codes(auditor) == set()


def test_one_event_through_three_layers_is_one_finding_and_one_search(audited, monkeypatch) -> None:
    app, auditor = audited()
    content = auditor.runtime.content
    searched = []
    find = content.index.find
    monkeypatch.setattr(content.index, "find", lambda text: searched.append(text) or find(text))
    emitter = app.Emitter("user-bob", app.Bridge())
    with user_scope("user-bob"):
        for _ in range(3):
            emitter.emit_answer(["by user-alice"], to="user-bob")
    summary = auditor.snapshot()["summary"]
    assert (summary["events_total"], summary["crossing_events"], summary["findings"]) == (3, 3, {"IA203": 3})
    marks = [text for text in searched if text == "by user-alice"]
    # Once for each event; for the first once more, without the fields that may mention others, and that is remembered.
    assert len(marks) == 4


def test_a_layer_that_adds_foreign_data_is_found_out(audited) -> None:
    app, auditor = audited()

    class Enriching(app.Bridge):
        def answer(self, to: str, data: Any) -> None:
            super().answer(to, {**data, "last": "user-alice"})

    with user_scope("user-bob"):
        app.Emitter("user-bob", Enriching()).emit_answer({"text": "hello"}, to="user-bob")
    (entry,) = auditor.recorder.entries()
    assert (entry.finding.rule, entry.finding.target.rpartition(":")[2]) == ("IA203", "Bridge")


def test_a_wrong_addressee_is_counted_once_whatever_it_carries(audited) -> None:
    app, auditor = audited()
    with user_scope("user-alice"):
        app.Emitter(None, app.Bridge()).emit_answer("of user-alice, run-a1", to="user-bob")
    assert (codes(auditor), auditor.runtime.tally.crossings) == ({"IA202"}, 1)
    with user_scope("user-alice"):
        app.Emitter(None, app.Bridge()).emit_answer("of carol@example.org", to="user-bob")
    assert (codes(auditor), auditor.runtime.tally.crossings) == ({"IA202", "IA203"}, 2)


def test_canaries_may_not_even_be_mentioned(audited) -> None:
    early = canary("user-alice")
    app, auditor = audited()
    assert canary("user-alice") == early != canary("user-bob")
    late = canary("user-late")
    with user_scope("user-alice"):
        app.Emitter().emit_answer(f"yours: {early}", to="user-alice")
    assert codes(auditor) == set()
    for text in (early, late):
        with user_scope("user-bob"):
            app.Emitter().emit_answer({"to": "user-bob", "text": f"note: {text}, {canary('user-bob')}"}, to="user-bob")
    assert (codes(auditor), auditor.runtime.tally.crossings) == ({"IA203"}, 2)
    assert early not in str(auditor.snapshot())


def test_given_secrets(audited) -> None:
    app, auditor = audited()
    secret("user-alice", "4111 1111 1111 1111")
    with user_scope("user-bob"):
        app.Emitter().emit_answer("user-bob paid with 4111 1111 1111 1112", to="user-bob")
        assert codes(auditor) == set()
        app.Emitter().emit_answer("user-bob paid with 4111 1111 1111 1111.", to="user-bob")
    assert codes(auditor) == {"IA203"}


def test_broadcasts_may_name_users_and_tell_no_secrets(audited) -> None:
    app, auditor = audited()
    app.broadcast("user-alice has joined")
    with user_scope("user-bob"):
        app.broadcast("user-alice has joined")
    assert codes(auditor) == set()
    app.broadcast(f"user-alice says {canary('user-alice')}")
    assert codes(auditor) == {"IA203"}


@pytest.mark.parametrize("arguments", [("", "x" * 9), (None, "x" * 9), ("alice", ""), ("alice", None)])
def test_what_is_no_secret(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError):
        secret(*arguments)


@pytest.mark.parametrize("text", ["short", "-- -- -- -- --", "x" * 257])
def test_what_would_be_found_by_accident(text: str) -> None:
    with pytest.raises(ValueError, match="8 letters"):
        secret("alice", text)


def test_forgotten_users_are_not_searched_for(audited) -> None:
    app, auditor = audited(CONFIG + "[limits]\nusers = 3\nbindings = 3\n")
    with user_scope("user-bob", run_id="run-x"):
        app.Emitter().emit_answer("user-alice in run-a1", to="user-bob")
        assert codes(auditor) == {"IA203"}
    for number in range(3):
        with user_scope(f"user-{number}", run_id=f"run-{number}"):
            pass
    assert len(auditor.runtime.users) == len(auditor.runtime.bindings) == 3
    before = auditor.runtime.tally.crossings
    with user_scope("user-0"):
        app.Emitter().emit_answer("user-alice in run-a1, by carol@example.org", to="user-0")
    assert auditor.runtime.tally.crossings == before


def test_a_thread_that_users_share_belongs_to_none(audited) -> None:
    app, auditor = audited()
    for user in ("user-alice", "user-bob"):
        with user_scope(user, run_id="lobby"):
            app.Emitter().emit_answer("in lobby", to=user)
    with user_scope("user-alice"):
        app.Emitter().emit_answer("in lobby", to="user-alice")
    assert "IA203" not in codes(auditor)


def test_a_task_does_not_keep_a_payload_alive(audited) -> None:
    app, _auditor = audited()

    async def main() -> asyncio.Task[Any]:
        with user_scope("user-bob"):
            later = []
            bridge = type("Starts", (), {"answer": lambda *_: later.append(asyncio.ensure_future(look()))})()
            app.Emitter("user-bob", bridge).emit_answer(["mine"], to="user-bob")
            return await later[0]

    async def look() -> Any:
        from isolation_audit.model.contexts import emission_variable

        await asyncio.sleep(0)
        return emission_variable.get().searched

    assert asyncio.run(main()) is None


def test_truncated_payloads_are_counted(audited) -> None:
    app, auditor = audited()
    with user_scope("user-bob"):
        app.Emitter().emit_answer("x" * 1_000_001, to="user-bob")
        app.Emitter().emit_answer("x" * 1_000, to="user-bob")
    assert auditor.snapshot()["summary"]["payloads_truncated"] == 1


def test_nothing_is_searched_where_it_is_not_asked_for(audited) -> None:
    off = "[watch]\naddressees = false\npayloads = false\n"
    for config in (CONFIG + '[select]\ndisable = ["IA203"]\n', CONFIG.replace("payload", "run")):
        _app, auditor = audited(config + off)
        assert auditor.runtime.content is None
        assert auditor.runtime.users.listener is None
        auditor.stop()


def test_a_finding_names_users_by_label_and_shows_no_data(audited) -> None:
    app, auditor = audited()
    with user_scope("user-bob"):
        app.Emitter("user-bob").emit_answer("account 12345 of user-alice", to="user-bob")
    (entry,) = auditor.recorder.entries()
    finding = entry.as_dict()
    labels = auditor.pseudonyms
    assert finding["witnesses"] == {
        "ambient": labels.text("user-bob"),
        "owner": labels.text("user-bob"),
        "addressee": labels.text("user-bob"),
        "content": labels.text("user-alice"),
    }
    assert "user-alice" not in str(finding)
    assert "12345" not in str(finding)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def plant(payload: Any, what: Any, draw: Any) -> Any:
    """The payload with ``what`` somewhere in it."""
    if isinstance(payload, list) and payload:
        place = draw(st.integers(0, len(payload) - 1))
        return [*payload[:place], plant(payload[place], what, draw), *payload[place + 1 :]]
    if isinstance(payload, dict) and payload:
        key = draw(st.sampled_from(sorted(payload)))
        return {**payload, key: plant(payload[key], what, draw)}
    return draw(st.sampled_from([what, [payload, what], {what: payload}, f"({what})", what.encode()]))


@pytest.fixture(scope="module")
def content():
    """Knows three users, and no secrets of other tests: whose a secret is would be a fourth."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(secrets, "_owners", {})
        config = '[[emitters]]\ntarget = "app:send"\npayload = ["args.data"]\n'
        auditor = Auditor(parse_config(tomllib.loads(config)))
        for user in ("user-alice", "user-bob", "carol@example.org"):
            auditor.runtime.users.token(user)
        yield auditor.runtime.content


@given(payload=JUNK, data=st.data())
def test_a_planted_identifier_is_found_anywhere(content, payload: Any, data: st.DataObject) -> None:
    planted = data.draw(st.sampled_from(["user-alice", "carol@example.org"]))
    marks, complete = content.marks(plant(payload, planted, data.draw))
    assert complete
    assert planted in {mark.user.id for mark in marks}


@given(payload=JUNK)
def test_nothing_is_found_in_what_holds_nothing(content, payload: Any) -> None:
    assert content.marks(payload) == ([], True)
