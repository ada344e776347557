"""What a message to a room and an agent's answer cost, in calls of our functions: ceilings, as in ``test_calls.py``.

In a process of its own: what is asked depends on the variables and hooks that other tests have left.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from counted_calls import Calls

from isolation_audit import Auditor
from isolation_audit.config import Config, parse_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CEILINGS = {"message to a room of five": 155, "answer of four events": 550}

SOURCE = """
import json
from dataclasses import dataclass

@dataclass
class Context:
    user_id: str
    run_id: str

class Sink:
    def __init__(self): self.sockets = {}
    async def send_to_user(self, user_id, message): await self.sockets[user_id].send_text(json.dumps(message))

class Bridge:
    def __init__(self, sink): self.sink = sink
    async def notify(self, kind, run_id, user_id, data, seq):
        await self.sink.send_to_user(user_id, {"type": kind, "run_id": run_id, "data": data, "seq": seq})

class Emitter:
    def __init__(self, context, bridge): self.context, self.bridge = context, bridge
    async def emit(self, kind, data, seq):
        await self.bridge.notify(kind, self.context.run_id, self.context.user_id, data, seq)

class Engine:
    def __init__(self, context, bridge): self.context, self.emitter = context, Emitter(context, bridge)
    async def answer(self, question):
        for seq, kind in enumerate(("started", "thinking", "thinking", "completed")):
            await self.emitter.emit(kind, {"question": question, "step": kind}, seq)
"""

CONFIG = """
[report]
terminal = false
[ambient]
contextvar = "counted_chat:current_user"
[identity]
bind = { run_id = "run_id" }
[[engines]]
target = "counted_chat:Engine"
owner = ["args.context.user_id", "self.context.user_id"]
[[emitters]]
target = "counted_chat:Emitter"
layer = "emitter"
owner = ["self.context.user_id"]
methods = { emit = "args.kind" }
payload = ["args.data"]
sequence = ["args.seq"]
[[emitters]]
target = "counted_chat:Bridge"
layer = "bridge"
addressee = ["args.user_id", "run_id:args.run_id"]
methods = { notify = "args.kind" }
payload = ["args.data"]
run = ["args.run_id"]
sequence = ["args.seq"]
[[emitters]]
target = "counted_chat:Sink"
layer = "sink"
addressee = ["args.user_id"]
methods = { send_to_user = "args.message.type" }
payload = ["args.message.data"]
run = ["args.message.run_id"]
sequence = ["args.message.seq"]
[[scopes]]
target = "counted_chat:Engine.answer"
user = ["self.context.user_id"]
[protocols.run]
key = "run_id"
order = "started thinking* completed"
"""


class Member:
    """One WebSocket, through the application's ASGI interface."""

    def __init__(self, app: Any, name: str) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent = 0
        headers = [(b"x-forwarded-user", name.encode())]
        scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": headers, "subprotocols": []}
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(scope, self.incoming.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent += message["type"] == "websocket.send"

    def say(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def counted(say: Callable[[int], Awaitable[None]], times: int) -> Calls:
    """The middle one of the last five of so many: what is done now and then falls on one of them, by the clock."""
    for number in range(times - 5):
        await say(number)
    last = []
    for number in range(times - 5, times):
        with Calls() as calls:
            await say(number)
        last.append(calls)
    return sorted(last, key=lambda calls: calls.total)[2]


async def until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0)


async def in_a_room() -> Calls:
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    members: list[Any] = []

    async def room(websocket: Any) -> None:
        await websocket.accept()
        members.append(websocket)
        async for text in websocket.iter_text():
            for member in members:
                await member.send_text(text)

    app = Starlette(routes=[WebSocketRoute("/", room)])
    five = [Member(app, f"member-{number}") for number in range(5)]
    await until(lambda: len(members) == len(five))

    async def say(number: int) -> None:
        before = sum(member.sent for member in five)
        five[number % 5].say(json.dumps({"number": number, "text": "has anybody seen the minutes of monday?"}))
        await until(lambda: sum(member.sent for member in five) == before + 5)

    calls = await counted(say, 80)
    await asyncio.gather(*(member.leave() for member in five))
    return calls


async def answers(chat: Any) -> Calls:
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    sink = chat.Sink()
    bridge = chat.Bridge(sink)

    async def serve(websocket: Any) -> None:
        user_id = websocket.headers["x-forwarded-user"]
        chat.current_user.set(user_id)
        await websocket.accept()
        sink.sockets[user_id] = websocket
        async for text in websocket.iter_text():
            context = chat.Context(user_id, f"run_{user_id}_{text.split()[-1]}")
            await chat.Engine(context, bridge).answer(text)

    app = Starlette(routes=[WebSocketRoute("/", serve)])
    two = [Member(app, name) for name in ("user-alice", "user-bob")]
    await until(lambda: len(sink.sockets) == len(two))

    async def say(number: int) -> None:
        one = two[number % 2]
        before = one.sent
        one.say(f"what is in my report number {number}")
        await until(lambda: one.sent == before + 4)

    calls = await counted(say, 40)
    await asyncio.gather(*(member.leave() for member in two))
    return calls


def measured() -> dict[str, Any]:
    chat: Any = ModuleType("counted_chat")
    sys.modules[chat.__name__] = chat
    exec(compile(SOURCE, "counted_chat.py", "exec"), vars(chat))
    chat.current_user = ContextVar("current_user", default=None)
    told: dict[str, Any] = {}
    for name, config, run in (
        ("message to a room of five", Config(), in_a_room),
        ("answer of four events", parse_config(tomllib.loads(CONFIG)), lambda: answers(chat)),
    ):
        with Auditor(config) as auditor:
            calls = asyncio.run(run())
            summary = auditor.snapshot()["summary"]
        told[name] = {"total": calls.total, "listed": calls.listed(), "summary": summary}
    return told


@pytest.fixture(scope="module")
def told() -> Any:
    pytest.importorskip("starlette")
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CEILINGS)
def test_nothing_costs_more_calls_than_it_did(told, name) -> None:
    assert told[name]["total"] <= CEILINGS[name], told[name]["listed"]
    assert told[name]["total"] > 50, "it was audited"
    assert not told[name]["summary"]["findings"]
    assert not told[name]["summary"]["faults"]


def test_the_events_of_the_answer_were_followed(told) -> None:
    assert told["answer of four events"]["summary"]["events_total"] == 40 * 4


if __name__ == "__main__":
    print(json.dumps(measured()))
