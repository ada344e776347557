"""What a message of a chat costs: WebSocket rooms of five, one message at a time, and saturated by a hundred."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.programs.rooms import Room
from benchmarks.programs.servers import BARE, Server, Way, all_serving, ours, peers, receiver, serving, uvicorn
from benchmarks.rows import Effort, Measured, Row, at_least, at_most, measures
from benchmarks.timing import ROOT, clean_environment, in_turn, installed, shuffled_medians

if TYPE_CHECKING:
    from collections.abc import Callable

APP = "benchmarks.programs.web.room_app:app"
PEERS = ("opentelemetry", "ddtrace", "sentry", "sentry_without_traces")
MESSAGES = 600
BLOCKS = 7
SECONDS = 4.0
_MISSING = "starlette, uvicorn or websockets is not installed"


def processor(server: Server, runner: asyncio.Runner, messages: int) -> Callable[[], float]:
    """Measures the processor time of a message to the whole room."""
    room = Room(server.port)
    runner.run(room.enter())

    def block() -> float:
        before = server.spent()
        runner.run(room.talk(messages))
        return (server.spent() - before) / messages

    block()
    return block


@measures(
    "room",
    [
        Row("room_message_vs_bare", "processor time of a WebSocket message to five, no configuration", at_most(1.3)),
        *(Row(f"room_message_{peer}_vs_bare", f"under {peer.replace('_', ' ')}") for peer in PEERS),
        Row("room_message_bare_us", "bare", unit="us"),
    ],
)
def room(effort: Effort) -> Measured:
    """One message at a time."""
    if not installed("starlette", "uvicorn", "websockets", "sqlalchemy"):
        return Measured(missing={"room_message_vs_bare": _MISSING})
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        others = peers(stack.enter_context(receiver()), "starlette")
        missing = {f"room_message_{way.name}_vs_bare": way.missing for way in others if way.missing}
        ways = [BARE, ours(), *(way for way in others if not way.missing)]
        servers = stack.enter_context(all_serving(uvicorn(APP), ways, Path(name)))
        runner = stack.enter_context(asyncio.Runner())
        timed = {one: processor(server, runner, effort.times(MESSAGES)) for one, server in servers.items()}
        ratios = shuffled_medians(timed, effort.times(BLOCKS), "bare")
        bare = min(timed["bare"]() for _ in range(2))
    figures = {f"room_message_{one}_vs_bare": ratio for one, ratio in ratios.items() if one in PEERS}
    return Measured(figures | {"room_message_vs_bare": ratios["ours"], "room_message_bare_us": bare * 1e6}, missing)


@measures(
    "throughput",
    [
        Row(
            "ws_throughput_vs_bare",
            "messages a second of 100 connections in rooms of five, saturated, audited / bare",
            at_least(0.9),
        ),
        Row("ws_throughput_bare", "bare", unit="messages/s"),
    ],
)
def throughput(effort: Effort) -> Measured:
    """As many messages as the server takes."""
    if not installed("starlette", "uvicorn", "websockets", "sqlalchemy"):
        return Measured(missing={"ws_throughput_vs_bare": _MISSING})
    with tempfile.TemporaryDirectory() as name:

        def saturated(way: Way) -> float:
            with serving(uvicorn(APP), way, Path(name)) as server:
                seconds = max(0.5, SECONDS * min(1.0, effort.scale))
                command = [sys.executable, "-m", "benchmarks.programs.rooms", str(server.port), str(seconds)]
                done = subprocess.run(
                    command, stdout=subprocess.PIPE, check=True, env=clean_environment(), cwd=ROOT, timeout=60
                )
                return float(done.stdout)

        ways = {"bare": BARE, "ours": ours()}
        best = in_turn({one: (lambda way=way: saturated(way)) for one, way in ways.items()}, effort.times(2), best=max)
    return Measured({"ws_throughput_vs_bare": best["ours"] / best["bare"], "ws_throughput_bare": best["bare"]})
