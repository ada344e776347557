"""The example chat under load in this process; prints microseconds of processor time an event.

``python -m benchmarks.programs.chat in_process|served WAY``: a way is ``bare``, ``configured``, ``unconfigured``, a
wrapper (``wrapt``, ``opentelemetry``), or mechanisms (``pools+caches``).
What importing and patching leave behind is collected before the clock starts: a full collection, which these few
thousand events may or may not set off, costs as much as a tenth of them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import subprocess
import sys
import time
import tomllib
from dataclasses import fields
from fnmatch import fnmatch
from typing import Any

from benchmarks.programs import wrappers
from benchmarks.timing import ROOT

EXAMPLE = ROOT / "examples" / "agent_chat"
USERS = 20
QUESTIONS = 25
AMBIENT = '[ambient]\ncontextvar = "agent_chat.auth:current_user"\n[report]\nterminal = false\n'


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
    """Through uvicorn, to clients in another process whose time does not count; logging in and connecting included."""
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
    """Through its ASGI interface and nothing else in between."""
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


def wrap_targets(wrap: Any) -> None:
    """Wrap what the example's configuration watches: what its emitters' methods, engines and scopes are."""
    config = tomllib.loads((EXAMPLE / "isolation-audit.toml").read_text(encoding="utf-8"))
    wrapped = set()
    for entry in [*config["emitters"], *config["engines"], *config["scopes"]]:
        module, _, names = entry["target"].partition(":")
        owner, _, method = names.partition(".")
        of_class = getattr(importlib.import_module(module), owner)
        globs = [method] if method else list(entry.get("methods", {"__init__": ""}))
        for name, value in list(vars(of_class).items()):
            if (of_class, name) not in wrapped and callable(value) and any(fnmatch(name, glob) for glob in globs):
                wrapped.add((of_class, name))
                setattr(of_class, name, wrap(value))
    if not wrapped:
        raise LookupError("nothing to wrap")


def audit(way: str) -> Any:
    """Begin the audit in its way; gives the auditor."""
    import isolation_audit
    from isolation_audit.config import load_config, parse_config
    from isolation_audit.config.model import Watch

    if way == "configured":
        return isolation_audit.instrument(load_config(EXAMPLE / "isolation-audit.toml"))
    chosen = way.split("+")
    names = [field.name for field in fields(Watch)]
    switches = "".join(f"{name} = {str(name in chosen or way == 'unconfigured').lower()}\n" for name in names)
    return isolation_audit.instrument(parse_config(tomllib.loads(f"{AMBIENT}[watch]\n{switches}")))


def main(driven: str, way: str) -> None:
    """One measurement."""
    sys.path.insert(0, str(EXAMPLE))
    drive = {"in_process": in_process, "served": served}[driven]
    auditor = None
    if way in wrappers.MODULES:
        wrap_targets(wrappers.available()[way])
    elif way != "bare":
        auditor = audit(way)
    figure = asyncio.run(drive())
    if auditor is not None:
        summary = auditor.snapshot()["summary"]
        assert not summary["findings"], summary
        assert not summary["faults"], summary
        assert way != "configured" or summary["events_total"] > USERS * QUESTIONS, summary
    print(figure)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
