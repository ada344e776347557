"""Callbacks in a list for all: real WebSockets whose users' callbacks hear what others' requests do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")

ALICE, BOB, CAROL = "bus-alice", "bus-bob", "bus-carol"

callbacks: list[Any] = []


def sends_all(socket: Any, _user: str) -> Callable[[Any], Any]:
    async def told(event: dict[str, Any]) -> None:
        await socket.send_json({"done": event["total"]})

    return told


def sends_own(socket: Any, user: str) -> Callable[[Any], Any]:
    async def told(event: dict[str, Any]) -> None:
        if event["owner"] == user:
            await socket.send_json({"done": event["total"]})

    return told


def total(user: str) -> dict[str, Any]:
    return {"owner": user, "total": 25487}


def said(user: str) -> dict[str, Any]:
    return {"user": user, "text": "hello", "total": 25487}


def for_all(_user: str) -> dict[str, Any]:
    return {"total": 25487}


def app_with(made_by: Any, event_of: Any) -> Any:
    async def listen(socket: Any) -> None:
        await socket.accept()
        callbacks.append(made_by(socket, socket.headers["x-user"]))
        await socket.receive_text()
        await socket.send_text("listening")
        await socket.receive()

    async def work(socket: Any) -> None:
        await socket.accept()
        async for _text in socket.iter_text():
            for callback in callbacks:
                await callback(event_of(socket.headers["x-user"]))
            await socket.send_text("done")

    return Starlette(routes=[WebSocketRoute("/listen", listen), WebSocketRoute("/work", work)])


async def talk(port: int, listeners: list[str]) -> list[list[Any]]:
    """Bob works while others listen; what those have heard."""
    open_ones = []
    for user in listeners:
        one = await websockets.connect(f"ws://127.0.0.1:{port}/listen", additional_headers={"x-user": user})
        await one.send("here")
        assert await one.recv() == "listening"
        open_ones.append(one)
    async with websockets.connect(f"ws://127.0.0.1:{port}/work", additional_headers={"x-user": BOB}) as bob:
        await bob.send("go")
        assert await bob.recv() == "done"
    heard = []
    for one in open_ones:
        await one.close()
        heard.append([json.loads(message) async for message in one])
    return heard


def found_with(
    made_by: Any, event_of: Any = total, listeners: tuple[str, ...] = (ALICE,)
) -> tuple[list[Any], list[Any]]:
    callbacks.clear()
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        server = uvicorn.Server(uvicorn.Config(app_with(made_by, event_of), port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            heard = asyncio.run(talk(server.servers[0].sockets[0].getsockname()[1], list(listeners)))
        finally:
            server.should_exit = True
            thread.join()
            callbacks.clear()
        auditor.settle()
        found = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    assert auditor.runtime.barrier.counts == {}
    return heard, [(one.rule, one.severity.value, one.witnesses.content, one.witnesses.addressee) for one in found]


def test_a_callback_sends_its_user_what_another_has_done() -> None:
    heard, found = found_with(sends_all)
    assert heard == [[{"done": 25487}]]
    assert found == [("IA202", "warning", BOB, ALICE)]


def test_a_callback_that_looks_whose_it_is() -> None:
    assert found_with(sends_own) == ([[]], [])


@pytest.mark.parametrize("event_of", [said, for_all])
def test_what_is_said_to_others_and_what_names_nobody(event_of: Any) -> None:
    assert found_with(sends_all, event_of) == ([[{"done": 25487}]], [])


def test_what_several_hear_goes_round() -> None:
    heard, found = found_with(sends_all, listeners=(ALICE, CAROL))
    assert heard == [[{"done": 25487}], [{"done": 25487}]]
    assert found == []
