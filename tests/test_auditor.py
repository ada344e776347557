"""The auditor as a whole: whatever its sinks and monitors do, the application goes on and ends on time."""

from __future__ import annotations

import io
import os
import threading
import time
from typing import Any

import pytest

from isolation_audit import current, uninstrument, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.exporters.report import ReportSink
from isolation_audit.rules import all_monitors

SOURCE = """\
class Emitter:
    def emit_answer(self, text, to):
        return text

class Engine:
    pass
"""


class Sink:
    """Takes everything; ``fault`` says what it does instead."""

    def __init__(self, fault: str = "", name: str = "faulty") -> None:
        self.name = name
        self.fault = fault
        self.entries: list[Any] = []
        self.scopes: list[Any] = []
        self.batches = 0
        self.closed = 0
        self.release = threading.Event()

    def drain(self, batch: Any) -> None:
        self.batches += 1
        if self.fault == "raises":
            raise OSError("no receiver")
        if self.fault == "hangs":
            self.release.wait(60)
        if self.fault == "slow":
            time.sleep(0.3)
        self.entries += batch.entries
        self.scopes += batch.scopes

    def close(self) -> None:
        self.closed += 1
        if self.fault == "raises":
            raise RuntimeError("closed badly")
        if self.fault == "hangs at close":
            self.release.wait(60)


@pytest.fixture
def start(load_app):
    """``start(*sinks)`` gives the application and its running auditor."""
    used: list[Any] = []

    def begin(*sinks: Any, report: Any = None, **options: Any) -> tuple[Any, Auditor]:
        app = load_app(SOURCE)
        table = {
            "emitters": [{"target": f"{app.__name__}:Emitter", "addressee": ["args.to"]}],
            "engines": [{"target": f"{app.__name__}:Engine"}],
        }

        def make(config: Any, *, run_id: str, supervised: bool, **_named: Any) -> list[Any]:
            reports = [] if report is None else [ReportSink(report, run_id, config.select, supervised=supervised)]
            return [*sinks, *reports]

        auditor = Auditor(parse_config(table | {"otlp": {"timeout": 0.2}} | options), make)
        used.extend([auditor.start(), *sinks])
        return app, auditor

    yield begin
    for one in used:
        if isinstance(one, Auditor):
            one.stop()
        else:
            one.release.set()


def cross(app: Any, times: int = 1) -> None:
    with user_scope("alice"):
        app.Engine()
        for _ in range(times):
            app.Emitter().emit_answer("hello", to="bob")


def test_sinks_get_everything_once_and_are_closed_once(start) -> None:
    sinks = [Sink(name=name) for name in ("one", "two")]
    app, auditor = start(*sinks)
    cross(app, 3)
    auditor.stop()
    auditor.stop()
    for sink in sinks:
        assert [entry.finding.rule for entry in sink.entries] == ["IA202"]
        assert (len(sink.scopes), sink.closed) == (1, 1)
    assert current() is None


def test_findings_arrive_while_the_application_runs(start) -> None:
    sink = Sink()
    app, _auditor = start(sink)
    cross(app)
    deadline = time.monotonic() + 60
    while not sink.entries and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sink.entries


@pytest.mark.parametrize("fault", ["raises", "hangs", "hangs at close", "slow"])
def test_a_faulty_sink_harms_neither_the_application_nor_the_other_sinks(start, tmp_path, fault: str) -> None:
    faulty, healthy = Sink(fault), Sink(name="healthy")
    app, auditor = start(faulty, healthy, report=tmp_path)
    cross(app, 2)
    time.sleep(0.7)
    # Both come to an end while the faulty one hangs.
    cross(app, 3)
    auditor.stop()
    assert [entry.finding.rule for entry in healthy.entries if entry.finding.rule != "IA903"] == ["IA202"]
    assert healthy.closed == 1
    (part,) = (tmp_path / "processes").glob("*.json")
    assert '"crossing_events": 5' in part.read_text()
    assert (tmp_path / "report.json").exists()
    assert (auditor.runtime.barrier.total > 0) == (fault == "raises")


