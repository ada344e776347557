"""Runs one use of a library bare, audited, and audited with hooks that fail; prints what differs: ``sabotage.py NAME``.

Every hook of an integration, and every other interceptor of the audit, is made to raise: before it has done its work,
and after, so that what it has opened stays open. Each raises errors of all kinds in turn. The use must give what it
gives bare, log what it logs bare, and each error must be counted under the hook's place, no more and no less.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import itertools
import json
import logging
import sys
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from uses import ALL, current_user

from isolation_audit import integrations
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.instrument.barrier import inside
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.calls.receivers import OnlyFor
from isolation_audit.instrument.patching.targets import State
from isolation_audit.model import contexts
from isolation_audit.model.user_sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEPS = ("before", "after", "failed")
SECONDS = 60
"""Longer than any use takes, many times over."""


class AwkwardError(Exception):
    """An exception that can't be shown, compared or put into a set."""

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        raise RuntimeError("can't be shown")

    __repr__ = __eq__ = __str__  # type: ignore[assignment]


ERRORS = (
    RuntimeError,
    AttributeError,
    KeyError,
    StopIteration,
    StopAsyncIteration,
    RecursionError,
    MemoryError,
    TimeoutError,
    ConnectionResetError,
    AssertionError,
    AwkwardError,
    lambda text: ExceptionGroup(text, [ValueError(text)]),
)
"""All kinds that are held back. What is no ``Exception`` (KeyboardInterrupt, SystemExit, a cancellation) is not the
auditor's: it comes from a signal or from the application, and has to reach it; see ``tests/instrument/test_faults.py``.
"""


@dataclass(eq=False)
class Hook:
    """One point that an integration declares; what is placed later, or for configured targets, has no target."""

    integration: str
    target: str
    kind: str = ""
    steps: set[str] = field(default_factory=set)
    """Those that its class has; empty as long as it was not placed."""
    reached: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.target} {self.kind}".strip()


class Plan:
    """What hooks do in one audit: here, their work."""

    name = "audited"

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()

    def step(self, hook: Hook, step: str, point: Any, call: Any, *arguments: Any) -> Any:
        """One step of a hook."""
        hook.reached.add(step)
        return call(*arguments)

    def judge(self, auditor: Auditor) -> list[str]:
        """What is wrong with the auditor's own account of it."""
        told = auditor.runtime.barrier.counts
        eventually(lambda: told == self.struck)
        wrong = [] if told == self.struck else [f"counted {dict(told)}, raised {dict(self.struck)}"]
        findings = auditor.recorder.counts["IA903"]
        return wrong if findings == sum(told.values()) else [*wrong, f"IA903 {findings} times"]


class Failing(Plan):
    """Steps that raise; ``late`` when they have done their work, ``only`` in one hook."""

    def __init__(self, steps: tuple[str, ...], *, late: bool, first: int = 0, only: Hook | None = None) -> None:
        super().__init__()
        self.name = f"{'/'.join(steps)} fail{' late' if late else ''}{f' in {only}' if only else ''}"
        self._steps, self._late, self._only = steps, late, only
        self._errors = itertools.islice(itertools.cycle(ERRORS), first, None)
        self._lock = threading.Lock()

    def step(self, hook: Hook, step: str, point: Any, call: Any, *arguments: Any) -> Any:
        meant = step in self._steps and self._only in (None, hook)
        if self._late or not meant:
            result = super().step(hook, step, point, call, *arguments)
        if meant:
            hook.reached.add(step)
            with self._lock:
                self.struck[point.place] += 1
                error = next(self._errors)("inside the auditor")
            raise error
        return result


class SwitchedOff(Failing):
    """Every hook fails, and is switched off at once."""

    def __init__(self) -> None:
        super().__init__(STEPS, late=False)
        self.name += " and are switched off"

    def judge(self, auditor: Auditor) -> list[str]:
        return super().judge(auditor) if self.struck else ["nothing was struck"]


class Leaving(Plan):
    """At the ``at``-th step ``leave(auditor)`` runs on another thread, and is waited for."""

    auditor: Auditor

    def __init__(self, name: str, at: int, leave: Any) -> None:
        super().__init__()
        self.name = f"{name} at step {at}"
        self.steps = itertools.count(1)
        self._at, self._leave = at, leave

    def step(self, hook: Hook, step: str, point: Any, call: Any, *arguments: Any) -> Any:
        if next(self.steps) == self._at:
            thread = threading.Thread(target=self._leave, args=(self.auditor,))
            thread.start()
            thread.join()
        return super().step(hook, step, point, call, *arguments)


