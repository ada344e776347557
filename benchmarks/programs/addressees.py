"""Emits and sends of a python-socketio server; prints microseconds of each, as JSON.

``python -m benchmarks.programs.addressees bare|audited CLIENTS EMITS``. The packets go to nobody, so that only the
server's own work is measured. Texts name nobody.
"""

from __future__ import annotations

import asyncio
import json
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


def main(variant: str, clients: int, emits: int) -> None:
    """One variant."""
    figures = audited(clients, emits) if variant == "audited" else asyncio.run(measure(clients, emits))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
