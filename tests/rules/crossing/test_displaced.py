"""Connections that have taken the place of others: real WebSockets, and answers that name nobody."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")

ALICE, BOB = "place-alice", "place-bob"


class Last:
    """Keeps who came last."""

    socket: Any = None

    def add(self, _user: str, socket: Any) -> None:
        self.socket = socket

    def find(self, _user: str) -> Any:
        return self.socket


class ByRoom(Last):
    """Keeps one for all who come to a room."""

    def __init__(self) -> None:
        self.rooms: dict[str, Any] = {}

    def add(self, _user: str, socket: Any) -> None:
        self.rooms["lobby"] = socket

    def find(self, _user: str) -> Any:
        return self.rooms["lobby"]


class Host(Last):
    """Who came first leads, and hears from all others."""

    def add(self, user: str, socket: Any) -> None:
        self.socket = self.socket or socket


class ByUser(Last):
    """Keeps each user's own."""

    def __init__(self) -> None:
        self.users: dict[str, Any] = {}

    def add(self, user: str, socket: Any) -> None:
        self.users[user] = socket

    def find(self, user: str) -> Any:
        return self.users[user]


class Game(ByUser):
    """Tells the other player, who is registered beside one's own."""

    def find(self, user: str) -> Any:
        return next(socket for name, socket in self.users.items() if name != user)


class Lent(Last):
    """The sender's own is kept inside of an object."""

    def __init__(self) -> None:
        self.players: list[Any] = []

    def add(self, user: str, socket: Any) -> None:
        self.players.append(Player(user, socket))

    def find(self, user: str) -> Any:
        return next(one.socket for one in self.players if one.user != user)


class Player:
    def __init__(self, user: str, socket: Any) -> None:
        self.user, self.socket = user, socket


def app_with(store: Any, *, in_task: bool) -> Any:
    tasks = set()

    async def endpoint(socket: Any) -> None:
        user = socket.headers["x-user"]
        await socket.accept()
        store.add(user, socket)

        async def answer(number: int) -> None:
            await store.find(user).send_json({"salary": number * 3571})

        async for number in socket.iter_json():
            if in_task:
                tasks.add(asyncio.create_task(answer(number)))
            else:
                await answer(number)

    return Starlette(routes=[WebSocketRoute("/ws", endpoint)])


async def talk(port: int, *, asks: str = ALICE) -> list[str]:
    """Alice connects, then Bob; one of them asks. Whoever is answered."""
    headers = [{"x-user": user} for user in (ALICE, BOB)]
    address = f"ws://127.0.0.1:{port}/ws"
    async with (
        websockets.connect(address, additional_headers=headers[0]) as alice,
        websockets.connect(address, additional_headers=headers[1]) as bob,
    ):
        await (alice if asks == ALICE else bob).send(json.dumps(31))
        waiting = {asyncio.create_task(one.recv()): name for one, name in ((alice, ALICE), (bob, BOB))}
        done, left = await asyncio.wait(waiting, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        return [waiting[one] for one in done]


def found_with(
    store: Any, *, in_task: bool = False, asks: str = ALICE
) -> tuple[list[str], list[tuple[str, str, str | None, str | None]]]:
    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        server = uvicorn.Server(uvicorn.Config(app_with(store, in_task=in_task), port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            answered = asyncio.run(talk(server.servers[0].sockets[0].getsockname()[1], asks=asks))
        finally:
            server.should_exit = True
            thread.join()
        auditor.settle()
        found = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    assert auditor.runtime.barrier.counts == {}
    return answered, [(one.rule, one.severity.value, one.witnesses.content, one.witnesses.addressee) for one in found]


@pytest.mark.parametrize("in_task", [False, True])
@pytest.mark.parametrize("kind", [Last, ByRoom])
def test_another_connection_stands_where_the_senders_own_was(kind: type, in_task: bool) -> None:
    assert found_with(kind(), in_task=in_task) == ([BOB], [("IA202", "warning", ALICE, BOB)])


@pytest.mark.parametrize("in_task", [False, True])
def test_each_users_own(in_task: bool) -> None:
    assert found_with(ByUser(), in_task=in_task) == ([ALICE], [])


@pytest.mark.parametrize("kind", [Game, Lent])
def test_a_message_for_another_who_is_registered_beside_the_sender(kind: type) -> None:
    assert found_with(kind()) == ([BOB], [])


@pytest.mark.parametrize("asks", [ALICE, BOB])
def test_a_message_for_the_host_who_was_there_before(asks: str) -> None:
    assert found_with(Host(), asks=asks) == ([ALICE], [])