def stop(auditor: Auditor) -> None:
    """The end of the audit."""
    auditor.stop()


def half(auditor: Auditor) -> None:
    """Every second target is taken back; the audit goes on."""
    for watched in auditor.instrumentation.integrated[::2]:
        auditor.instrumentation.places.release(id(watched))


class Audits:
    """Audits whose hooks do as planned."""

    def __init__(self) -> None:
        self.hooks: dict[tuple[str, str, int], Hook] = {}
        self.later: dict[str, Hook] = {}
        self._plan = Plan()
        self._placed: Hook | None = None
        self._numbers: Counter[tuple[str, str]] = Counter()
        placing, add = integrations._placing, Probe.add
        integrations._placing = partial(self._placing, placing)  # type: ignore[assignment]
        Probe.add = lambda probe, point, barrier, calls: add(  # type: ignore[method-assign]
            probe, self._meddled(point), barrier, calls
        )

    def _placing(self, placing: Any, name: str, point: Any, places: Any) -> Any:
        number = self._numbers[name, point.target] = self._numbers[name, point.target] + 1
        hook = self.hooks.setdefault((name, point.target, number), Hook(name, point.target))
        apply = placing(name, point, places)

        def known(module: Any, target: Any) -> None:
            self._placed = hook
            try:
                apply(module, target)
            finally:
                self._placed = None

        return known

    def _meddled(self, point: Any) -> Any:
        own = vars(point)
        if any(type(own.get(step)) is partial for step in STEPS):
            return point  # it serves at several places
        kind = type(point._point if type(point) is OnlyFor else point)
        name = name_of(kind)
        hook = self._placed or self.later.setdefault(name, Hook("", ""))
        hook.kind = name
        for step in STEPS:
            # OfReceiver has its reader of the receiver for a step.
            if step in own or getattr(kind, step) is not getattr(Interceptor, step):
                hook.steps.add(step)
                setattr(point, step, partial(self._step, hook, step, point, getattr(point, step)))
        return point

    def _step(self, *arguments: Any) -> Any:
        return self._plan.step(*arguments)

    def run(self, use: Any, plan: Plan, faults: int = 1_000_000) -> tuple[Any, list[str]]:
        """What ``use`` gave under a plan, and what was wrong about the audit."""
        self._plan = plan
        self._numbers.clear()
        tables = {
            "ambient": {"contextvar": "uses:current_user"},
            "identity": {"detect": list(SOURCES)},
            "limits": {"faults": faults},
            "report": {"terminal": False},
            **getattr(use, "config", {}),
        }
        auditor = plan.auditor = Auditor(parse_config(tables))  # type: ignore[attr-defined]
        with auditor:
            seen = observed(use)
        wrong = plan.judge(auditor)
        self.states = {str(one.target): one.state for one in auditor.instrumentation.integrated}
        eventually(lambda: not inside)
        left = [len(auditor.instrumentation._patches), len(inside), sys.getprofile(), contexts.current_scope()]
        left.append(current_user.get())
        return seen, wrong if left == [0, 0, None, None, None] else [*wrong, f"left behind: {left}"]

    def unreached(self, name: str) -> list[str]:
        """Steps of hooks of one integration that no fault has reached, though its library is there."""
        own = [hook for key, hook in self.hooks.items() if key[0] == name]
        expected = (hook for hook in own if self.states[hook.target] is not State.ABSENT and importable(hook.target))
        found = [f"{hook}: never placed" for hook in expected if not hook.steps]
        home, shared = self._home(name)
        # Of a module of several integrations each has its own classes, and those that were placed.
        kinds: dict[str, list[Hook]] = {kind: [] for kind in interceptors(home) if not shared or kind in self.later}
        for hook in [*filter(attrgetter("steps"), own), *(self.later[kind] for kind in kinds if kind in self.later)]:
            found += [f"{hook}: {step}" for step in sorted(hook.steps - hook.reached - {"failed"})]
            kinds.setdefault(hook.kind, []).append(hook)
        for kind, hooks in kinds.items():
            if not hooks:
                found.append(f"{kind}: never placed")
            # Few calls of a library fail as well: one place is enough.
            if any("failed" in hook.steps for hook in hooks) and not any("failed" in hook.reached for hook in hooks):
                found.append(f"{kind}: failed")
        return found

    @staticmethod
    def _home(name: str) -> tuple[str, bool]:
        """The module of an integration, and whether it has others as well; the configured targets' is a package."""
        homes = {entry.name: entry.module for entry in metadata.entry_points(group=integrations.GROUP)}
        home = homes.get(name, "isolation_audit.targets")
        return home, list(homes.values()).count(home) > 1


