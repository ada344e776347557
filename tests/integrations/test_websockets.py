"""Connections of the ``websockets`` package's own asyncio server, with its real clients."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import Any

import pytest
from servers import line_of

from isolation_audit import user_scope

pytest.importorskip("websockets.asyncio", reason="the integration is for websockets 13.0 and later")

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve


def chatting(handler: Any, client: Any, clients: int = 1, **options: Any) -> Any:
    """A scenario: the handler on a server, and clients one after the other."""

    async def scenario() -> Any:
        async with serve(handler, "127.0.0.1", 0, **options) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return [await client(url) for _ in range(clients)]

    return scenario


async def talk(url: str) -> Any:
    """What a client gets, up to the close code."""
    got = []
    try:
        async with connect(url) as connection:
            await connection.send("hello")
            while True:
                got.append(await connection.recv())
    except websockets.ConnectionClosed as closed:
        return got, closed.rcvd.code if closed.rcvd else 1006


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)
        return


def test_a_normal_chat(audited) -> None:
    done = audited(chatting(echo, talk, clients=3))
    assert done.result == [(["hello"], 1000)] * 3
    assert done.findings == {}


def test_a_close_that_another_tool_has_wrapped(audited, monkeypatch) -> None:
    """The code, which a call may leave out, is no parameter of its own then."""
    close = ServerConnection.close

    @functools.wraps(close)
    async def traced(*args: Any, **kwargs: Any) -> None:
        await close(*args, **kwargs)

    monkeypatch.setattr(ServerConnection, "close", traced)
    done = audited(chatting(echo, talk, clients=3))
    assert done.result == [(["hello"], 1000)] * 3
    assert done.findings == {}


@pytest.mark.parametrize("code", [1000, 1001, 4401])
def test_sent_after_the_handlers_own_close(audited, code) -> None:
    async def chat(connection: Any) -> None:
        with user_scope("alice"):
            await connection.recv()
            await connection.close(code)
            with contextlib.suppress(websockets.ConnectionClosed):
                await connection.send("late")  # late

    done = audited(chatting(chat, talk))
    assert done.result == [([], code)]
    (finding,) = done.findings["IA307"]
    assert finding.message == "sent on a connection after the application had closed it"
    assert finding.site.top.line == line_of(test_sent_after_the_handlers_own_close, "# late")
    assert finding.witnesses.ambient == finding.witnesses.owner is not None
    assert set(done.findings) == {"IA307"}


def test_sent_after_the_end_was_received(audited) -> None:
    over = asyncio.Event()

    async def chat(connection: Any) -> None:
        async for _message in connection:
            pass
        with contextlib.suppress(websockets.ConnectionClosed):
            await connection.send("bye")
        over.set()

    async def leave(url: str) -> None:
        async with connect(url) as connection:
            await connection.send("hello")
        await over.wait()

    (finding,) = audited(chatting(chat, leave)).findings["IA307"]
    assert finding.message == "sent on a connection after its disconnect had been received"


def test_sent_during_the_handshake(audited) -> None:
    async def early(connection: Any, _request: Any) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await connection.send("welcome")

    async def client(url: str) -> None:
        with contextlib.suppress(websockets.InvalidMessage, websockets.ConnectionClosed, OSError):
            await talk(url)

    (finding,) = audited(chatting(echo, client, process_request=early, close_timeout=0.2, logger=quiet())).findings[
        "IA307"
    ]
    assert finding.message == "sent on a connection before its handshake was done"


def test_a_client_that_vanishes_while_it_is_being_sent_to(audited) -> None:
    over = asyncio.Event()

    async def chat(connection: Any) -> None:
        try:
            while True:
                await connection.send("x" * 50_000)
                await asyncio.sleep(0)
        except websockets.ConnectionClosed:
            for _ in range(3):
                with contextlib.suppress(websockets.ConnectionClosed):
                    await connection.send("x")
            over.set()
            raise

    async def vanish(url: str) -> None:
        connection = await connect(url)
        await connection.recv()
        connection.transport.abort()
        await connection.wait_closed()
        await over.wait()

    assert audited(chatting(chat, vanish, logger=quiet())).findings == {}


def test_broadcasts_and_a_server_that_shuts_down(audited) -> None:
    everyone = set()

    async def chat(connection: Any) -> None:
        everyone.add(connection)
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                broadcast(everyone, "news")
                await connection.send("tick")
                await asyncio.sleep(0)
        with contextlib.suppress(websockets.ConnectionClosed):
            await connection.send("one that was under way")

    async def client(url: str) -> None:
        connection = await connect(url)
        await connection.recv()
        everyone_else.append(connection)

    async def scenario() -> None:
        await chatting(chat, client, clients=3, close_timeout=0.2)()
        for connection in everyone_else:
            connection.transport.abort()
            await connection.wait_closed()

    everyone_else: list[Any] = []
    assert audited(scenario).findings == {}


def test_a_handler_that_raises(audited) -> None:
    async def chat(connection: Any) -> None:
        with user_scope("alice"):
            answer(await connection.recv())

    done = audited(chatting(chat, talk, clients=2, logger=quiet()))
    assert done.result == [([], 1011)] * 2
    assert done.counts == {"IA308": 2}
    (finding,) = done.findings["IA308"]
    assert finding.message == "a connection was closed with 1011: ValueError"
    assert finding.site.top.function == "answer"
    assert "hello" not in str(finding)


def answer(question: str) -> int:
    return int(question)


def test_other_users_of_the_same_methods_are_not_meant(audited) -> None:
    async def client(url: str) -> None:
        async with connect(url) as connection:
            await connection.close(1011)
            with contextlib.suppress(websockets.ConnectionClosed):
                await connection.send("late")

    assert audited(chatting(echo, client)).findings == {}


def quiet() -> Any:
    import logging

    logger = logging.getLogger("quiet")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
