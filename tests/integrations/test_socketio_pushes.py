"""What a Socket.IO server emits to the very client whose handler runs: out of memory, or with what has come in."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from servers import serving

socketio = pytest.importorskip("socketio")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")

ALICE, BOB = "alice.liddell", "bob.builder"


def conversation(*bob_asks: Any) -> Any:
    """Alice is seen first, then bob asks; gives what was emitted to him."""
    server = socketio.AsyncServer(async_mode="asgi")
    last: dict[str, Any] = {}
    names: dict[str, str] = {}
    started: list[asyncio.Task[None]] = []
    returned = asyncio.Event()

    @server.event
    async def connect(sid: str, _environ: Any, auth: dict[str, str]) -> None:
        names[sid] = auth["user"]
        await server.save_session(sid, {"user_id": auth["user"], "friend": auth["friend"]})

    @server.event
    async def mine(sid: str) -> None:
        last.setdefault("user", names[sid])
        await server.emit("seen", {"owner": last["user"], "balance": 7}, to=sid)

    @server.event
    async def join(sid: str, told: str) -> None:
        last.setdefault("user", names[sid])
        await server.enter_room(sid, told)

    @server.event
    async def game(sid: str) -> None:
        await server.emit("seen", {"moves": ["e4"], "score": {last["user"]: 7}}, to=sid)

    @server.event
    async def echo(sid: str, told: Any) -> None:
        await server.emit("seen", {"owner": told}, to=sid)

    @server.event
    async def friend(sid: str) -> None:
        await server.emit("seen", {"owner": (await server.get_session(sid))["friend"]}, to=sid)

    @server.event
    async def later(sid: str, told: str) -> None:
        started.append(asyncio.create_task(goes_on(sid, told)))

    async def goes_on(sid: str, told: str) -> None:
        """Goes on when its handler is long over."""
        await returned.wait()
        owner = last["user"] if told == "memory" else told
        if told == "session":
            owner = (await server.get_session(sid))["friend"]
        await server.emit("seen", {"owner": owner}, to=sid)

    @server.event
    async def wait(_sid: str) -> None:
        returned.set()
        await asyncio.gather(*started)

    @server.event
    async def spoke(sid: str) -> None:
        await server.emit("seen", {"output": f"{last['user']} spoke last"}, to=sid)

    @server.event
    async def history(sid: str) -> None:
        await server.emit("seen", [{"user": last["user"], "text": "hello"}], to=sid)

    async def run() -> list[Any]:
        seen: list[Any] = []
        async with AsyncExitStack() as stack:
            url = (await stack.enter_async_context(serving(socketio.ASGIApp(server)))).replace("ws", "http", 1)
            for user in (ALICE, BOB):
                client = socketio.AsyncClient()
                if user is BOB:
                    client.on("seen", seen.append)
                auth = {"user": user, "friend": ALICE}
                await client.connect(url, auth=auth, transports=["websocket"])
                stack.push_async_callback(client.disconnect)
                for asked in [("mine",), ("join", "chess")] if user is ALICE else bob_asks:
                    await client.call(*asked, timeout=60)
        return seen

    return run


def test_what_memory_has_of_another_is_found(audited) -> None:
    done = audited(conversation(("mine",)))
    assert done.result == [{"owner": ALICE, "balance": 7}]
    assert done.findings.keys() == {"IA203"}


@pytest.mark.parametrize("personal", [True, False])
def test_in_a_chat_with_a_program_nobody_else_speaks(audited, monkeypatch, personal) -> None:
    made = socketio.AsyncServer

    def make(**options: Any) -> Any:
        server = made(**options)
        monkeypatch.setitem(sys.modules, "chainlit.server" if personal else "shop", SimpleNamespace(sio=server))
        return server

    monkeypatch.setattr(socketio, "AsyncServer", make)
    done = audited(conversation(("spoke",)))
    assert done.result == [{"output": f"{ALICE} spoke last"}]
    assert done.findings.keys() == ({"IA203"} if personal else set())


@pytest.mark.parametrize(("told", "leaks"), [("memory", True), ("session", False), (ALICE, False)])
def test_a_task_that_goes_on_is_a_part_of_its_handler_s_work(audited, told, leaks) -> None:
    done = audited(conversation(("later", told), ("wait",)))
    assert done.result == [{"owner": ALICE}]
    assert done.findings.keys() == ({"IA203"} if leaks else set())


@pytest.mark.parametrize("asked", [("echo", ALICE), ("friend",), ("history",)])
def test_what_has_come_in_or_is_said_in_a_room_is_not(audited, asked) -> None:
    done = audited(conversation(asked))
    assert ALICE in str(done.result)
    assert done.findings == {}


@pytest.mark.parametrize(("room", "rules"), [("chess", set()), ("draughts", {"IA203"})])
def test_the_state_of_a_room_names_its_members(audited, room, rules) -> None:
    done = audited(conversation(("join", room), ("game",)))
    assert done.result == [{"moves": ["e4"], "score": {ALICE: 7}}]
    assert done.findings.keys() == rules


def test_what_tells_of_one_member_alone_is_no_state_of_a_room(audited) -> None:
    done = audited(conversation(("join", "chess"), ("mine",)))
    assert done.findings.keys() == {"IA203"}
