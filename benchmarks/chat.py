"""What the mechanisms cost a whole application: processor time an event of the example chat, audited against bare.

Run it as ``python benchmarks/chat.py [ROUNDS]``. The chat is driven in two ways, with no targets but its ContextVar:
``in process``, through its ASGI interface and nothing else in between, and ``served`` by uvicorn to clients in another
process, whose time does not count. Every measurement is a process of its own; the variants take turns, round after
round, and each keeps its best. What importing and patching leave behind is collected before the clock starts: a full
collection, which these few thousand events may or may not set off, costs as much as a tenth of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import subprocess
import sys
import time
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[1] / "examples" / "agent_chat"
USERS = 20
QUESTIONS = 25
AMBIENT = '[ambient]\ncontextvar = "agent_chat.auth:current_user"\n'


class User:
    """One connection: what the application receives from it, and how many events it was sent."""

    def __init__(self, app: Any, token: str) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events = 0
        self._over = asyncio.Event()
        scope = {
            "type": "websocket",
            "path": "/ws",
            "query_string": f"token={token}".encode(),
            "headers": [],
            "subprotocols": [],
        }
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.running = asyncio.create_task(app(scope, self.incoming.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        if '"agent_completed"' in message.get("text", ""):
            self._over.set()
        self.events += message["type"] == "websocket.send"

    async def ask(self, number: int) -> None:
        """Ask, and wait for the end of the answer."""
        self._over.clear()
        question = {"type": "ask", "text": f"what is in my report number {number}?"}
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(question)})
        await self._over.wait()

    async def leave(self) -> None:
        """Close the connection."""
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.running


async def served() -> float:
    """Microseconds of the server's processor time an event; logging in and connecting included."""
    import uvicorn
    from agent_chat.app import create_app
    from agent_chat.settings import Settings

    app = create_app(Settings(batch_size=USERS, batch_window=60.0))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn says it no other way
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    command = [sys.executable, "-m", "agent_chat.clients", "--url", f"http://127.0.0.1:{port}", "--json"]
    command += ["--users", str(USERS), "--questions", str(QUESTIONS)]
    gc.collect()
    begun = time.process_time()
    clients = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=EXAMPLE)
    output, _ = await clients.communicate()
    spent = time.process_time() - begun
    server.should_exit = True
    await running
    return spent / json.loads(output)["events_total"] * 1e6


async def in_process() -> float:
    """Microseconds of processor time an event."""
    from agent_chat.app import create_app
    from agent_chat.auth import issue_token, user_id_for
    from agent_chat.settings import Settings

    settings = Settings(batch_size=USERS, batch_window=60.0)
    app = create_app(settings)
    users = [User(app, issue_token(user_id_for(f"user{number}"), settings.secret)) for number in range(USERS)]
    await asyncio.gather(*(user.ask(0) for user in users))
    gc.collect()
    before, begun = sum(user.events for user in users), time.process_time()
    for number in range(QUESTIONS):
        await asyncio.gather(*(user.ask(number) for user in users))
    spent = time.process_time() - begun
    events = sum(user.events for user in users) - before
    await asyncio.gather(*(user.leave() for user in users))
    return spent / events * 1e6


WAYS = {"in process": in_process, "served": served}


def measure(way: str, watch: str) -> None:
    """One measurement, in this process: ``bare``, or the names of the mechanisms that are on."""
    sys.path.insert(0, str(EXAMPLE))
    if watch == "bare":
        print(asyncio.run(WAYS[way]()))
        return
    import isolation_audit
    from isolation_audit.config import parse_config

    switches = "".join(f"{name} = {str(name in watch.split('+')).lower()}\n" for name in names())
    config = parse_config(tomllib.loads(f"{AMBIENT}[report]\nterminal = false\n[watch]\n{switches}"))
    auditor = isolation_audit.instrument(config)
    figure = asyncio.run(WAYS[way]())
    summary = auditor.snapshot()["summary"]
    assert not summary["findings"], summary
    assert not summary["faults"], summary
    print(figure)


def names() -> list[str]:
    """The mechanisms."""
    from isolation_audit.config.model import Watch

    return [field.name for field in fields(Watch)]


def main() -> None:
    """Measure all variants in turn and print them side by side."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], sys.argv[2])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    variants = ["bare", "none", *names(), "+".join(names())]
    print(f"CPython {platform.python_version()}, {USERS} users, processor time an event, best of {rounds}")
    for way in WAYS:
        best = dict.fromkeys(variants, float("inf"))
        for _ in range(rounds):
            for variant in variants:
                command = [sys.executable, __file__, way, variant]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                best[variant] = min(best[variant], float(done.stdout))
        for variant, figure in best.items():
            name = "all" if "+" in variant else variant
            print(f"{way:12}{name:12}{figure:8.1f} us {figure / best['bare']:6.2f} x bare")


if __name__ == "__main__":
    main()
