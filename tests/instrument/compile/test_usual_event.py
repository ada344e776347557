"""The usual event: what watches its layer is asked in one function, and whatever is unusual in the general way."""

from __future__ import annotations

from pathlib import Path

import pytest
from audited_source import auditing, counts

from isolation_audit import user_scope
from isolation_audit.config.paths import parse_path
from isolation_audit.instrument.barrier import inside
from isolation_audit.instrument.compile.call_reader import Expected, call_reader, leaf_of
from isolation_audit.instrument.patching.shims import exact_layout
from isolation_audit.instrument.tracking.observations import Shared
from isolation_audit.model.contexts import emission_variable
from isolation_audit.targets.content import ContentPoint
from isolation_audit.targets.emission import EmissionPoint
from isolation_audit.targets.progress import ProgressPoint

SOURCE = """
class Emitter:
    def __init__(self, user_id, sink): self.user_id, self.sink = user_id, sink
    def emit(self, kind, data, run="run_1"):
        return self.sink.send(self.user_id, {"type": kind, "data": data, "run": run})

class Sink:
    def send(self, to, message): return message["type"] != "lost"
"""

CONFIG = """
[limits]
faults = 5
[identity]
bind = { run_id = "run_id" }
[[emitters]]
target = "APP:Emitter"
owner = "self.user_id"
payload = "args.data"
run = "args.run"
methods = { emit = "args.kind" }
[[emitters]]
target = "APP:Sink"
layer = "sink"
addressee = "args.to"
payload = "args.message['data']"
run = "args.message.run"
methods = { send = "args.message.type" }
undelivered = ["false"]
[protocols.run]
key = "run_id"
order = "begun answer* done"
"""


def emitter_of(app, user_id="alice"):
    return app.Emitter(user_id, app.Sink())


def test_usual_events_are_asked_about_at_once(monkeypatch):
    asked = []
    for point in (EmissionPoint, ContentPoint, ProgressPoint):
        before = point.before
        monkeypatch.setattr(point, "before", lambda *call, of=before: (asked.append(call), of(*call))[1])
    with auditing(SOURCE, CONFIG) as (app, auditor), user_scope("alice"):
        emitter = emitter_of(app)
        for kind in ("begun", "answer", "answer", "done"):
            assert emitter.emit(kind, {"text": "hello"}) is True
        assert not asked
        emitter.emit("begun", None)
        assert len(asked) == 2 * 3, "no payload: each point of both layers is asked by itself"
        summary = auditor.snapshot()["summary"]
        assert summary["events_total"] == 5
        assert auditor.runtime.tally.passages == {"emitter": 5, "sink": 5}
        assert auditor.runtime.tally.seen[f"{app.__name__}:Sink"] == 5
        asked.clear()
        del emitter
    assert not counts(auditor)


@pytest.mark.parametrize(
    ("kind", "data", "rule"),
    [("answer", {"text": "this is for bob"}, "IA203"), ("lost", {"text": "hello"}, "IA306"), ("done", {}, "IA305")],
)
def test_what_is_not_as_it_should_be_is_found_in_a_usual_event(kind, data, rule):
    with auditing(SOURCE, CONFIG) as (app, auditor):
        with user_scope("bob"):
            emitter_of(app, "bob").emit("begun", {}, "run_2")
        with user_scope("alice"):
            emitter_of(app).emit("begun", {})
            if kind == "done":
                emitter_of(app).emit("done", {})
            emitter_of(app).emit(kind, data)
    assert rule in counts(auditor), counts(auditor)
    assert not auditor.runtime.barrier.counts


def test_another_owner_is_seen_at_the_next_event():
    with auditing(SOURCE, CONFIG) as (app, auditor), user_scope("alice"):
        emitter = emitter_of(app)
        emitter.emit("begun", {})
        emitter.user_id = "bob"
        emitter.emit("answer", {})
    assert counts(auditor)["IA201"] == 1
    assert "IA202" in counts(auditor)


STEPS = [(EmissionPoint, "begin", ""), (ContentPoint, "search", " (content)"), (ProgressPoint, "follow", " (progress)")]


