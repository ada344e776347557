"""``python -m benchmarks``: measure all parts, each in a process of its own, and print a table beside the goals."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.parts import MODULES
from benchmarks.rows import PARTS, Effort, Measured, Part
from benchmarks.table import show
from benchmarks.timing import ROOT, clean_environment

LONGEST = 240
"""Seconds that one part may take."""

for _name in MODULES:
    importlib.import_module(f"benchmarks.parts.{_name}")


def chosen(only: list[str], *, everything: bool) -> list[Part]:
    """The parts that are asked for, by their name or by a piece of one of their rows' keys."""
    parts = [part for part in PARTS.values() if everything or not part.detail]
    if not only:
        return parts
    found = [
        part
        for part in PARTS.values()
        if any(word == part.name or any(word in row.key for row in part.rows) for word in only)
    ]
    exact = [part for part in found if part.name in only]
    return exact if len(exact) == len(only) else found


def measure(part: Part, effort: Effort) -> Measured:
    """One part, in this process."""
    return part.measure(effort)


def measure_apart(part: Part, effort: Effort) -> Measured:
    """One part, in a process of its own: what it imports and patches is gone after it."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "figures.json")
        command = [sys.executable, "-m", "benchmarks", "--part", part.name, "--scale", str(effort.scale)]
        try:
            done = subprocess.run(
                [*command, "--json", str(answer)],
                cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False, timeout=LONGEST,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Measured(missing={row.key: f"not done after {LONGEST} s" for row in part.rows})
        if done.returncode or not answer.exists():
            print(done.stderr[-3000:], file=sys.stderr)
            reason = (done.stderr.strip().splitlines() or ["it ended without an answer"])[-1]
            return Measured(missing={row.key: f"failed: {reason}" for row in part.rows})
        told = json.loads(answer.read_text(encoding="utf-8"))
        return Measured(told["figures"], told["missing"])


def document(parts: list[Part], results: dict[str, Measured], seconds: float) -> dict[str, Any]:
    """All figures, in the form that a script reads: each row with its goal and whether it is met."""
    rows: dict[str, Any] = {}
    for part in parts:
        for row in part.rows:
            figure = results[part.name].figures.get(row.key)
            rows[row.key] = {
                "part": part.name,
                "what": row.what,
                "unit": row.unit,
                "value": figure,
                "goal": row.goal and str(row.goal),
                "met": None if row.goal is None or figure is None else row.goal.met(figure),
                "missing": results[part.name].missing.get(row.key, "" if figure is not None else "not measured"),
            }
    about = {
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "load": round(os.getloadavg()[2], 1),
        "processors": os.cpu_count(),
    }
    return {"schema": 1, **about, "rows": rows}


def main(words: list[str] | None = None) -> int:
    """Measure and show; 0 also where goals are missed: a figure is reported as it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="a part, or a piece of a row's key")
    parser.add_argument("--all", action="store_true", help="also the parts that explain others")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--list", action="store_true", help="list parts and rows, and measure nothing")
    parser.add_argument("--scale", type=float, default=0.75, help="more or fewer rounds; as it is, less than 5 min")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    effort = Effort(options.scale)
    if options.part:
        options.json.write_text(json.dumps(asdict(measure(PARTS[options.part], effort))), encoding="utf-8")
        return 0
    parts = chosen(options.only, everything=options.all)
    if not parts:
        parser.error("no part and no key has such a name; see --list")
    if options.list:
        for part in parts:
            print(f"{part.name}{' (with --all, or by its name)' if part.detail else ''}")
            for row in part.rows:
                print(f"  {row.key:48} {row.goal or ''!s:9} {row.what}")
        return 0
    began = time.perf_counter()
    results = {}
    for part in parts:
        start = time.perf_counter()
        results[part.name] = measure_apart(part, effort)
        print(f"{part.name}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    told = document(parts, results, time.perf_counter() - began)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    show(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
