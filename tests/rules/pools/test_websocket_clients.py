"""Connections to a service over WebSockets, lent to one user's work after the other's: answers that were not read."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from auditing import Audit, current_user

pytest.importorskip("websockets.asyncio", reason="the integration is for websockets 13.0 and later")

import websockets
from websockets.asyncio.server import serve

HERE = Path(__file__).name


async def answer_slowly(connection: Any) -> None:
    """Answers each message with itself, a little later."""
    with contextlib.suppress(websockets.ConnectionClosed):
        async for text in connection:
            await asyncio.sleep(0.03)
            await connection.send(f"answer to {text}")


class ByWebsockets:
    """A connection of the ``websockets`` package."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> ByWebsockets:
        from websockets.asyncio.client import connect

        self._connection = await connect(self._url)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._connection.close()

    async def send(self, text: str) -> None:
        await self._connection.send(text)

    async def receive(self) -> str:
        return str(await self._connection.recv())


class ByAiohttp(ByWebsockets):
    """One of aiohttp's client."""

    async def __aenter__(self) -> ByAiohttp:
        aiohttp = pytest.importorskip("aiohttp")
        self._session = aiohttp.ClientSession()
        self._connection = await self._session.ws_connect(self._url)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._connection.close()
        await self._session.close()

    async def send(self, text: str) -> None:
        await self._connection.send_str(text)

    async def receive(self) -> str:
        return str(await self._connection.receive_str())


CLIENTS = pytest.mark.parametrize("client", [ByWebsockets, ByAiohttp])


@contextlib.asynccontextmanager
async def connected(client: Any):
    """A server, and one connection to it."""
    async with (
        serve(answer_slowly, "127.0.0.1", 0) as server,
        client(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}") as connection,
    ):
        yield connection


async def ask(connection: Any, user: str) -> str:
    current_user.set(user)
    await connection.send(user)
    answer: str = await connection.receive()
    return answer


async def give_up(connection: Any, user: str) -> None:
    task = asyncio.create_task(ask(connection, user))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])


def run(scenario: Any) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 20))


@CLIENTS
def test_an_answer_that_was_given_up_is_the_next_ones(audit: Audit, client: Any) -> None:
    async def scenario() -> str:
        async with connected(client) as connection:
            await give_up(connection, "alice")
            return await asyncio.create_task(ask(connection, "bob"))

    assert run(scenario) == "answer to alice"
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert Path(finding.site.top.file).name == HERE


@CLIENTS
def test_answers_that_were_waited_for(audit: Audit, client: Any) -> None:
    async def scenario() -> list[str]:
        async with connected(client) as connection:
            return [await asyncio.create_task(ask(connection, user)) for user in ("alice", "bob", "alice")]

    assert run(scenario) == ["answer to alice", "answer to bob", "answer to alice"]
    assert audit.pairs("IA505") == set()


@CLIENTS
def test_a_connection_of_ones_own_after_that(audit: Audit, client: Any) -> None:
    async def scenario() -> str:
        async with connected(client) as connection:
            await give_up(connection, "alice")
        async with connected(client) as another:
            return await asyncio.create_task(ask(another, "bob"))

    assert run(scenario) == "answer to bob"
    assert audit.pairs("IA505") == set()


@CLIENTS
def test_one_task_reads_for_everybody(audit: Audit, client: Any) -> None:
    """As where each answer says by its id whose it is: who asked may have given up."""

    async def scenario() -> str:
        async with connected(client) as connection:
            waiting: dict[str, asyncio.Future[str]] = {}

            async def read() -> None:
                while True:
                    answer = await connection.receive()
                    future = waiting.pop(answer.removeprefix("answer to "), None)
                    if future is not None and not future.done():
                        future.set_result(answer)

            async def ask_reader(user: str) -> str:
                current_user.set(user)
                waiting[user] = asyncio.get_running_loop().create_future()
                await connection.send(user)
                return await waiting[user]

            reader = asyncio.create_task(read())
            await asyncio.create_task(ask_reader("carol"))
            given_up = asyncio.create_task(ask_reader("alice"))
            await asyncio.sleep(0.01)
            given_up.cancel()
            await asyncio.wait([given_up])
            answer = await asyncio.create_task(ask_reader("bob"))
            reader.cancel()
            await asyncio.wait([reader])
            return answer

    assert run(scenario) == "answer to bob"
    assert audit.pairs("IA505") == set()