@pytest.mark.parametrize(("point", "step", "place"), STEPS)
def test_a_fault_is_counted_for_the_point_that_has_it(point, step, place, monkeypatch):
    """Also after its allowance: it is asked no more, and the others are."""

    def explode(*_arguments):
        raise RuntimeError("inside the auditor")

    monkeypatch.setattr(point, step, explode)
    with auditing(SOURCE, CONFIG) as (app, auditor), user_scope("alice"):
        emitter = emitter_of(app)
        for number in range(8):
            assert emitter.emit("answer", {"text": f"{number}"}) is True
            assert emission_variable.get() is None
            assert not inside
        faults = dict(auditor.runtime.barrier.counts)
        assert faults == {f"{app.__name__}:{name}{place}": 5 for name in ("Emitter", "Sink")}, faults
        emitter.user_id = "bob"
        emitter.emit("answer", {"text": "hello"})
    assert ("IA201" in counts(auditor)) == (point is not EmissionPoint)


def test_what_stops_the_application_closes_the_event(monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressPoint, "follow", stop)
    with auditing(SOURCE, CONFIG) as (app, _auditor), user_scope("alice"):
        with pytest.raises(KeyboardInterrupt):
            emitter_of(app).emit("begun", {})
        assert emission_variable.get() is None
        assert not inside


class Plain:
    user_id = "alice"


class Computed:
    asked = 0

    @property
    def user_id(self):
        Computed.asked += len(Path(__file__).read_text(encoding="utf-8"))
        return "alice"


def send(self, to, message, number=None): ...


def reader(*wanted):
    layout = exact_layout(send, receiver=True)
    leaves = [leaf_of((parse_path(path),), layout, expected) for path, expected in wanted]
    assert None not in leaves
    return call_reader(leaves)


def test_values_are_read_and_compared():
    read = reader(
        ("self.user_id", Expected.USER),
        ("args.message.type", Expected.NAME),
        ("args.message['data'][0]", Expected.GIVEN),
        ("args.message.data", Expected.GIVEN),
    )
    message = {"type": "answer", "data": ["text"]}
    assert read((Plain(), "alice", message, None), "alice") == ("alice", "answer", "text", ["text"], None)
    assert read((Plain(), "alice", message, None), "bob") is None
    for other in ({"type": "answer"}, {"type": 1, "data": ["text"]}, {"type": "", "data": ["text"]}, [], None):
        assert read((Plain(), "alice", other, None), "alice") is None


def test_nothing_is_computed_for_a_reading():
    read = reader(("self.user_id", Expected.USER))
    assert read((Computed(), "alice", {}, None), "alice") is None
    assert Computed.asked == 0


def test_what_may_be_missing():
    layout = exact_layout(send, receiver=True)
    number = (parse_path("args.number"),)
    read = call_reader([leaf_of(number, layout, Expected.NUMBER, optional=True)])
    assert read((Plain(), "alice", {}, None), "alice") == (None, None)
    assert read((Plain(), "alice", {}, 7), "alice") == (7, None)
    assert read((Plain(), "alice", {}, True), "alice") is None
    several = leaf_of((*number, parse_path("args.message.seq")), layout, Expected.NUMBER, optional=True)
    assert not several.optional, "there is another path to be asked"


@pytest.mark.parametrize("path", ["args.message[args.to]", "run_id:args.to", "return.user_id", "args.absent"])
def test_what_is_not_read_in_line(path):
    assert leaf_of((parse_path(path),), exact_layout(send, receiver=True), Expected.USER) is None


OF_CALLS = """
[[emitters]]
target = "APP:Emitter"
owner = "args.data.owner"
payload = "args.data.text"
methods = { emit = "args.kind" }
"""


def test_an_object_that_serves_several_users_is_seen_where_its_calls_name_them():
    with auditing(SOURCE, OF_CALLS) as (app, auditor):
        shared = []
        publish = auditor.runtime.publish
        auditor.runtime.publish = lambda one: (shared.append(one), publish(one))[1]
        emitter = emitter_of(app)
        for user in ("alice", "bob"):
            with user_scope(user):
                emitter.emit("answer", {"owner": user, "text": "hello"})
        assert [type(one) for one in shared].count(Shared) == 1
