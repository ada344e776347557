"""Protocols: interleaved runs, retries, failures, time limits; the healthy twins are silent."""

import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config

SOURCE = """
class Sink:
    def __init__(self):
        self.answers = []
        self.broken = False

    def send(self, user, message):
        if self.broken:
            raise OSError("gone")
        return self.answers.pop() if self.answers else True


class Emitter:
    def __init__(self, sink):
        self.sink = sink

    def emit(self, user, event, run, number=None):
        return self.sink.send(user, {"type": event, "run": run, "seq": number})

    def emit_quietly(self, user, event, run):
        try:
            return self.emit(user, event, run)
        except OSError:
            return True


class Loud(Emitter):
    def emit(self, user, event, run, number=None):
        return super().emit(user, event, run, number)
"""

ORDER = "started (thinking | tool_started tool_done)* done"


@pytest.fixture(scope="module")
def app():
    import sys
    import types

    module = types.ModuleType("app_with_runs")
    sys.modules["app_with_runs"] = module
    exec(compile(SOURCE, "app_with_runs.py", "exec"), vars(module))
    yield module
    del sys.modules["app_with_runs"]


def watch(**limits):
    return Auditor(
        parse_config(
            {
                "identity": {"bind": {"run_id": "run_id"}},
                "emitters": [
                    {
                        "target": "app_with_runs:Emitter",
                        "methods": {"emit": "args.event", "emit_quietly": "args.event"},
                        "addressee": "args.user",
                        "run": "args.run",
                        "sequence": "args.number",
                    },
                    {
                        "target": "app_with_runs:Sink",
                        "methods": {"send": "args.message.type"},
                        "addressee": "args.user",
                        "run": "args.message.run",
                        "sequence": "args.message.seq",
                        "layer": "sink",
                        "undelivered": ["false", "none"],
                    },
                ],
                "protocols": {"agent": {"key": "run_id", "order": ORDER, "timeout": limits.pop("timeout", "60s")}},
                "limits": limits,
            }
        )
    )


def counts(auditor):
    found = Counter(auditor.recorder.counts)
    assert found["IA903"] == 0, [entry.finding.message for entry in auditor.recorder.entries()]
    return {code: count for code, count in found.items() if code.startswith("IA3")}


def test_a_healthy_run_is_silent_at_every_layer(app):
    emitter = app.Loud(app.Sink())
    with watch() as auditor, user_scope("alice", run_id="r"):
        for number, event in enumerate(["started", "thinking", "thinking", "tool_started", "tool_done", "done"]):
            emitter.emit("alice", event, "r", number)
    assert counts(auditor) == {}
    assert auditor.runtime.tally.events == {"emitter": 6}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["thinking", "done"], {"IA301": 2}),
        (["thinking", "started", "done"], {"IA301": 4}),
        (["started", "done", "thinking"], {"IA302": 2}),
        (["started", "tool_done", "done"], {"IA303": 2}),
        (["started", "tool_started", "done"], {"IA303": 2}),
        (["started", "tool_started", "tool_started", "tool_done", "done"], {"IA305": 2}),
        (["started", "thinking"], {"IA304": 2}),
        (["started", "done", "done"], {"IA305": 2}),
        (["started", "thinking", "started", "done"], {"IA305": 2}),
        (["noise", "started", "other", "done"], {}),
    ],
)
def test_each_mistake_is_one_finding_a_layer(app, events, expected):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor, user_scope("alice", run_id="r"):
        for event in events:
            emitter.emit("alice", event, "r")
    assert counts(auditor) == expected


