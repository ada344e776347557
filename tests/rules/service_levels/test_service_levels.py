"""IA7xx beyond the examples: what is a run, what is measured of it, and who is at work. The clock is ours."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit import system_scope, user_scope
from isolation_audit.exporters import report
from isolation_audit.instrument.tally import BUCKETS, Histogram
from isolation_audit.instrument.tracking import levels
from isolation_audit.instrument.tracking.levels import LEVELS
from isolation_audit.targets import cleanup

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.auditor import Auditor

SOURCE = """\
class Engine:
    def __init__(self, user=None):
        self.user = user

    def close(self):
        WAIT(self)

    async def aclose(self):
        WAIT(self)

class Special(Engine):
    def close(self):
        super().close()

class Left(Engine):
    pass

def emit(text):
    pass

def answer(user, run_id=None):
    WAIT(user)

class Request:
    def __init__(self, user, run_id):
        self.user, self.run_id = user, run_id

async def handle(request):
    WAIT(request)
"""

CONFIG = """\
[identity]
bind = { run_id = "run_id" }
system = ["service:*"]

[[engines]]
target = "APP:Engine"
owner = "self.user"
exclude = ["APP:Left"]
cleanup = ["close", "aclose"]

[[emitters]]
target = "APP:emit"

[[scopes]]
target = "APP:answer"
user = "args.user"

[[scopes]]
target = "APP:handle"
user = "args.request.user"

[service_levels]
first_event = "2s"
run = "4s"
cleanup = "1s"
"""


class Clock:
    """Time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (levels, cleanup):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=made))
    return made


@pytest.fixture
def audited(audits, clock: Clock):
    """``audited(wait)``: the application, in which everything that takes time calls ``wait``, and its auditor."""

    def start(wait: Callable[[Any], Any] = lambda _: None, config: str = CONFIG) -> tuple[Any, Auditor]:
        app, auditor = audits(SOURCE, config.replace("owner =", "optional = true\nowner ="))
        app.WAIT = wait
        return app, auditor

    return start


def measured(auditor: Auditor, level: str) -> tuple[int, float]:
    histogram = auditor.snapshot()["summary"]["service_levels"][level]
    return histogram["count"], histogram["sum"]


def messages(auditor: Auditor) -> list[tuple[str, str]]:
    return [(entry.finding.rule, entry.finding.message) for entry in auditor.recorder.entries()]


def test_a_run_and_its_first_event(audited, clock: Clock) -> None:
    app, auditor = audited()
    with user_scope("alice"):
        clock.wait(0.25)
        app.emit("first")
        clock.wait(3)
        app.emit("second")
        clock.wait(0.5)
    assert measured(auditor, "first_event") == (1, 0.25)
    assert measured(auditor, "run") == (1, 3.75)
    assert measured(auditor, "cleanup") == (0, 0.0)
    assert messages(auditor) == []


def test_a_limit_is_broken_by_what_is_above_it_only(audited, clock: Clock) -> None:
    app, auditor = audited()
    for seconds in (2.0, 2.125):
        with user_scope("alice"):
            clock.wait(seconds)
            app.emit("first")
            clock.wait(2.0)
    label = auditor.pseudonyms.text("alice")
    assert messages(auditor) == [
        ("IA701", f"the first event of a run of {label}, emit, came after 2.125 s; the limit is 2 s"),
        ("IA701", f"a run of {label} took 4.125 s; the limit is 4 s"),
    ]
    first, run = (entry.finding for entry in auditor.recorder.entries())
    assert (first.site_label, first.origin_label) == ("emitted here", f"the work of {label} began here")
    assert (run.site_label, run.origin, run.target, run.witnesses.ambient) == ("the run began here", None, None, label)
    assert first.site.top.function == first.origin.top.function == run.site.top.function
    assert run.site.top.line < first.site.top.line


def test_a_run_that_failed_counts(audited, clock: Clock) -> None:
    def wait(_: Any) -> None:
        clock.wait(5)
        raise ConnectionError

    app, auditor = audited(wait)
    with pytest.raises(ConnectionError):
        app.answer("alice")
    assert measured(auditor, "run") == (1, 5.0)
    (entry,) = auditor.recorder.entries()
    assert entry.finding.target == f"{app.__name__}:answer"


def test_without_a_limit_it_is_measured_all_the_same(audited, clock: Clock) -> None:
    app, auditor = audited(lambda _: clock.wait(60), CONFIG.partition("[service_levels]")[0])
    app.answer("alice")
    asyncio.run(app.Engine("alice").aclose())
    assert (measured(auditor, "run"), measured(auditor, "cleanup")) == ((1, 60.0), (1, 60.0))
    assert messages(auditor) == []


