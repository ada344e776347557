"""Random interleavings of many users' runs: every planted mistake is found, blamed on its own run, and nothing else."""

import itertools
import os
import sys
import types
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.instrument.tracking.observations import Deviated
from isolation_audit.instrument.tracking.run_states import Overdue
from isolation_audit.rules.protocol.monitor import ProtocolMonitor

EXAMPLE = itertools.count()
EXAMPLES = int(os.environ.get("ISOLATION_AUDIT_EXAMPLES", "60"))

SOURCE = """
class Sink:
    def send(self, user, message):
        return True
"""

ORDERS = {
    "strict": "started (thinking | tool_started tool_done)* done",
    "overlapping": "started (thinking | tool_started ... tool_done)* done",
}
MISTAKES = ["IA301", "IA302", "IA303", "IA304", "IA305"]


@dataclass
class Step:
    event: str
    tool: int | None = None
    number: int | None = None

    def again(self):
        return Step(self.event, self.tool, self.number)


@dataclass
class Plan:
    """One run: its steps, and the rule of the mistake that was planted in it, if any."""

    steps: list[Step]
    mistake: str | None = None
    numbered: bool = True


def healthy(random: Random, order: str) -> list[Step]:
    """A run in order; its tools have the numbers that other runs' tools have as well."""
    steps = [Step("started")]
    waiting: list[int] = []
    for tool in range(random.randrange(5)):
        steps += [Step("thinking")] * random.randrange(2)
        steps.append(Step("tool_started", tool))
        waiting.append(tool)
        while waiting and (order == "strict" or random.random() < 0.5):
            steps.append(Step("tool_done", waiting.pop(random.randrange(len(waiting)))))
    random.shuffle(waiting)
    steps += [Step("tool_done", tool) for tool in waiting]
    return [Step(one.event, one.tool) for one in [*steps, Step("thinking"), Step("done")]]


def number(plan: Plan) -> None:
    for index, step in enumerate(plan.steps):
        step.number = index if plan.numbered else None


def plant(plan: Plan, mistake: str, random: Random, order: str) -> None:
    """Put one mistake into a healthy run."""
    plan.mistake = mistake
    steps = plan.steps
    if mistake == "IA301":
        del steps[0]
    elif mistake == "IA302":
        steps.append(Step(random.choice(["thinking", "tool_done", "started"]), 99))
    elif mistake == "IA303":
        tools = [index for index, step in enumerate(steps) if step.tool is not None]
        if tools:
            del steps[random.choice(tools)]
        else:
            steps.insert(1, Step(random.choice(["tool_started", "tool_done"]), 99))
    elif mistake == "IA304":
        del steps[-1]
    number(plan)
    if mistake == "IA305":
        index = random.randrange(len(steps))
        if plan.numbered:
            later = random.randrange(index + 1, len(steps) + 1)
        elif order == "overlapping" and steps[index].event == "tool_done":
            later = random.randrange(index + 1, len(steps))
        else:
            # Without numbers only an event that the order does not allow twice is known to have been sent twice.
            index = random.choice([0, len(steps) - 1])
            later = index + 1
        steps.insert(later, steps[index].again())


class Watched:
    """One auditor for all examples of an order; ``found`` has every finding of the protocol rules as (run, rule)."""

    def __init__(self, module, order: str) -> None:
        sink = {
            "target": f"{module.__name__}:Sink",
            "methods": {"send": "args.message.type"},
            "addressee": "args.user",
            "run": "args.message.run",
            "sequence": "args.message.seq",
            "pair": "args.message.tool",
            "layer": "sink",
        }
        protocols = {"agent": {"key": "run_id", "order": ORDERS[order]}}
        self.auditor = Auditor(parse_config({"emitters": [sink], "protocols": protocols}))
        self.found: list[tuple[str, str]] = []
        self._run = ""
        monitor = next(one for one in self.auditor.dispatch.monitors if isinstance(one, ProtocolMonitor))
        monitor.report = lambda code, *_words, **_more: self.found.append((self._run, code))
        self.first(Deviated, lambda seen: self._note(seen.deviation.run))
        self.first(Overdue, lambda seen: self._note(seen.run))

    def first(self, kind: type, handle) -> None:
        """Have it called before the monitors."""
        self.auditor.dispatch.handlers[kind] = (("test", handle), *self.auditor.dispatch.handlers[kind])

    def _note(self, run) -> None:
        self._run = run.id


@pytest.fixture(scope="module", params=list(ORDERS))
def watched(request):
    module = types.ModuleType("app_with_interleaved_runs")
    sys.modules[module.__name__] = module
    exec(compile(SOURCE, "app_with_interleaved_runs.py", "exec"), vars(module))
    watched = Watched(module, request.param)
    with watched.auditor:
        yield request.param, module.Sink(), watched
    del sys.modules[module.__name__]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    users=st.integers(2, 50),
    mistakes=st.lists(st.sampled_from(MISTAKES), max_size=10),
    seed=st.integers(0, 2**64),
)
def test_the_right_runs_are_blamed_for_what_was_planted(watched, users, mistakes, seed):
    order, sink, watched = watched
    random = Random(seed)
    plans = [Plan(healthy(random, order), numbered=random.random() < 0.5) for _ in range(users)]
    for plan in plans:
        number(plan)
    for plan, mistake in zip(random.sample(plans, users), mistakes, strict=False):
        plant(plan, mistake, random, order)
    example = next(EXAMPLE)
    names = [f"run-{example}-{index}" for index in range(users)]
    watched.found.clear()
    turns = [index for index, plan in enumerate(plans) for _step in plan.steps]
    random.shuffle(turns)
    left = [iter(plan.steps) for plan in plans]
    for index in turns:
        step = next(left[index])
        with user_scope(f"user-{index}"):
            sink.send(f"user-{index}", {"type": step.event, "run": names[index], "seq": step.number, "tool": step.tool})
    for index, name in enumerate(names):
        with user_scope(f"user-{index}", run_id=name):
            pass
    watched.auditor._publish_overdue(0.0)
    expected = [(name, plan.mistake) for name, plan in zip(names, plans, strict=True) if plan.mistake]
    assert sorted(watched.found) == sorted(expected)
    assert watched.auditor.runtime.barrier.total == 0