def test_a_sink_that_always_raises_is_given_up(start) -> None:
    sink = Sink("raises")
    app, auditor = start(sink, limits={"faults": 2})
    for _ in range(5):
        cross(app)
        auditor.flush()
    auditor.stop()
    assert (sink.batches, sink.closed) == (2, 1)
    assert auditor.recorder.counts["IA903"] >= 2


def test_what_waits_for_a_hanging_sink_is_bounded(start) -> None:
    sink = Sink("hangs")
    app, auditor = start(sink, limits={"scopes": 10})
    for _ in range(3):
        cross(app)
        for _ in range(20):
            with user_scope("alice"):
                pass
        auditor.drainer.flush(0.2)
    (lane,) = auditor.drainer._lanes
    assert len(lane._waiting.scopes) <= 10
    assert auditor.recorder.scopes_dropped > 0


def test_flush_waits_for_the_sinks_and_goes_on(start) -> None:
    sink = Sink("slow")
    app, auditor = start(sink)
    cross(app)
    auditor.flush()
    assert len(sink.entries) == 1
    assert current() is auditor
    auditor.stop()
    auditor.flush()


KINDS = sorted({kind for monitor in all_monitors() for kind in monitor.handlers}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_a_monitor_that_raises_is_switched_off_after_its_allowance(start, kind, monkeypatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise RuntimeError("broken")

    for monitor in all_monitors():
        if kind in monitor.handlers:
            monkeypatch.setattr(monitor, monitor.handlers[kind], fail)
    app, auditor = start(limits={"faults": 3})
    for _ in range(10):
        cross(app)
        app.Engine()
        app.Emitter().emit_answer("hello", None)
    auditor.stop()
    limit = 3 * len(all_monitors())
    assert auditor.runtime.barrier.total <= limit
    assert auditor.snapshot()["summary"]["events_total"] == 20


def test_nothing_of_the_application_is_changed_afterwards(start) -> None:
    app, auditor = start()
    auditor.stop()
    before = {name: dict(vars(vars(app)[name])) for name in ("Emitter", "Engine")}
    code = app.Emitter.emit_answer.__code__
    auditor.start()
    assert app.Emitter.emit_answer.__code__ is not code
    auditor.stop()
    assert app.Emitter.emit_answer.__code__ is code
    assert {name: dict(vars(vars(app)[name])) for name in ("Emitter", "Engine")} == before


def test_a_forked_child_counts_from_nothing_and_has_sinks_of_its_own(start, tmp_path) -> None:
    app, auditor = start(report=tmp_path)
    cross(app, 5)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            cross(app, 2)
            summary = auditor.snapshot()["summary"]
            counted = [summary[key] for key in ("events_total", "crossing_events", "engines_built")]
            code = 0 if counted == [2, 2, 1] and summary["findings"] == {"IA202": 2} else 2
            uninstrument()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    auditor.stop()
    parts = list((tmp_path / "processes").glob("*.json"))
    assert len(parts) == 2
    assert '"crossing_events": 7' in (tmp_path / "report.json").read_text()


def test_forks_while_the_auditor_is_busy_never_hang_the_child(start, monkeypatch) -> None:
    """The drainer's thread looks for late modules under a lock; a child must not inherit it taken."""
    app, auditor = start(Sink())
    busy = threading.Event()
    original = auditor.instrumentation.look

    def refresh() -> None:
        with auditor.instrumentation._lock:
            busy.set()
            time.sleep(0.2)
            original()

    monkeypatch.setattr(auditor.instrumentation, "look", refresh)
    for _ in range(2):
        busy.clear()
        assert busy.wait(60)
        pid = os.fork()
        if pid == 0:
            free = auditor.instrumentation._lock.acquire(timeout=60)
            os._exit(0 if free else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    cross(app)


def test_stopping_from_another_thread_and_from_many(start) -> None:
    _app, auditor = start(Sink())
    threads = [threading.Thread(target=auditor.stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert current() is None


def test_the_snapshot_is_plain_json(start) -> None:
    import json

    app, auditor = start()
    cross(app)
    stream = io.StringIO()
    json.dump(auditor.snapshot(), stream)
    assert "alice" not in stream.getvalue()