def test_nobody_is_asked_while_all_is_well(audited, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    app, auditor = audited(lambda _: clock.wait(0.5))
    monkeypatch.setattr(auditor.runtime.levels, "_publish", pytest.fail)
    with user_scope("alice"):
        app.emit("first")
        app.answer("alice")
        app.Engine("alice").close()
    assert measured(auditor, "run") == (1, 1.0)


def test_many_slow_runs_are_one_finding_and_one_shortcut(audited, clock: Clock) -> None:
    _app, auditor = audited()
    for number in range(20):
        with user_scope("alice"):
            clock.wait(5 + number)
    (entry,) = auditor.recorder.entries()
    assert (entry.count, len(auditor.recorder._shortcuts)) == (20, 1)


# What is a run


def test_parts_of_a_run_are_no_runs(audited, clock: Clock) -> None:
    app, auditor = audited(lambda _: clock.wait(1))
    with user_scope("alice", run_id="r1"):
        app.answer("alice")
        with user_scope("service:billing", run_id="r1"):
            app.answer("alice")
        asyncio.run(app.handle(app.Request("alice", "r2")))
        app.emit("first")
    assert measured(auditor, "run") == (1, 3.0)
    assert measured(auditor, "first_event") == (1, 3.0)


def test_the_first_event_may_come_from_a_part(audited, clock: Clock) -> None:
    app, auditor = audited(lambda _: app.emit("from inside"))
    with user_scope("alice"):
        clock.wait(0.5)
        app.answer("alice")
        clock.wait(1)
        app.emit("second")
    assert measured(auditor, "first_event") == (1, 0.5)


def test_another_user_inside_has_a_run_of_their_own(audited, clock: Clock) -> None:
    _app, auditor = audited()
    with user_scope("alice"), user_scope("bob"):
        clock.wait(0.5)
        with user_scope("alice"):
            clock.wait(0.5)
    assert measured(auditor, "run") == (2, 2.0)


def test_what_surrounds_runs_with_ids_is_no_run(audited, clock: Clock) -> None:
    """A scope around a whole connection would be the slowest of all runs."""
    app, auditor = audited(lambda _: clock.wait(1))
    with user_scope("alice"):
        clock.wait(1000)
        for number in range(2):
            asyncio.run(app.handle(app.Request("alice", f"r{number}")))
            clock.wait(1000)
    assert measured(auditor, "run") == (2, 2.0)
    assert messages(auditor) == []
    assert auditor.snapshot()["summary"]["users_at_once"] == 1


def test_work_after_the_end_of_a_run_is_another_run(audited, clock: Clock) -> None:
    _app, auditor = audited()
    with user_scope("alice"):
        inherited = contextvars.copy_context()
        clock.wait(1)

    def later() -> None:
        with user_scope("alice"):
            clock.wait(2)

    inherited.run(later)
    assert measured(auditor, "run") == (2, 3.0)


def test_the_systems_own_work_is_no_run(audited, clock: Clock) -> None:
    app, auditor = audited()
    for scope in (system_scope(), user_scope("service:cron")):
        with scope:
            clock.wait(99)
            app.emit("swept")
    assert (measured(auditor, "run"), measured(auditor, "first_event")) == ((0, 0.0), (0, 0.0))
    assert messages(auditor) == []


# Who is at work


def test_users_at_once(audited) -> None:
    _app, auditor = audited()

    def highest() -> int:
        return auditor.snapshot()["summary"]["users_at_once"]

    assert highest() == 0
    with user_scope("alice"), user_scope("alice", run_id="r1"), system_scope():
        assert highest() == 1
        with user_scope("bob"):
            pass
        with user_scope("carol"):
            pass
    assert highest() == 2
    assert auditor.runtime.levels._at_work == {}


def test_users_on_threads_and_in_tasks(audited) -> None:
    _app, auditor = audited()
    everyone = threading.Barrier(4)

    def work(number: int) -> None:
        for _ in range(200):
            with user_scope(f"user-{number}"):
                pass
        with user_scope(f"user-{number}"):
            everyone.wait(30)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert auditor.snapshot()["summary"]["users_at_once"] == 4
    assert measured(auditor, "run")[0] == 804

    async def chat(number: int) -> None:
        with user_scope(f"user-{number % 12}"):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*map(chat, range(24)))

    asyncio.run(main())
    assert auditor.snapshot()["summary"]["users_at_once"] == 12
    assert auditor.runtime.levels._at_work == {}


