"""IA2xx beyond the examples: which pairs of witnesses make a crossing, and how often it is counted."""

from __future__ import annotations

import itertools
import tomllib
from typing import Any

import pytest

from isolation_audit import system_scope, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

SOURCE = """\
class Emitter:
    def __init__(self, user_id=None, sink=None):
        self.user_id = user_id
        self.sink = sink

    def emit_answer(self, text, to=None):
        if self.sink is not None:
            self.sink.send(to, {"type": "answer", "text": text})

    def broadcast(self, text):
        pass

class Sink:
    def send(self, to, message):
        if to == "raise":
            raise ConnectionError(message)
        return True
"""

CONFIG = """\
[identity]
placeholders = ["anonymous"]
system = ["service:*"]
[[emitters]]
target = "APP:Emitter"
methods = { "emit_*" = "*" }
owner = ["self.user_id"]
addressee = ["args.to"]
broadcast = ["broadcast"]
public = ["maintenance"]
[[emitters]]
target = "APP:Sink"
layer = "sink"
methods = { send = "args.message.type" }
addressee = ["args.to"]
"""


@pytest.fixture
def audited(audits):
    return lambda config=CONFIG: audits(SOURCE, config)


def codes(auditor: Auditor) -> set[str]:
    return {entry.finding.rule for entry in auditor.recorder.entries()}


PARTIES = [None, "alice", "bob", "anonymous", "service:cron"]


def triple(*parties: str | None) -> Any:
    # With the two users' names exchanged it is the same again: the long tests have those.
    users = [party for party in parties if party in ("alice", "bob")]
    return pytest.param(*parties, marks=[pytest.mark.long] if users[:1] == ["bob"] else [])


@pytest.mark.parametrize(
    ("ambient", "owner", "addressee"), [triple(*parties) for parties in itertools.product(PARTIES, repeat=3)]
)
def test_every_triple_of_witnesses(audited, ambient: str | None, owner: str | None, addressee: str | None) -> None:
    """Two users that differ are a crossing; placeholders testify nothing; the system may touch everyone."""
    app, auditor = audited()
    emitter = app.Emitter(owner)

    def emit() -> None:
        emitter.emit_answer("hello", to=addressee)

    if ambient is None:
        emit()
    else:
        with user_scope(ambient):
            emit()
    users = {name: who for name, who in zip("aot", (ambient, owner, addressee), strict=True) if who in ("alice", "bob")}
    if "o" not in users and users.get("a") and owner in (None, "anonymous"):
        users["o"] = users["a"]  # bound to its first user
    witnesses = {who for who in (ambient, owner, addressee) if who not in (None, "anonymous")}
    expected = set()
    if "a" in users and users.get("o", users["a"]) != users["a"]:
        expected.add("IA201")
    if "t" in users and any(users.get(one, users["t"]) != users["t"] for one in "ao"):
        expected.add("IA202")
    if not witnesses:
        expected.add("IA204")
    assert codes(auditor) == expected
    assert auditor.runtime.tally.crossings == bool(expected & {"IA201", "IA202"})


def test_one_event_through_two_layers_is_one_crossing(audited) -> None:
    app, auditor = audited()
    emitter = app.Emitter("alice", app.Sink())
    with user_scope("alice"):
        for _ in range(5):
            emitter.emit_answer("hello", to="bob")
    summary = auditor.snapshot()["summary"]
    assert (summary["events_total"], summary["crossing_events"], summary["findings"]) == (5, 5, {"IA202": 5})


def test_an_event_that_raises_is_counted_and_raises(audited) -> None:
    app, auditor = audited()
    with user_scope("alice"), pytest.raises(ConnectionError):
        app.Emitter("alice", app.Sink()).emit_answer("hello", to="raise")
    assert auditor.snapshot()["summary"]["crossing_events"] == 1


def test_broadcasts(audited) -> None:
    app, auditor = audited()
    app.Emitter().broadcast("to all")
    with system_scope():
        app.Emitter().broadcast("to all")
    assert "IA205" not in codes(auditor)
    with user_scope("alice"):
        app.Emitter().broadcast("alice asked")
    assert "IA205" in codes(auditor)


def test_public_events_may_go_to_everyone(audited) -> None:
    app, auditor = audited(CONFIG.replace('"maintenance"', '"broad*"'))
    with user_scope("alice"):
        app.Emitter("alice").broadcast("alice asked")
    assert codes(auditor) == set()


def test_users_leave_as_pseudonyms_only(audited) -> None:
    app, auditor = audited()
    with user_scope("alice.secret@example.org"):
        app.Emitter("carol.secret@example.org").emit_answer("payload-secret", to="bob.secret@example.org")
    assert codes(auditor) == {"IA201", "IA202"}
    assert "secret" not in str(auditor.snapshot()["findings"]).replace("test_users_leave_as_pseudonyms_only", "")


def test_a_finding_shows_both_places(audited) -> None:
    app, auditor = audited()
    emitter = app.Emitter("carol")
    with user_scope("alice"):
        emitter.emit_answer("hello")
    (entry,) = auditor.recorder.entries()
    finding = entry.as_dict()
    assert finding["site"]["function"] == finding["origin"]["function"] == "test_a_finding_shows_both_places"
    assert finding["origin"]["line"] < finding["site"]["line"]
    assert finding["origin"]["label"] == f"built for {finding['witnesses']['owner']} here"


NAMES = """\
class Context:
    def __init__(self, user_id, email):
        self.user_id, self.email = user_id, email

class Mailer:
    def send(self, to):
        pass

def work(context, to):
    Mailer().send(to)
"""

NAMES_CONFIG = """\
[[emitters]]
target = "APP:Mailer"
methods = { send = "*" }
addressee = "args.to"
[[scopes]]
target = "APP:work"
user = "args.context.user_id"
"""


def test_an_address_that_the_same_context_shows_is_the_same_person(load_app) -> None:
    app = load_app(NAMES)
    with Auditor(parse_config(tomllib.loads(NAMES_CONFIG.replace("APP", app.__name__)))) as auditor:
        alice = app.Context("alice", "alice@example.com")
        for to in ("alice", "alice@example.com", "Alice@Example.com"):
            app.work(alice, to)
        assert codes(auditor) == set()
        app.work(app.Context("bob", "bob@example.com"), "alice@example.com")
        app.work(alice, "bob@example.com")
        assert auditor.recorder.counts == {"IA202": 2}
        assert {(e.finding.witnesses.ambient, e.finding.witnesses.addressee) for e in auditor.recorder.entries()} == {
            (auditor.pseudonyms.text("bob"), auditor.pseudonyms.text("alice"))
        }
        assert sorted(pair["count"] for pair in auditor.recorder.entries()[0].as_dict()["pairs"]) == [1, 1]


def test_a_context_that_has_another_user_s_login_as_its_address_does_not_make_them_one(load_app) -> None:
    app = load_app(NAMES)
    with Auditor(parse_config(tomllib.loads(NAMES_CONFIG.replace("APP", app.__name__)))) as auditor:
        app.work(app.Context("bob@example.com", None), "bob@example.com")
        app.work(app.Context("carol", "bob@example.com"), "bob@example.com")
        assert auditor.recorder.counts == {"IA202": 1}
