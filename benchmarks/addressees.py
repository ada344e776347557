"""What it costs to know who receives something, for each emit and each send: bare beside audited, in one process.

Run it as ``python benchmarks/addressees.py [EMITS]``. A python-socketio server has as many clients as the line says.
The packets go to nobody, so that only the server's own work is measured. Rows: to its own user (the usual case), to a
room of ten, to everyone; a Starlette WebSocket that is sent a text; and a blinker signal that one function hears, or
ten users' listeners. Texts name nobody.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
import time
import tomllib
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import socketio
from blinker import Signal
from starlette.websockets import WebSocket

from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
TEXT = "the quick brown fox jumps over the lazy dog; " * 23
ROUNDS = 3
BATCHES = 5


class Server:
    """A server whose clients are users, and a WebSocket of the first one."""

    def __init__(self, clients: int) -> None:
        self.server = socketio.AsyncServer(async_mode="asgi", async_handlers=False)
        self.server._send_eio_packet = self._dropped
        self.clients = clients
        self.sids: list[str] = []
        self.heard_by_all, self.heard_by_ten = Signal(), Signal()
        self.websocket = WebSocket({"type": "websocket", "headers": []}, self._connected, self._dropped)

        @self.server.event
        async def connect(sid: str, _environ: Any) -> None:
            current_user.set(f"member-{len(self.sids):06}")
            self.sids.append(sid)

    async def _dropped(self, *_packet: Any) -> None:
        pass

    async def _connected(self) -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def fill(self) -> None:
        """Let everybody in."""
        for number in range(self.clients):
            await self.server._handle_eio_connect(f"transport-{number}", {})
            await self.server._handle_eio_message(f"transport-{number}", "0")
        for sid in self.sids[:10]:
            await self.server.enter_room(sid, "ten")
        copy_context().run(lambda: (current_user.set(None), self.heard_by_all.connect(hear)))
        for number in range(10):
            current_user.set(f"member-{number:06}")
            self.heard_by_ten.connect(lambda sender, number=number, **event: hear(number, **event), weak=False)
        current_user.set("member-000000")
        await self.websocket.accept()

    def cases(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is measured."""
        emit, own = self.server.emit, self.sids[0]
        return {
            "emit to its own user": lambda: emit("news", TEXT, to=own),
            "emit to a room of 10": lambda: emit("news", TEXT, room="ten"),
            "emit to everyone": lambda: emit("news", TEXT),
            "websocket.send_text": lambda: self.websocket.send_text(TEXT),
            "signal, heard by all": lambda: signal(self.heard_by_all),
            "signal, heard by 10 users": lambda: signal(self.heard_by_ten),
        }


def hear(sender: object, **event: str) -> None:
    """What a listener does."""


async def signal(bus: Signal) -> None:
    """Tell its listeners."""
    bus.send("office", text=TEXT)


async def measure(clients: int, emits: int) -> dict[str, float]:
    """Microseconds for each case."""
    server = Server(clients)
    await server.fill()
    figures = {}
    for name, call in server.cases().items():
        number = max(3, emits // clients) if "everyone" in name else emits
        best = float("inf")
        for _ in range(BATCHES):
            begun = time.process_time()
            for _ in range(number):
                await call()
            best = min(best, time.process_time() - begun)
        figures[name] = best / number * 1e6
    return figures


def audited(clients: int, emits: int) -> dict[str, float]:
    """The same under an auditor that watches nothing else."""
    others = "".join(f"{name} = false\n" for name in ("contexts", "payloads", "caches", "pools"))
    config = parse_config(tomllib.loads(f'[ambient]\ncontextvar = "__main__:current_user"\n[watch]\n{others}'))
    with Auditor(config) as auditor:
        figures = asyncio.run(measure(clients, emits))
    summary = auditor.snapshot()["summary"]
    assert not summary["faults"], summary
    assert set(summary["findings"]) <= {"IA904"}, summary
    return figures


def main() -> None:
    """Measure bare and audited in turn, each time in a process of its own, and print the best of each."""
    emits = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    if len(sys.argv) > 2:
        clients = int(sys.argv[3])
        figures = audited(clients, emits) if sys.argv[2] == "audited" else asyncio.run(measure(clients, emits))
        print(json.dumps(figures))
        return
    print(f"CPython {platform.python_version()}, texts of 1 KB, best of {ROUNDS} times {BATCHES}, us of processor time")
    print(f"{'clients':>8}  {'':28}{'bare':>9}{'audited':>9}{'added':>8}{'ratio':>7}")
    for clients in (10, 1_000):
        best: dict[str, dict[str, float]] = {"bare": {}, "audited": {}}
        for _ in range(ROUNDS):
            for variant, kept in best.items():
                command = [sys.executable, __file__, str(emits), variant, str(clients)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                for name, figure in json.loads(done.stdout).items():
                    kept[name] = min(kept.get(name, figure), figure)
        for name, figure in best["bare"].items():
            now = best["audited"][name]
            print(f"{clients:8}  {name:28}{figure:9.1f}{now:9.1f}{now - figure:8.1f}{now / figure:7.2f}")


if __name__ == "__main__":
    main()