def test_the_table_of_users_at_work_is_bounded(audited) -> None:
    _app, auditor = audited(config=CONFIG + "[limits]\nusers = 2\n")
    with user_scope("alice"), user_scope("bob"), user_scope("carol"):
        assert len(auditor.runtime.levels._at_work) == 2
    assert auditor.runtime.levels._at_work == {}


def test_a_forked_child_starts_from_nothing(audited, clock: Clock) -> None:
    _app, auditor = audited()
    with user_scope("alice"):
        clock.wait(1)
        with user_scope("bob"):
            pass
        auditor.after_fork()
        summary = auditor.snapshot()["summary"]
        assert summary["users_at_once"] == 0
        assert all(histogram["count"] == 0 for histogram in summary["service_levels"].values())
    assert auditor.runtime.levels._at_work == {}


# Cleaning up


@pytest.mark.parametrize("kind", ["Engine", "Special"])
def test_cleanups_sync_and_async(audited, clock: Clock, kind: str) -> None:
    app, auditor = audited(lambda _: clock.wait(1.5))
    engine = getattr(app, kind)("alice")
    with user_scope("alice"):
        engine.close()
        asyncio.run(engine.aclose())
    assert measured(auditor, "cleanup") == (2, 3.0)
    name = f"{app.__name__}:Engine"
    assert messages(auditor) == [
        ("IA702", f"cleaning up by {name}.{method} took 1.5 s; the limit is 1 s") for method in ("close", "aclose")
    ]
    finding = auditor.recorder.entries()[0].finding
    assert finding.site_label == "cleaned up here"
    assert finding.site.top.function in ("test_cleanups_sync_and_async", "Special.close")
    assert finding.witnesses.ambient == auditor.pseudonyms.text("alice")


def test_a_cleanup_after_the_scope_is_its_owners(audited, clock: Clock) -> None:
    app, auditor = audited(lambda _: clock.wait(1.5))
    app.Engine("alice").close()
    (entry,) = auditor.recorder.entries()
    assert entry.finding.witnesses.ambient == auditor.pseudonyms.text("alice")


def test_a_cleanup_that_fails_is_measured(audited, clock: Clock) -> None:
    def wait(_: Any) -> None:
        clock.wait(0.5)
        raise ConnectionError

    app, auditor = audited(wait)
    engine = app.Engine("alice")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            engine.close()
    assert measured(auditor, "cleanup") == (2, 1.0)


def test_excluded_classes_are_not_measured(audited, clock: Clock) -> None:
    app, auditor = audited(lambda _: clock.wait(9))
    app.Left("alice").close()
    assert measured(auditor, "cleanup") == (0, 0.0)


def test_a_cleanup_that_is_not_there_is_reported(audited) -> None:
    app, auditor = audited(config=CONFIG.replace('"aclose"', '"dispose"'))
    assert messages(auditor) == [("IA901", f"{app.__name__}:Engine: the method 'dispose' is missing")]


# Histograms


SECONDS = st.one_of(st.floats(0, 1e6), st.sampled_from(BUCKETS))


def summary(durations: list[float]) -> dict[str, Any]:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    return {"service_levels": {level: histogram.as_dict() for level in LEVELS}, "users_at_once": len(durations)}


def merged(*summaries: dict[str, Any]) -> dict[str, Any]:
    run = {"id": "run"}
    parts = [{**report.empty({**run, "processes": []}, report.TOOL), "summary": one} for one in summaries]
    return report.merge(parts, run, report.TOOL)["summary"]


@given(st.lists(SECONDS))
def test_buckets(durations: list[float]) -> None:
    found = summary(durations)["service_levels"]["run"]
    assert found["count"] == len(durations)
    assert found["sum"] == pytest.approx(sum(durations), abs=1e-6)
    assert [float(limit) for limit in found["buckets"]] == list(BUCKETS)
    for limit, count in found["buckets"].items():
        assert count == sum(seconds <= float(limit) for seconds in durations)


@given(*[st.lists(SECONDS, max_size=9)] * 3)
def test_merging_is_associative_and_the_same_as_one_process(one: Any, two: Any, three: Any) -> None:
    a, b, c = map(summary, (one, two, three))
    whole = merged(a, b, c)
    for other in (merged(merged(a, b), c), merged(a, merged(b, c)), merged(c, a, b), summary(one + two + three)):
        for level, histogram in whole["service_levels"].items():
            again = other["service_levels"][level]
            assert (again["count"], again["buckets"]) == (histogram["count"], histogram["buckets"])
            assert again["sum"] == pytest.approx(histogram["sum"], abs=1e-5)
    assert whole["users_at_once"] == max(map(len, (one, two, three)))
