"""Whose connections of the ``websockets`` package's own asyncio server are: their handshake says so."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from typing import Any

import pytest
from clients import NAMED, known, told

from isolation_audit import user_scope

pytest.importorskip("websockets.asyncio", reason="the integration is for websockets 13.0 and later")

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

DIARY = "the notary has found my second will"


def token(user: str) -> str:
    """A signed token; nobody here checks it."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": user})
    head, claims = (urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    return f"{head}.{claims}.c2lnbmF0dXJl"


@asynccontextmanager
async def served(handler: Any, **options: Any):
    """A server's address."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def say_who(connection: Any) -> None:
    await connection.send(json.dumps(known()))


async def ask(url: str, *said: str, **headers: str) -> list[str]:
    """What is answered to what is said."""
    async with connect(url, additional_headers=headers) as connection:
        answers = []
        for text in said:
            await connection.send(text)
            answers.append(str(await connection.recv()))
        return answers or [str(await connection.recv())]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"X-User": "alice"}),
        ("/", {"Authorization": f"Bearer {token('alice')}"}),
        ("/chat?user_id=alice", {}),
    ],
)
def test_the_handshake_says_it(audited, path: str, headers: dict[str, str]) -> None:
    async def scenario() -> Any:
        async with served(say_who) as url:
            return await ask(url + path, **headers)

    assert audited(scenario, NAMED).result == ['"alice"']


def test_of_two_connections_each_has_its_own(audited) -> None:
    async def scenario() -> Any:
        async with served(say_who) as url:
            return await asyncio.gather(*(ask(url, **{"X-User": user}) for user in ("alice", "bob", "alice")))

    done = audited(scenario, NAMED)
    assert done.result == [['"alice"'], ['"bob"'], ['"alice"']]
    assert done.findings == {}


def test_nobody_says_it(audited) -> None:
    async def scenario() -> Any:
        async with served(say_who) as url:
            return await ask(url)

    assert audited(scenario, NAMED).result == ["null"]


def test_a_server_of_somebodys_own(audited) -> None:
    """Its connections inherit that user from it, and from no other connection."""

    async def scenario() -> Any:
        with user_scope("owner"):
            async with served(say_who) as url:
                return await ask(url, **{"X-User": "alice"})

    done = audited(scenario, NAMED)
    assert done.result == ['"owner"']
    assert done.findings == {}


class Assistant:
    """Keeps the last text on itself; whoever ``leaks`` answers with what stood there before."""

    def __init__(self, *, leaks: bool) -> None:
        self.leaks = leaks
        self.last = ""

    async def __call__(self, connection: Any) -> None:
        async for text in connection:
            before, self.last = self.last, text
            await connection.send(f"noted: {(before or text) if self.leaks else text}")


@pytest.mark.parametrize("leaks", [True, False])
def test_what_another_connection_has_brought_in(audited, leaks: bool) -> None:
    async def scenario() -> Any:
        async with served(Assistant(leaks=leaks)) as url:
            await ask(url, DIARY, **{"X-User": "alice"})
            return await ask(url, "when does the library open today", **{"X-User": "bob"})

    done = audited(scenario, NAMED)
    assert (DIARY in done.result[0]) is leaks
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaks else [])


class Desk:
    """Answers after a while, on the connection that ``find`` gives."""

    def __init__(self, *, leaks: bool) -> None:
        self.leaks = leaks
        self.connection: Any = None

    async def __call__(self, connection: Any) -> None:
        self.connection = connection
        async for number in connection:
            await asyncio.sleep(0.05)
            while self.leaks and self.connection is connection:
                await asyncio.sleep(0.01)
            there = self.connection if self.leaks else connection
            await there.send(str(int(number) * 3571))


@pytest.mark.parametrize("leaks", [True, False])
def test_the_connection_that_came_last(audited, leaks: bool) -> None:
    """Bob's has said nothing yet when it is sent what alice has asked for."""

    async def conversation() -> Any:
        async with (
            served(Desk(leaks=leaks)) as url,
            connect(url, additional_headers={"X-User": "alice"}) as alice,
        ):
            await alice.send("31")
            async with connect(url, additional_headers={"X-User": "bob"}) as bob:
                return await (bob if leaks else alice).recv()

    async def scenario() -> Any:
        # On a thread of its own: no function of this file's leads to both connections there.
        return await asyncio.to_thread(lambda: asyncio.run(conversation()))

    done = audited(scenario, NAMED)
    assert done.result == str(31 * 3571)
    found = [(one.witnesses.content, one.witnesses.addressee) for one in done.findings.get("IA202", ())]
    assert found == ([("alice", "bob")] if leaks else [])
    assert done.findings.keys() <= {"IA202"}
