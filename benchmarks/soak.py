"""A long audit in minutes: a million events of a hundred thousand runs, each with a new user; memory has to stay put.

Run it as ``python benchmarks/soak.py [--runs N] [--table N]``. Runs overlap (fifty at a time), their tools do as well,
and one run in a hundred crashes. Scopes, owners, addressees by binding, payload search, the protocol, and the report
file are all on. Tables are capped at ``--table`` entries, so that each is full, and evicts, long before the first half
is over.

Ends with exit code 1 where memory rises in the second half by more than ``GROWTH`` above what the first half needed, a
table is over its cap, an event was missed, the number of series of ``/metrics`` has changed, a scrape takes ``SCRAPE``
seconds, or anything was found (there is nothing to find) or went wrong inside.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from prometheus_client import CollectorRegistry, generate_latest

from isolation_audit import Auditor
from isolation_audit.config import parse_config
from isolation_audit.content import secrets
from isolation_audit.exporters.configured import configured_sinks
from isolation_audit.exporters.prometheus import register

GROWTH = 2.0
"""MiB by which the second half may need more than the first: the allocator's unrest. 42 bytes a run would be more."""

SCRAPE = 0.1
"""Seconds of processor time in which ``/metrics`` has to be made."""

AT_ONCE = 50
EVENTS = ("started", "thinking", "tool_started", "tool_started", "tool_done", "thinking", "tool_started", "tool_done")
EVENTS += ("tool_done", "done")
TOOLS = (None, None, 1, 2, 2, None, 3, 1, 3, None)

SOURCE = """
import asyncio

class Sink:
    def send(self, user_id, message):
        return True

class Emitter:
    def __init__(self, context, sink):
        self.sink = sink
        self.user_id = context.user_id
        self.run_id = context.run_id

    def emit(self, run_id, event, data):
        self.sink.send(self.user_id, {"type": event, "run_id": run_id, "data": data})

class Worker:
    def __init__(self):
        self.sink = Sink()

    async def run(self, context, events, crash):
        emitter = Emitter(context, self.sink)
        for number, (event, tool) in enumerate(events):
            if crash and number == 5:
                raise RuntimeError("crash")
            data = {"tool": tool, "number": number, "text": f"an answer for {context.user_id}, and more words"}
            emitter.emit(context.run_id, event, data)
            await asyncio.sleep(0)
"""


@dataclass
class Context:
    """Who a run is for."""

    user_id: str
    run_id: str


@dataclass
class Outcome:
    """What the soak saw: memory in MiB at each tenth, and everything that is wrong."""

    events: int = 0
    memory: list[float] = field(default_factory=list)
    series: list[int] = field(default_factory=list)
    """Of ``/metrics``, before the first run and at each tenth."""
    scrapes: list[float] = field(default_factory=list)
    """Seconds of processor time for each of them."""
    wrong: list[str] = field(default_factory=list)

    @property
    def grown(self) -> float:
        """By how many MiB the second half rose above the first."""
        return max(self.memory[5:]) - max(self.memory[:5])


def configuration(module: str, table: int, report: Path) -> dict[str, object]:
    """All of the pipeline, with every table capped at ``table`` entries."""
    paths = {"run": "args.run_id", "pair": "args.data.tool", "sequence": "args.data.number", "payload": "args.data"}
    inner = {name: path.replace("args.", "args.message.") for name, path in paths.items()}
    return {
        "identity": {"bind": {"run_id": "run_id"}},
        "scopes": [{"target": f"{module}:Worker.run", "user": "args.context.user_id"}],
        "emitters": [
            {
                "target": f"{module}:Emitter",
                "owner": "self.user_id",
                "addressee": "run_id:args.run_id",
                "methods": {"emit": "args.event"},
                **paths,
            },
            {
                "target": f"{module}:Sink",
                "addressee": "args.user_id",
                "methods": {"send": "args.message.type"},
                "layer": "sink",
                **inner,
            },
        ],
        "protocols": {
            "agent": {"key": "run_id", "order": "started (thinking | tool_started ... tool_done)* done"},
        },
        "limits": {"users": table, "bindings": table, "runs": table, "scopes": table},
        "report": {"terminal": False, "directory": str(report)},
    }


def new_user(number: int) -> str:
    """An id that was never seen; four shapes of them, as content is searched by shape."""
    shapes = (
        f"user-{number}",
        f"someone.{number}@example.com",
        str(uuid.UUID(int=number * 7919 << 64)),
        f"Anna Li {number}",
    )
    return shapes[number % len(shapes)]


def tables(auditor: Auditor) -> dict[str, tuple[int, int, int | None]]:
    """Name -> entries, cap, and how many were evicted (None where nothing is: it follows what lives)."""
    runtime, recorder, limits = auditor.runtime, auditor.recorder, auditor.config.limits
    (runs,) = runtime.runs
    assert runtime.content is not None
    return {
        "users": (len(runtime.users), limits.users, runtime.users.evicted),
        "bindings": (len(runtime.bindings), limits.bindings, runtime.bindings.evicted),
        "runs": (len(runs), limits.runs, runs.evicted),
        "scopes": (len(recorder.scopes), limits.scopes, recorder.scopes_dropped),
        "content": (len(runtime.content.index), limits.users + limits.bindings + len(secrets.known()), None),
        "objects": (len(runtime.objects), 2 * AT_ONCE, None),
        "findings": (len(recorder.entries()), limits.findings, recorder.dropped),
    }


