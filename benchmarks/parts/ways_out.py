"""What the application notices of a receiver that is down, slow or mad, and of a disk that is full: nothing."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.parts.web_requests import FASTAPI
from benchmarks.programs.servers import free_port, receiver
from benchmarks.rows import Effort, Measured, Row, at_least, at_most, measures
from benchmarks.timing import figures_in_turn, installed

TROUBLES = ("down", "slow", "garbage", "disk full")
FULL = Path("/dev/full")
UNNOTICED = at_most(1.05)
ROUNDS = 4
BLOCKS = 12


def otlp(address: str) -> str:
    """Spans and log records go there."""
    return f'\n[otlp]\nendpoint = "http://{address}"\nprotocol = "http/protobuf"\ntimeout = 1.0\n'


def journal(path: Path) -> str:
    """Findings, crossings and events go there."""
    return f'\n[journal]\npath = "{path}"\n'


@measures(
    "ways_out",
    [
        *(Row(f"request_p50[{trouble}]_vs_well", "a request / where all is well", UNNOTICED) for trouble in TROUBLES),
        *(Row(f"request_p95[{trouble}]_vs_well", "one of the slowest 5 % / the same") for trouble in TROUBLES),
        *(Row(f"lost[{trouble}]", "told as lost", at_least(1), unit="records") for trouble in ("down", "garbage")),
        Row("lost[disk full]", "told as lost", at_least(1), unit="lines"),
    ],
    detail=True,
)
def ways_out(effort: Effort) -> Measured:
    """FastAPI with SQLAlchemy in one process; each way out in its turn."""
    rows = [f"request_p{part}[{trouble}]_vs_well" for part in (50, 95) for trouble in TROUBLES]
    if not installed(*FASTAPI.modules, "httpx", "opentelemetry.exporter.otlp.proto.http") or not FULL.exists():
        return Measured(missing=dict.fromkeys(rows, "FastAPI, httpx, OTLP's exporter or /dev/full is not there"))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        lines = Path(name) / "journal.jsonl"
        there = {mood: stack.enter_context(receiver(mood)) for mood in ("well", "slow", "garbage")}
        there["down"] = f"127.0.0.1:{free_port()}"
        configured = {mood: otlp(address) + journal(lines) for mood, address in there.items()}
        configured["disk full"] = otlp(there["well"]) + journal(FULL)
        program = ("-m", "benchmarks.programs.ways_out")
        commands = {name: (*program, told, str(effort.times(BLOCKS))) for name, told in configured.items()}
        best = figures_in_turn(commands, effort.times(ROUNDS))
    figures = {
        f"request_p{part}[{trouble}]_vs_well": best[trouble][f"p{part}_ms"] / best["well"][f"p{part}_ms"]
        for part in (50, 95)
        for trouble in TROUBLES
    }
    return Measured(figures | {f"lost[{one}]": best[one]["lost"] for one in ("down", "garbage", "disk full")})
