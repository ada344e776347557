"""What very many users cost in memory: ten thousand of them, 300,000 events, hostile values among these.

Run it as ``python -m benchmarks.memory [--users N] [--events N] [--only ROW ...]``. The application is that of
``tests/test_hostile_users.py``. It runs bare and under the auditor, with one way out after the other, with all of them,
and once with an own id for each run. Each row tells what the process needs before it begins, which is what was
imported, and by how much it has grown in the end, in MB (10^6 bytes).

Ends with exit code 1 where the journal, Prometheus and OTLP together cost more than ``MOST`` above the bare program's
growth. What waits for a receiver or a store that is down is bounded, and comes on top.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.programs.servers import receiver

MOST: Final = 15.0
"""MB by which an audited process may grow more than the same without an auditor."""

APPLICATION: Final = Path(__file__).parents[1] / "tests" / "hostile_users.py"
NOBODY: Final = "127.0.0.1:9"
"""Where nothing listens."""

CONFIG: Final = APPLICATION.with_suffix(".toml")

PARTS: Final = {
    "journal": '[journal]\npath = "journal.jsonl"\n',
    "prometheus": "[prometheus]\nport = 0\n",
    "otlp": '[otlp]\nendpoint = "http://{receiver}"\nprotocol = "http/protobuf"\n',
    "otlp down": f'[otlp]\nendpoint = "http://{NOBODY}"\nprotocol = "http/protobuf"\n',
    "store down": f'[bindings]\nstore = "redis://{NOBODY}/0"\n',
}

ROWS: Final[dict[str, tuple[str, ...] | None]] = {
    "bare": None,
    "audited": (),
    **{name: (name,) for name in PARTS},
    "all but a store": ("journal", "prometheus", "otlp"),
    "all, the store down": ("journal", "prometheus", "otlp", "store down"),
    "all, both down": ("journal", "prometheus", "otlp down", "store down"),
    "a run for each event": ("journal", "prometheus", "otlp"),
}
JUDGED: Final = "all but a store"


@dataclass
class Row:
    """One run: MB before the first event, MB by which it grew, and what it counted."""

    began: float
    grown: float
    seconds: float
    evicted: dict[str, int]
    steps: list[float]


def measure(name: str, users: int, events: int, address: str) -> Row:
    """Run the application once."""
    parts = ROWS[name]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        shutil.copy(APPLICATION, folder / "hostile_users.py")
        (folder / "secrets.json").write_text(
            json.dumps([f"secret-{number:02d}-of-this-program" for number in range(40)])
        )
        written = [
            CONFIG.read_text(encoding="utf-8"),
            *(PARTS[part].replace("{receiver}", address) for part in parts or ()),
        ]
        (folder / "isolation-audit.toml").write_text("\n".join(written))
        runs = events if name == "a run for each event" else users
        command = [
            sys.executable,
            "-c",
            f"import hostile_users as a; a.main({users}, {events}, 'secrets.json', {runs})",
        ]
        if parts is not None:
            command = [sys.executable, "-m", "isolation_audit", "run", "--report", "out", "--", *command]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ISOLATION_AUDIT")}
        environment["ISOLATION_AUDIT_KEY"] = secrets.token_hex(16)
        begun = time.monotonic()
        done = subprocess.run(command, cwd=folder, env=environment, input=b"\n", capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: ended with {done.returncode}\n{done.stderr.decode(errors='replace')[-2_000:]}")
        told = json.loads(done.stdout)
        return Row(told["began"], told["grown"], time.monotonic() - begun, evicted(folder), told["steps"])


def evicted(folder: Path) -> dict[str, int]:
    """What full tables have let go, as the report counts it."""
    report = folder / "out" / "report.json"
    if not report.exists():
        return {}
    counts: dict[str, Any] = json.loads(report.read_text())["summary"]["evicted"]
    return {name: count for name, count in counts.items() if count}


def main() -> int:
    """Measure the rows, print each, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--only", action="append", choices=ROWS, help="this row; may be given several times")
    chosen = parser.parse_args()
    names = chosen.only or list(ROWS)
    print(f"{chosen.users:,} users, {chosen.events:,} events; MB of memory (RSS)")
    print(f"{'':24}{'idle':>8}{'grown':>8}{'more than bare':>16}{'seconds':>9}  after each tenth; let go")
    bare, wrong = 0.0, []
    with receiver() as address:
        for name in names:
            row = measure(name, chosen.users, chosen.events, address)
            bare = row.grown if name == "bare" else bare
            more = row.grown - bare
            steps = " ".join(f"{step:.1f}" for step in row.steps)
            print(
                f"{name:24}{row.began:8.1f}{row.grown:+8.1f}{more:+16.1f}{row.seconds:9.0f}  {steps}",
                row.evicted or "",
                flush=True,
            )
            if name == JUDGED and more > MOST:
                wrong.append(f"{name}: {more:+.1f} MB, allowed {MOST:+.1f} MB")
    for one in wrong:
        print(f"wrong: {one}")
    print("failed" if wrong else "passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