def interceptors(home: str) -> Iterator[str]:
    """The classes of points that a module or a package has, but for those that others there are based on."""
    waiting = [Interceptor]
    while waiting:
        below = (kind := waiting.pop()).__subclasses__()
        waiting += below
        if home in (kind.__module__, kind.__module__.rpartition(".")[0]) and kind is not OnlyFor and not below:
            yield name_of(kind)


def name_of(kind: type) -> str:
    """The name of a class, with that of its file."""
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__qualname__}"


def importable(target: str) -> bool:
    """False where the library, or what this part of it needs, is not installed."""
    try:
        importlib.import_module(target.partition(":")[0])
    except ImportError:
        return False
    return True


def eventually(condition: Callable[[], bool]) -> None:
    """Wait a little for ``condition``: a worker's thread may still be in a hook when the use is over."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.01)


def observed(use: Any) -> Any:
    """What ``use`` gives, and what else it lets people see: errors that are logged, or end nowhere."""
    noise: Counter[str] = Counter()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
            noise[f"{record.name} {record.levelname} {error}".strip()] += 1

    def unraisable(given: Any) -> None:
        noise[f"unraisable {given.exc_type.__name__}"] += 1

    listening = Listening(logging.ERROR)
    logging.getLogger().addHandler(listening)
    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = threading.excepthook = unraisable
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", RuntimeWarning)  # coroutines that were never awaited
            result = use()
            gc.collect()  # what has failed, and nobody has asked, is told of now
        noise.update(str(one.message) for one in warned if issubclass(one.category, RuntimeWarning))
    finally:
        faulthandler.cancel_dump_traceback_later()
        sys.unraisablehook, threading.excepthook = before
        logging.getLogger().removeHandler(listening)
    return json.loads(json.dumps([result, noise], sort_keys=True))


def sabotaged(name: str, *, each: bool) -> dict[str, Any]:
    """All runs of one use; ``each``: more of them, and with one failing hook at a time."""
    use = ALL[name]
    use()  # imports what it needs, and fills the libraries' own caches
    bare = observed(use)
    audits, wrong = Audits(), []
    if observed(use) != bare:
        wrong.append(f"differs from run to run: {observed(use)}, {bare}")

    def run(plan: Plan, **options: Any) -> None:
        seen, trouble = audits.run(use, plan, **options)
        wrong.extend(f"{plan.name}: {one}" for one in trouble)
        if seen != bare:
            wrong.append(f"{plan.name}: {seen} instead of {bare}")

    run(Plan())
    silent, every = audits.unreached(name), [*audits.hooks.values(), *audits.later.values()]
    own = [hook for hook in every if hook.reached and hook.integration == name] or list(audits.later.values())
    for hook in every:
        hook.reached.clear()
    for first, late in itertools.product(range(0, len(ERRORS) if each else 1, 5), (False, True)):
        run(Failing(("before",), late=late, first=first))
        run(Failing(("after", "failed"), late=late, first=first))
    unreached = audits.unreached(name)
    run(SwitchedOff(), faults=1)
    counting = Leaving("", 0, stop)
    run(counting)
    steps = next(counting.steps) - 1
    stride = max(1, steps // (20 if each else 2))
    for at in range(1, steps + 1, stride):
        run(Leaving("stopped", at, stop))
        run(Leaving("half removed", at, half))
    if each:
        for hook, late in itertools.product(own, (False, True)):
            for some in (("before",), ("after", "failed")):
                run(Failing(some, late=late, only=hook))
    return {"wrong": wrong, "unreached": sorted({*unreached, *silent}), "hooks": sorted(map(str, own))}


if __name__ == "__main__":
    print(json.dumps(sabotaged(sys.argv[1], each="each" in sys.argv), indent=1))