def test_a_number_tells_another_event_from_a_repeated_one(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor, user_scope("alice", run_id="r"):
        for number, event in [(1, "started"), (2, "thinking"), (2, "thinking"), (3, "thinking"), (4, "done")]:
            emitter.emit("alice", event, "r", number)
    assert counts(auditor) == {"IA305": 2}


def test_a_retry_after_a_failure_is_no_duplicate_and_after_a_delivery_is_one(app):
    sink = app.Sink()
    with watch() as auditor, user_scope("alice", run_id="r"):
        message = {"type": "started", "run": "r", "seq": None}
        sink.answers = [True, True]
        sink.send("alice", message)
        sink.send("alice", {"type": "done", "run": "r", "seq": None})
    assert counts(auditor) == {}


def test_a_run_that_raises_has_failed_and_owes_nothing(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor, pytest.raises(RuntimeError), user_scope("alice", run_id="r"):
        emitter.emit("alice", "started", "r")
        raise RuntimeError
    assert counts(auditor) == {}


def test_the_work_of_a_run_ends_with_its_outermost_scope(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor, user_scope("alice", run_id="r"):
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r")
        auditor._publish_overdue(0.0)
        assert counts(auditor) == {}
        emitter.emit("alice", "done", "r")
    assert counts(auditor) == {}


def test_a_run_is_at_work_until_the_last_of_its_tasks_has_ended(app):
    """Two tasks of one run have a scope each, neither inside the other."""
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        begun, waiting = threading.Event(), threading.Event()

        def work():
            with user_scope("alice", run_id="r"):
                begun.set()
                waiting.wait(60)
                emitter.emit("alice", "done", "r")

        other = threading.Thread(target=work)
        other.start()
        assert begun.wait(60)
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r")
        auditor._publish_overdue(0.0)
        assert counts(auditor) == {}
        waiting.set()
        other.join()
        auditor._publish_overdue(0.0)
        assert auditor.runtime.runs[0]._work == {}
    assert counts(auditor) == {}


def test_work_that_resumes_in_a_new_scope_is_not_overdue(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r")
        with user_scope("alice", run_id="r"):
            auditor._publish_overdue(0.0)
            emitter.emit("alice", "done", "r")
    assert counts(auditor) == {}


@pytest.mark.parametrize("crash", [False, True])
def test_an_id_used_again_by_new_work_is_a_new_run(app, crash):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        with suppress(RuntimeError), user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r", 1)
            if crash:
                raise RuntimeError
            emitter.emit("alice", "done", "r", 2)
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r", 1)
            emitter.emit("alice", "thinking", "r", 2)
            emitter.emit("alice", "done", "r", 3)
            assert counts(auditor) == {}
            emitter.emit("alice", "started", "r", 4)
    assert counts(auditor) == {"IA302": 2}


def test_an_id_used_again_without_a_scope_is_a_new_run(app):
    """An application that says the run with each event, and has no scope around its work."""
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        for _turn in range(3):
            for number, event in enumerate(["started", "thinking", "done"]):
                emitter.emit("alice", event, "r", number)
    assert counts(auditor) == {}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("started", None)], {"IA302": 2}),
        ([("started", 0)], {"IA305": 2}),
        ([("started", 0), ("thinking", 1)], {"IA304": 2}),
    ],
)
def test_a_first_event_that_nothing_follows_is_one_after_the_end(app, events, expected):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        for number, event in enumerate(["started", "done"]):
            emitter.emit("alice", event, "r", number)
        for event, number in events:
            emitter.emit("alice", event, "r", number)
        assert counts(auditor) == {}
        for runs in auditor.runtime.runs:
            for run in runs._runs.values():
                run.seen -= 61
    assert counts(auditor) == expected


def test_a_run_that_was_given_up_is_followed_by_a_new_one(app, monkeypatch):
    emitter = app.Emitter(app.Sink())
    with watch(timeout="1h") as auditor:
        emitter.emit("alice", "started", "r")
        later = time.monotonic() + 3601
        monkeypatch.setattr(time, "monotonic", lambda: later)
        auditor._publish_overdue(1.0)
        for event in ["started", "done"]:
            emitter.emit("alice", event, "r")
    assert counts(auditor) == {"IA304": 2}


def messages(auditor, code):
    return [entry.finding.message for entry in auditor.recorder.entries() if entry.finding.rule == code]


class Bridge:
    """What stands between the two layers, and loses, doubles or keeps an event."""

    def __init__(self, sink, *, loses=(), doubles=()):
        self.sink, self.loses, self.doubles = sink, loses, doubles

    def send(self, user, message):
        if message["type"] in self.loses:
            return True
        if message["type"] in self.doubles:
            self.sink.send(user, dict(message))
        return self.sink.send(user, message)


def run_through(app, bridge, *events):
    emitter = app.Emitter(bridge)
    for event in events:
        emitter.emit("alice", event, "r")


@pytest.mark.parametrize(
    ("lost", "code"), [("started", "IA301"), ("tool_done", "IA303"), ("tool_started", "IA303"), ("done", "IA304")]
)
def test_the_layer_that_has_lost_an_event_is_named(app, lost, code):
    with watch() as auditor, user_scope("alice", run_id="r"):
        run_through(app, Bridge(app.Sink(), loses=[lost]), "started", "tool_started", "tool_done", "done")
    assert counts(auditor) == {code: 1}, "the order is broken at the sink alone"
    (message,) = messages(auditor, code)
    assert message.endswith(
        f"; layer emitter (app_with_runs:Emitter) had {lost}, and did not pass it on" + ")" * (code != "IA304")
    )


