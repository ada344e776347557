"""Ten million events of many workers with fifty crossings in them: ``investigate`` finds all of them and no other.

Run it as ``python benchmarks/blast_radius.py [--events N] [--folder DIR]``. It writes the journals, asks them, and asks
the same of pandas, each in a process of its own; prints seconds and the highest memory of each. Ends with exit code 1
where an answer is not exactly what was planted.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.journal_lines import line

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = 50
WORKERS = 8
USERS = 10_000
IN_WORK = 10
"""Events of a piece of work."""

BEGAN = 1_780_000_000.0
CHUNK = 200_000
"""Lines that pandas reads at a time: all at once they would need more memory than there is."""

Pairs = dict[tuple[str, str], tuple[int, float, float, str, int]]
"""By sender and receiver: times, first, last, first run, events of that work."""


def write(folder: Path, events: int, seed: int = 1) -> Pairs:
    """The journals of all workers, and what was planted in them."""
    chance = random.Random(seed)
    units = events // IN_WORK
    crossed = set(chance.sample(range(units), PLANTED))
    planted: Pairs = {}
    for worker in range(WORKERS):
        with (folder / f"w{worker}.jsonl").open("wb") as file:
            mine = range(worker, units, WORKERS)
            for seq, record in enumerate(_records(worker, mine, crossed, planted, chance), 1):
                file.write(line({**record, "worker": f"w{worker}", "seq": seq}))
    return planted


def _records(
    worker: int, units: range, crossed: set[int], planted: Pairs, chance: random.Random
) -> Iterator[dict[str, Any]]:
    yield {"kind": "start", "at": BEGAN, "schema": 1, "host": f"host-{worker % 3}", "pid": worker, "key": "k"}
    for unit in units:
        user, at = f"user-{chance.randrange(USERS):012x}", BEGAN + unit / 50
        place = {"run": f"run-{unit:012x}", "unit": f"{unit:016x}", "trace": f"{unit:032x}"}
        if unit in crossed:
            other = f"user-{chance.randrange(USERS, 2 * USERS):012x}"
            planted[user, other] = (1, at, at, place["run"], IN_WORK)
            yield _crossing("crossing", at, user, other, place)
        for number in range(IN_WORK):
            told = {"event": "answer", "layer": "emitter", "user": user}
            yield {"kind": "event", "at": at + number / 1000, **told, **place}
        yield {"kind": "unit", "at": at + 0.1, "began": at, "events": IN_WORK, "user": user, **place}


def _crossing(kind: str, at: float, sender: str, receiver: str, place: dict[str, str]) -> dict[str, Any]:
    told = {"rule": "IA202", "severity": "error", "fingerprint": f"{hash(sender) % 5:016x}", "route": "GET /chat"}
    told |= {"target": "shop:Emitter", "event": "answer", "place": "shop.py:3 in ask"}
    return {"kind": kind, "at": at, "sender": sender, "receiver": receiver, **told, **place}


def with_investigate(folder: Path) -> Pairs:
    """The answer of the command."""
    from isolation_audit.investigate.database import of_files
    from isolation_audit.investigate.questions import Wanted, ask

    with of_files([folder]) as (lines, damaged):
        answers = ask(lines, Wanted(), damaged)
    assert not answers.doubts(), answers.doubts()
    return {
        (one.sender, one.receiver): (one.times, one.first, one.last, one.first_run or "", one.events or 0)
        for one in answers.exposures
    }


def with_pandas(folder: Path) -> Pairs:
    """The same by data frames: crossings first, then the events of their work."""
    import pandas as pd

    def chunks() -> Iterator[pd.DataFrame]:
        for file in sorted(folder.glob("*.jsonl")):
            with pd.read_json(file, lines=True, chunksize=CHUNK, dtype=False, convert_dates=False) as reader:
                yield from reader

    crossings, events = [], []
    for chunk in chunks():
        crossings.append(chunk[chunk.kind == "crossing"])
        events.append(chunk[chunk.kind == "event"].groupby("unit").size())
    found = pd.concat(crossings).sort_values("at")
    counts = pd.concat(events).groupby(level=0).sum()
    found["events"] = found.unit.map(counts)
    grouped = found.groupby(["sender", "receiver"])
    told = grouped.agg(
        times=("at", "size"), first=("at", "min"), last=("at", "max"), run=("run", "first"), n=("events", "sum")
    )
    return {
        (str(one[0]), str(one[1])): (int(row.times), float(row["first"]), float(row["last"]), str(row.run), int(row.n))
        for one, row in told.iterrows()
    }


ASKED = {"investigate": with_investigate, "pandas": with_pandas}


def _apart(name: str, folder: Path) -> dict[str, Any]:
    """One of them in a process of its own."""
    command = [sys.executable, __file__, "--ask", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _ask(name: str, folder: Path) -> None:
    began = time.perf_counter()
    found = ASKED[name](folder)
    seconds, cpu = time.perf_counter() - began, time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [[*pair, *told] for pair, told in sorted(found.items())]
    json.dump({"seconds": seconds, "cpu": cpu, "memory": memory, "rows": rows}, sys.stdout)


def main() -> int:
    """Write, ask, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--ask", choices=ASKED)
    options = parser.parse_args()
    if options.ask:
        _ask(options.ask, options.folder)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        began = time.perf_counter()
        planted = [[*pair, *told] for pair, told in sorted(write(folder, options.events).items())]
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{options.events:,} events, {size / 1e9:.2f} GB, written in {time.perf_counter() - began:.0f} s")
        right = len(planted) == PLANTED
        for one in ASKED:
            told = _apart(one, folder)
            same = told["rows"] == planted
            right = right and same
            figures = f"{told['seconds']:7.1f} s ({told['cpu']:.1f} s of CPU) {told['memory']:7.0f} MiB"
            verdict = "all that were planted and no other" if same else "NOT what was planted"
            print(f"{one:12} {figures}  {len(told['rows'])} crossings, {verdict}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
