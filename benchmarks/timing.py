"""Clocks: calls in one process, in turn and best of many; and the processor time of other processes."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""


def installed(*modules: str) -> bool:
    """Whether all of them can be imported."""
    try:
        return all(importlib.util.find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # the package around one of them
        return False


def interleaved(timed: Mapping[str, Callable[[], object]], rounds: int, calls: Mapping[str, int]) -> dict[str, float]:
    """Best nanoseconds of processor time a call of each. A ``timed`` function makes ``calls`` calls.

    All take turns, round after round: a slow moment of the machine does not fall on one alone. Each round begins with
    another one: whoever comes first, after the collection, takes a tenth longer. The processor's clock does not run
    while other programs do.
    """
    best, names = dict.fromkeys(timed, float("inf")), list(timed)
    was_on = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                run = timed[name]
                start = time.process_time_ns()
                run()
                best[name] = min(best[name], (time.process_time_ns() - start) / calls[name])
            gc.collect()
    finally:
        if was_on:
            gc.enable()
    return best


def processor_ns(run: Callable[[], object]) -> int:
    """Nanoseconds of processor time of one call, with nothing left to collect from before."""
    gc.collect()
    start = time.process_time_ns()
    run()
    return time.process_time_ns() - start


def in_turn(
    commands: Mapping[str, Callable[[], float]], rounds: int, *, best: Callable[..., float] = min
) -> dict[str, float]:
    """The best figure of each, as each gives it; all take turns, round after round."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, measure in commands.items():
            found[name].append(measure())
    return {name: best(figures) for name, figures in found.items()}


def shuffled_medians(measure: Mapping[str, Callable[[], float]], blocks: int, bare: str) -> dict[str, float]:
    """The median of each one's ratio to ``bare`` in the same block; the order in a block is drawn anew each time."""
    draw = random.Random(1)
    ratios: dict[str, list[float]] = {name: [] for name in measure}
    for _ in range(blocks):
        names = list(measure)
        draw.shuffle(names)
        figures = {name: measure[name]() for name in names}
        for name, figure in figures.items():
            ratios[name].append(figure / figures[bare])
    return {name: statistics.median(of_one) for name, of_one in ratios.items()}


def figures_in_turn(
    commands: Mapping[str, Sequence[str]], rounds: int, environment: Mapping[str, str] | None = None
) -> dict[str, dict[str, float]]:
    """By name of a program of ours, the smallest of each figure that it prints as JSON; all take turns."""
    best: dict[str, dict[str, float]] = {name: {} for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            for key, figure in json.loads(output_of(*words, environment=environment)).items():
                best[name][key] = min(best[name].get(key, figure), figure)
    return best


def printed(*words: str) -> float:
    """The number that a program of ours prints last."""
    return float(output_of(*words).split()[-1])


def output_of(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program of ours prints.

    Raises:
        RuntimeError: it fails.
    """
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT, env=clean_environment() | dict(environment or {}),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """This process's variables, but for those that switch an auditor or a peer on; our package can be imported."""
    switched = ("ISOLATION_AUDIT", "PYTHON", "OTEL_", "DD_", "SENTRY_", "AGENT_CHAT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(switched)}
    return kept | {"PYTHONPATH": str(ROOT)}


def children_spent() -> float:
    """Seconds of processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_session(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except OSError:  # it has ended
                continue
    return found


def spent_by(processes: Iterable[int]) -> float:
    """Seconds of processor time that living processes have taken, all their threads together."""
    total = 0.0
    for process in processes:
        try:
            # Linux gives each process a clock of its own, counted in nanoseconds (see clock_getcpuclockid(3)).
            total += time.clock_gettime((~process << 3) | 2)
        except OSError:  # it has ended
            continue
    return total


def memory_of(processes: Iterable[int]) -> float:
    """MB of memory: what several processes share is divided among them."""
    total = 0
    for process in processes:
        try:
            rows = Path("/proc", str(process), "smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1024
