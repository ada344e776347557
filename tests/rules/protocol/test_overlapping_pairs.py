"""Pairs that may overlap: parallel and nested tools are in order; what is lost or doubled among them is found."""

from collections import Counter

import pytest

from isolation_audit import Auditor, user_scope
from isolation_audit.analysis.orders.openings import Closing, Openings
from isolation_audit.config import parse_config

SOURCE = """
class Emitter:
    def emit(self, event, tool=None, number=None, run="r"):
        return True
"""

ORDER = "started (thinking | tool_started ... (tool_done | tool_failed))* done"
STRICT = "started (thinking | tool_started tool_done)* done"


@pytest.fixture
def app(load_app):
    return load_app(SOURCE)


def watch(app, order=ORDER, **emitter):
    return Auditor(
        parse_config(
            {
                "emitters": [
                    {
                        "target": f"{app.__name__}:Emitter",
                        "methods": {"emit": "args.event"},
                        "run": "args.run",
                        "pair": "args.tool",
                        "sequence": "args.number",
                        **emitter,
                    }
                ],
                "protocols": {"agent": {"key": "run_id", "order": order}},
            }
        )
    )


def play(app, auditor, events):
    """Events as ``name``, ``name:id`` or ``name:id:number``, in one run; findings of IA3xx by rule."""
    emitter = app.Emitter()
    with auditor:
        with user_scope("alice", run_id="r"):
            for one in events.split():
                name, tool, number = (*one.split(":"), "", "")[:3]
                emitter.emit(name, tool or None, int(number) if number else None)
        auditor._publish_overdue(0.0)
    found = Counter(auditor.recorder.counts)
    assert found["IA903"] == 0
    return {code: count for code, count in found.items() if code.startswith("IA3")}


def messages(auditor):
    return [entry.finding.message for entry in auditor.recorder.entries() if entry.finding.rule.startswith("IA3")]


@pytest.mark.parametrize(
    "events",
    [
        "started tool_started:1 tool_started:2 tool_started:3 tool_done:2 thinking tool_done:3 tool_done:1 done",
        "started tool_started tool_started tool_started tool_done tool_done tool_failed done",
        "started tool_started:outer tool_started:inner tool_done:inner tool_done:outer done",
        "started tool_started:1 thinking tool_failed:1 done",
        "started tool_started:1 tool_started:2 tool_done tool_done done",
        "started tool_started tool_started tool_done:1 tool_done:2 done",
        "started tool_started:1 tool_done:1 tool_started:1 tool_done:1 done",
        "started thinking done",
    ],
)
def test_tools_in_parallel_and_inside_each_other_are_in_order(app, events):
    assert play(app, watch(app), events) == {}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # One completion of several is lost, whichever it is.
        ("started tool_started:1 tool_started:2 tool_started:3 tool_done:1 tool_done:3 done", {"IA303": 1}),
        ("started tool_started tool_started tool_started tool_done tool_done done", {"IA303": 1}),
        # It came after all, too late: still one mistake.
        ("started tool_started:1 tool_started:2 tool_done:1 done tool_done:2", {"IA303": 1}),
        # A completion of nothing.
        ("started tool_done:1 done", {"IA303": 1}),
        ("started tool_started:1 tool_done:2 tool_done:1 done", {"IA303": 1}),
        # Twice the same.
        ("started tool_started:1 tool_started:2 tool_done:1 tool_done:1 tool_done:2 done", {"IA305": 1}),
        ("started tool_started:1 tool_started:2 tool_done:1 thinking tool_failed:1 tool_done:2 done", {"IA305": 1}),
        ("started tool_started:1 tool_started:2 tool_started:1 tool_done:2 tool_done:1 done", {"IA305": 1}),
        ("started tool_started::1 tool_started::2 tool_started::2 tool_done::3 tool_done::4 done", {"IA305": 1}),
        # Everything else is judged as ever.
        ("tool_started:1 tool_done:1 done", {"IA301": 1}),
        ("tool_done:1 done", {"IA301": 1}),
        ("started tool_started:1 tool_done:1 done thinking", {"IA302": 1}),
        ("started tool_started:1 tool_done:1 done tool_done:7", {"IA302": 1}),
        ("started tool_started:1 tool_done:1", {"IA304": 1}),
        ("started tool_started:1", {"IA304": 1}),
    ],
)
def test_each_mistake_is_one_finding(app, events, expected):
    assert play(app, watch(app), events) == expected


def test_messages_say_what_waits_for_what(app):
    auditor = watch(app)
    play(app, auditor, "started tool_started:secret-1 done")
    (message,) = messages(auditor)
    assert "done completed the run while tool_started waits for tool_done or tool_failed" in message
    assert "secret" not in message
    auditor = watch(app)
    play(app, auditor, "started tool_started:1 thinking")
    assert "its work has ended, and tool_started is open, done never came" in messages(auditor)[0]


def test_without_a_last_event_pairs_have_to_be_closed_when_the_work_ends(app):
    order = "(thinking | tool_started ... tool_done)*"
    assert play(app, watch(app, order), "tool_started:1 thinking tool_done:1 thinking") == {}
    auditor = watch(app, order)
    assert play(app, auditor, "tool_started:1 tool_started:2 tool_done:1 thinking") == {"IA303": 1}
    assert " stopped after thinking" in messages(auditor)[0]


def test_a_run_that_fails_with_open_tools_owes_nothing(app):
    emitter = app.Emitter()
    auditor = watch(app)
    with auditor:
        with pytest.raises(RuntimeError), user_scope("alice", run_id="r"):
            for event, tool in [("started", None), ("tool_started", 1), ("tool_started", 2), ("tool_done", 1)]:
                emitter.emit(event, tool)
            raise RuntimeError
        auditor._publish_overdue(0.0)
    assert messages(auditor) == []


def test_a_strict_pair_stays_strict(app):
    assert play(app, watch(app, STRICT), "started tool_started:1 tool_started:2 tool_done:2 tool_done:1 done") != {}
    assert play(app, watch(app, STRICT), "started tool_started:1 tool_done:1 done") == {}


def test_ids_that_are_no_ids_are_counted(app):
    class Proxy:
        def __eq__(self, other):
            raise AssertionError

        __hash__ = None

    emitter = app.Emitter()
    with watch(app) as auditor, user_scope("alice", run_id="r"):
        for event in ["started", "tool_started", "tool_started", "tool_done", "tool_done", "done"]:
            emitter.emit(event, Proxy())
    assert messages(auditor) == []
    assert auditor.runtime.barrier.total == 0


def test_what_is_remembered_of_a_run_is_bounded():
    openings = Openings()
    for number in range(100_000):
        assert openings.open("o", number)
    assert len(openings._ids) == 1_000
    assert len(openings._nameless) == 1
    for number in range(100_000):
        assert openings.close("o", number) is Closing.OPEN
    assert not openings
    assert openings.close("o", 100_001) is Closing.NOTHING
    assert len(openings._closed) == 64