def test_the_layer_that_has_doubled_an_event_is_named(app):
    with watch() as auditor, user_scope("alice", run_id="r"):
        run_through(app, Bridge(app.Sink(), doubles=["done"]), "started", "done")
    assert counts(auditor) == {"IA305": 1}
    (message,) = messages(auditor, "IA305")
    assert "layer emitter (app_with_runs:Emitter) had it once, and passed it on twice" in message


def test_a_lost_event_that_the_order_does_not_mind_is_a_note(app):
    sink = app.Sink()
    with watch() as auditor:
        with user_scope("alice", run_id="r"):
            run_through(app, Bridge(sink), "started", "thinking", "done")
        with user_scope("alice", run_id="r"):
            run_through(app, Bridge(sink, loses=["thinking"]), "started", "thinking", "done")
    assert counts(auditor) == {"IA306": 1}
    (found,) = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA306"]
    assert found.severity.value == "note"
    assert " came to layer emitter 1 times, to sink 0 times: layer emitter (app_with" in found.message


def test_what_never_goes_to_the_next_layer_is_none_of_its_business(app):
    with watch() as auditor, user_scope("alice", run_id="r"):
        run_through(app, Bridge(app.Sink(), loses=["thinking"]), "started", "thinking", "done")
    assert counts(auditor) == {}


def adapter(sink, user, message):
    try:
        sink.send(user, message)
    except OSError:
        return


def test_who_has_swallowed_an_exception_is_named(app):
    sink = app.Sink()
    sink.broken = True

    class Adapter:
        def send(self, user, message):
            adapter(sink, user, message)
            return True

    with watch() as auditor, user_scope("alice", run_id="r"):
        app.Emitter(Adapter()).emit("alice", "noise", "r")
    (message,) = messages(auditor, "IA306")
    assert "app_with_runs:Sink.send raised OSError, and adapter() in test_protocol.py:" in message


def test_an_event_is_undelivered_once_however_many_layers_say_so(app):
    sink = app.Sink()
    sink.answers = [False, False]

    class Twice:
        def send(self, user, message):
            sink.send(user, message)
            return sink.send(user, dict(message))

    with watch() as auditor, user_scope("alice", run_id="r"):
        app.Emitter(Twice()).emit("alice", "noise", "r")
    assert counts(auditor) == {"IA306": 2}
    assert auditor.runtime.tally.undelivered == 1


def test_events_by_user_and_how_many_of_them_arrived(app):
    sink = app.Sink()
    with watch() as auditor:
        for user, answers in (("alice", [True, True]), ("bob", [True, False, True])):
            sink.answers = answers
            with user_scope(user, run_id=f"r-{user}"):
                for _ in range(len(answers)):
                    app.Emitter(sink).emit(user, "noise", f"r-{user}")
        summary = auditor.snapshot()["summary"]
        label = auditor.pseudonyms.text
        assert summary["events_by_user"] == {
            label("bob"): {"events": 3, "undelivered": 1},
            label("alice"): {"events": 2, "undelivered": 0},
        }
    assert (summary["events_delivered"], summary["events_undelivered"], summary["users_with_events"]) == (4, 1, 2)


def test_an_event_after_the_end_is_one_also_in_a_scope_of_its_own(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "started", "r")
            emitter.emit("alice", "done", "r")
        with user_scope("alice", run_id="r"):
            emitter.emit("alice", "thinking", "r")
    assert counts(auditor) == {"IA302": 2}


def test_a_run_that_begins_while_the_overdue_are_looked_for_is_not_overdue(app):
    """The drainer's thread may meet a run before its first event has been taken."""
    with watch() as auditor:
        (runs,) = auditor.runtime.runs
        runs._begin("emitter", "r")
        assert list(runs.overdue(1.0)) == []