def resident() -> float:
    """MiB of memory that the process holds; its peak where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def scrape(registry: CollectorRegistry, outcome: Outcome) -> None:
    """What Prometheus would get now."""
    begun = time.process_time()
    text = generate_latest(registry).decode()
    outcome.scrapes.append(time.process_time() - begun)
    outcome.series.append(sum(not line.startswith("#") for line in text.splitlines()))


async def serve(module: ModuleType, numbers: range) -> None:
    """Runs at the same time, each for a new user."""
    events = tuple(zip(EVENTS, TOOLS, strict=True))
    worker = module.Worker()
    runs = [worker.run(Context(new_user(n), f"run-{n}"), events, n % 100 == 0) for n in numbers]
    for result in await asyncio.gather(*runs, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, RuntimeError):
            raise result


def soak(runs: int, table: int, show: bool = True) -> Outcome:
    """Run it all; prints a line at each tenth if asked to."""
    module = ModuleType("soaked_app")
    sys.modules[module.__name__] = module
    exec(compile(SOURCE, "soaked_app.py", "exec"), vars(module))
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        auditor = Auditor(parse_config(configuration(module.__name__, table, Path(folder))), configured_sinks)
        registry = CollectorRegistry()
        register(lambda: auditor, registry)
        with auditor:
            scrape(registry, outcome)
            before, started = 0, time.perf_counter()
            for tenth in range(10):
                for first in range(runs * tenth // 10, runs * (tenth + 1) // 10, AT_ONCE):
                    last = min(first + AT_ONCE, runs * (tenth + 1) // 10)
                    runner.run(serve(module, range(first, last)))
                gc.collect()
                outcome.events = sum(auditor.runtime.tally.events.values())
                outcome.memory.append(resident())
                scrape(registry, outcome)
                seconds, started = time.perf_counter() - started, time.perf_counter()
                if show:
                    print_tenth(tenth, (outcome.events - before) / seconds, outcome, tables(auditor))
                before = outcome.events
                for name, (size, cap, _evicted) in tables(auditor).items():
                    if size > cap:
                        outcome.wrong.append(f"{name} hold {size} entries, more than {cap}")
        judge(auditor, outcome, runs)
    del sys.modules[module.__name__]
    return outcome


def print_tenth(tenth: int, speed: float, outcome: Outcome, sizes: dict[str, tuple[int, int, int | None]]) -> None:
    """One line: how far, how fast, how big; each table as entries and evictions."""
    each = "  ".join(f"{name} {size}" + (f" -{out}" if out else "") for name, (size, _cap, out) in sizes.items())
    print(
        f"{tenth + 1:3}0 %{outcome.events:10,} events{speed:8,.0f}/s{outcome.memory[-1]:8.1f} MiB  {each}", flush=True
    )


def judge(auditor: Auditor, outcome: Outcome, runs: int) -> None:
    """Add what is wrong in the end."""
    crashed = -(-runs // 100)
    expected = runs * len(EVENTS) - crashed * (len(EVENTS) - 5)
    if outcome.events != expected:
        outcome.wrong.append(f"{outcome.events} events were seen of {expected}")
    findings = {entry.finding.rule: entry.finding.message for entry in auditor.recorder.entries()}
    if findings:
        outcome.wrong.append(f"findings where there is nothing to find: {findings}")
    if auditor.runtime.barrier.total:
        outcome.wrong.append(f"faults inside the auditor: {auditor.runtime.barrier.counts}")
    if len(set(outcome.series)) != 1:
        outcome.wrong.append(f"the number of series changes: {outcome.series}")
    if min(outcome.scrapes) >= SCRAPE:
        outcome.wrong.append(f"a scrape takes {min(outcome.scrapes) * 1e3:.0f} ms")
    if outcome.grown > GROWTH:
        outcome.wrong.append(f"memory grew by {outcome.grown:.1f} MiB in the second half, more than {GROWTH} MiB")


def main() -> int:
    """Soak and print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_600, help="runs of ten events each; one in a hundred crashes")
    parser.add_argument("--table", type=int, default=5_000, help="entries that each table may hold")
    chosen = parser.parse_args()
    started = time.perf_counter()
    outcome = soak(chosen.runs, chosen.table)
    seconds = time.perf_counter() - started
    speed = f"{outcome.events / seconds:,.0f} events/s"
    print(f"{outcome.events:,} events of {chosen.runs:,} runs in {seconds:.0f} s, {speed}")
    print(f"memory, second half against first: {outcome.grown:+.1f} MiB, allowed {GROWTH:+.1f} MiB")
    print(
        f"series of /metrics: {outcome.series[0]} before the first user, {outcome.series[-1]} after {chosen.runs:,};"
        f" the last scrape took {outcome.scrapes[-1] * 1e3:.0f} ms of processor time;"
        f" {outcome.memory[-1]:.0f} MiB at the end"
    )
    for one in outcome.wrong:
        print(f"wrong: {one}")
    print("failed" if outcome.wrong else "passed")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
