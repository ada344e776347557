"""What does not grow: a call's cost with targets, users and events; and what installing, findings and objects cost."""

from __future__ import annotations

import gc
import sys
import time
import traceback
import tracemalloc
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmarks.programs.calls import NAME, application, configuration
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import interleaved
from isolation_audit import Auditor
from isolation_audit.config.model import Limits
from isolation_audit.instrument import stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = 1_000
DEEP = 30
"""Frames of the stack under a finding."""
LIMIT = Limits().stack
"""Frames that are kept of it."""
TARGETS, USERS, EVENTS = 1_000, 100_000, 1_000_000
LIMITS = "\n[limits]\nusers = 200000\n"


def many_targets(number: int) -> tuple[ModuleType, str]:
    """A module with so many classes, and the configuration that names each of them as an engine."""
    module = ModuleType("bench_many")
    source = "".join(
        f"class Engine{n}:\n    def __init__(self, user_id): self.user_id = user_id\n    def method(self, data): pass\n"
        for n in range(number)
    )
    exec(compile(source, "bench_many.py", "exec"), vars(module))
    sys.modules[module.__name__] = module
    entries = (f'[[engines]]\ntarget = "bench_many:Engine{n}"\nowner = ["self.user_id"]\n' for n in range(number))
    return module, "\n" + "".join(entries)


@contextmanager
def audited(user: str = "alice", more: str = "") -> Iterator[tuple[ModuleType, Auditor]]:
    """The application under the auditor, in one user's work."""
    app = sys.modules.get(NAME) or application()
    auditor = Auditor(configuration(LIMITS + more))
    with auditor:
        app.current_user.set(user)
        yield app, auditor


def events(emitter: Any, number: int = CALLS) -> None:
    """So many events."""
    for _ in range(number):
        emitter.emit_event(None)


def best_of(run: Callable[[], None], rounds: int, calls: int = CALLS) -> float:
    """Nanoseconds of one call."""
    return interleaved({"": run}, rounds, {"": calls})[""]


@measures(
    "growth",
    [
        Row("growth_targets_1000_over_1", "an event's time with 1,000 further targets / with none", at_most(1.1)),
        Row("growth_users_100k_over_1", "an event's time with 100,000 live users / with one", at_most(1.1)),
        Row("growth_events_1m_over_1", "an event's time after 1,000,000 events / at first", at_most(1.1)),
        Row("install_1000_targets_s", "instrumenting 1,000 classes", unit="s"),
        Row("undo_1000_targets_s", "and taking it back", unit="s"),
    ],
)
def growth(effort: Effort) -> Measured:
    """One auditor after the other."""
    rounds = effort.times(60)
    with audited() as (app, _auditor):
        one = best_of(partial(events, app.Emitter("alice")), rounds)
    _module, more = many_targets(round(TARGETS * min(1.0, effort.scale)))
    began = time.process_time()
    with audited(more=more) as (app, _auditor):
        installed = time.process_time() - began
        targets = best_of(partial(events, app.Emitter("alice")), rounds)
        began = time.process_time()
    undone = time.process_time() - began
    with audited() as (app, _auditor):
        for number in range(round(USERS * min(1.0, effort.scale))):
            app.current_user.set(f"user-{number}")
            events(app.Emitter(f"user-{number}"), 1)
        app.current_user.set("alice")
        users = best_of(partial(events, app.Emitter("alice")), rounds)
    with audited() as (app, _auditor):
        emitter = app.Emitter("alice")
        first = best_of(lambda: events(emitter), rounds)
        events(emitter, round(EVENTS * min(1.0, effort.scale)))
        last = best_of(lambda: events(emitter), rounds)
    return Measured(
        {
            "growth_targets_1000_over_1": targets / one,
            "growth_users_100k_over_1": users / one,
            "growth_events_1m_over_1": last / first,
            "install_1000_targets_s": installed,
            "undo_1000_targets_s": undone,
        }
    )


@measures(
    "findings",
    [
        Row(
            "finding_capture_vs_extract_stack",
            f"capturing {LIMIT} frames of a stack / traceback.extract_stack with the same limit",
            at_most(0.07),
        ),
        Row("finding_capture_us", "capturing it", unit="us"),
        Row("finding_repeated_us", "a whole event that is a finding seen before", unit="us"),
    ],
)
def findings(effort: Effort) -> Measured:
    """The stack alone beside traceback's; and an event of bob's through alice's emitter."""

    def deep(times: int, run: Callable[[], object]) -> object:
        return run() if times == 0 else deep(times - 1, run)

    def captured() -> None:
        for _ in range(50):
            stacks.capture(LIMIT)

    def extracted() -> None:
        for _ in range(5):
            traceback.extract_stack(limit=LIMIT)

    timed = {"captured": lambda: deep(DEEP, captured), "extracted": lambda: deep(DEEP, extracted)}
    best = interleaved(timed, effort.times(60), {"captured": 50, "extracted": 5})
    with audited("bob") as (app, auditor):
        emitter = app.Emitter("alice")
        repeated = best_of(lambda: events(emitter, 100), effort.times(60), 100)
        assert auditor.recorder.counts["IA201"] >= 100, auditor.recorder.counts
    return Measured(
        {
            "finding_capture_vs_extract_stack": best["captured"] / best["extracted"],
            "finding_capture_us": best["captured"] / 1e3,
            "finding_repeated_us": repeated / 1e3,
        }
    )


@measures(
    "memory",
    [
        Row("memory_bytes_per_object", "a live owned object, above a bare one", unit="bytes"),
        Row("memory_bytes_per_user", "a user that is known", unit="bytes"),
        Row("memory_bytes_per_finding", "a finding of its own", unit="bytes"),
    ],
)
def memory(effort: Effort) -> Measured:
    """What Python's allocator holds more of, one kind after the other."""
    number = effort.times(5_000)
    tracemalloc.start()
    with audited() as (app, auditor):

        def held(make: Callable[[int], object], times: int = number) -> float:
            make(-1)
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            kept = [make(place) for place in range(times)]
            gc.collect()
            used = (tracemalloc.get_traced_memory()[0] - before) / times
            del kept
            return used

        def user(place: int) -> None:
            auditor.runtime.users.token(f"member-{place:08}")

        def finding(place: int) -> None:
            names: dict[str, Any] = {}
            exec(compile("def emit(emitter): emitter.emit_event(None)", f"module_{place}.py", "exec"), names)
            names["emit"](emitter)

        bare = held(lambda _place: app.Plain("alice"))
        objects = held(lambda _place: app.Engine("alice")) - bare
        users = held(user)
        app.current_user.set("bob")
        emitter = app.Emitter("alice")
        findings_each = held(finding, effort.times(300))
    tracemalloc.stop()
    return Measured(
        {
            "memory_bytes_per_object": objects,
            "memory_bytes_per_user": users,
            "memory_bytes_per_finding": findings_each,
        }
    )