def test_a_forked_child_does_not_wait_for_what_its_parent_began(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor, user_scope("alice", run_id="r"):
        emitter.emit("alice", "started", "r")
        auditor.runtime.runs[0].after_fork()
    assert counts(auditor) == {}


def test_an_event_without_a_run_is_followed_nowhere(app):
    emitter = app.Emitter(app.Sink())
    with watch() as auditor:
        emitter.emit("alice", "thinking", None)
        assert len(auditor.runtime.runs[0]) == 0
    assert counts(auditor) == {}


def test_threads_of_one_run_are_followed_without_a_fault(app):
    emitter = app.Emitter(app.Sink())

    def think(thread):
        for turn in range(200):
            emitter.emit("alice", "thinking", "r", f"{thread}-{turn}")

    with watch() as auditor, user_scope("alice", run_id="r"):
        emitter.emit("alice", "started", "r", 0)
        threads = [threading.Thread(target=think, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        emitter.emit("alice", "done", "r", 1)
    assert counts(auditor) == {}


def test_a_run_without_a_scope_is_overdue_at_its_timeout_and_only_once(app, monkeypatch):
    emitter = app.Emitter(app.Sink())
    with watch(timeout="1h") as auditor:
        emitter.emit("alice", "started", "r")
        auditor._publish_overdue(1.0)
        assert counts(auditor) == {}
        later = time.monotonic() + 3601
        monkeypatch.setattr(time, "monotonic", lambda: later)
        auditor._publish_overdue(1.0)
        auditor._publish_overdue(1.0)
    assert counts(auditor) == {"IA304": 2}


def test_a_run_that_never_ended_has_place_user_and_run_each_a_pseudonym(app):
    def ask(user, run):
        with user_scope(user, run_id=run):
            app.Emitter(app.Sink()).emit(user, "started", run)

    with watch() as auditor:
        ask("alice", "r-17")
        ask("bob", "r-18")
        auditor._publish_overdue(0.0)
        entries = [entry.as_dict() for entry in auditor.recorder.entries()]
    assert {one["rule"] for one in entries} == {"IA304"}
    assert [one["count"] for one in entries] == [2, 2], "one at each layer"
    pseudonyms = auditor.pseudonyms
    for one in entries:
        assert one["run"] == pseudonyms.run("r-17")
        assert one["witnesses"]["ambient"] == pseudonyms.text("alice")
        assert one["message"].startswith(f"{one['run']} of {one['witnesses']['ambient']} stopped after started")
        assert one["origin"]["function"].endswith(".ask")
        assert "r-17" not in str(one)
        assert "alice" not in str(one)
    assert {one["site"]["function"] for one in entries} == {
        "Emitter.emit",
        "test_a_run_that_never_ended_has_place_user_and_run_each_a_pseudonym.<locals>.ask",
    }


def test_the_user_of_a_run_without_a_scope_is_the_one_bound_to_its_id(app):
    with watch(timeout="1ms") as auditor:
        auditor.runtime.bindings.learn("run_id", "r", auditor.runtime.users.token("alice"))
        app.Emitter(app.Sink()).emit("alice", "started", "r")
        time.sleep(0.01)
        auditor._publish_overdue(1.0)
        (label,) = {entry.finding.witnesses.ambient for entry in auditor.recorder.entries()}
    assert label == auditor.pseudonyms.text("alice")


def test_a_swallowed_exception_is_a_failed_delivery_and_a_passed_on_one_is_the_callers(app):
    emitter = app.Emitter(app.Sink())
    emitter.sink.broken = True
    with watch() as auditor, user_scope("alice", run_id="r"):
        emitter.emit_quietly("alice", "noise", "r")
        assert counts(auditor) == {"IA306": 1}
        with pytest.raises(OSError, match="gone"):
            emitter.emit("alice", "noise", "r")
    assert counts(auditor) == {"IA306": 1}
    assert auditor.runtime.tally.undelivered == 1


@pytest.mark.parametrize("answer", [False, None])
def test_results_that_mean_undelivered(app, answer):
    emitter = app.Emitter(app.Sink())
    emitter.sink.answers = [answer]
    with watch() as auditor, user_scope("alice", run_id="r"):
        emitter.emit("alice", "noise", "r")
        emitter.emit("alice", "noise", "r")
    assert counts(auditor) == {"IA306": 1}


def test_the_table_of_runs_is_bounded_and_says_what_it_forgot(app):
    emitter = app.Emitter(app.Sink())
    with watch(runs=100) as auditor:
        for number in range(1_000):
            emitter.emit("alice", "started", f"r{number}")
            emitter.emit("alice", "done", f"r{number}")
        (runs,) = auditor.runtime.runs
        assert len(runs) == 100
        assert runs.evicted == 1_900
    assert counts(auditor) == {}
    assert auditor.snapshot()["summary"]["evicted"]["runs"] == 1_900


def test_protocols_that_share_an_event_are_judged_by_their_own_order(app):
    config = {
        "emitters": [{"target": "app_with_runs:Emitter", "methods": {"emit": "args.event"}, "run": "args.run"}],
        "protocols": {
            "first": {"key": "run_id", "order": "started thinking* done"},
            "second": {"key": "run_id", "order": "opened done"},
        },
    }
    emitter = app.Emitter(app.Sink())
    with Auditor(parse_config(config)) as auditor, user_scope("alice", run_id="r"):
        for event in ["started", "done"]:
            emitter.emit("alice", event, "r")
    assert counts(auditor) == {"IA301": 1}
    (entry,) = [entry for entry in auditor.recorder.entries() if entry.finding.rule == "IA301"]
    assert "a run begins with opened" in entry.finding.message
